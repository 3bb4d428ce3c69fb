//! How much a document may ask of the machine that reads it.

mod value;

use std::time::Duration;

pub use value::LimitError;
use value::Value;

/// Bounds on reading one document. The defaults let real manuals of thousands of pages through.
/// Each has a name, under which it is set by [`Limits::set`] and given by [`Limits::entries`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file (`file`).
    pub file: u64,
    /// Wall-clock time, where a process of its own reads the document (`time`).
    pub time: Duration,
    /// Bytes of memory of that process (`memory`).
    pub memory: u64,
    /// Bytes of text a document may give (`text`).
    pub text: usize,
    /// Bytes one stream of a PDF may decompress to (`pdf-stream`).
    pub pdf_stream: usize,
    /// Bytes the content of one page may decompress to (`pdf-page`).
    pub pdf_page: usize,
    /// Drawing instructions on one page, those of nested forms included (`pdf-instructions`).
    pub pdf_instructions: usize,
    /// Pages (`pdf-pages`).
    pub pdf_pages: usize,
    /// Bytes one part of a DOCX may decompress to (`docx-part`).
    pub docx_part: u64,
    /// Bytes all parts of a DOCX that are read may decompress to (`docx-total`).
    pub docx_total: u64,
    /// Entries of a DOCX container (`docx-entries`).
    pub docx_entries: usize,
    /// How deep XML elements may nest (`xml-depth`).
    pub xml_depth: usize,
    /// How deep elements of HTML may nest (`html-depth`).
    pub html_depth: usize,
    /// Elements and texts of an HTML page (`html-nodes`).
    pub html_nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            file: 1024 * MIB as u64,
            time: Duration::from_secs(120),
            memory: 2048 * MIB as u64,
            text: 256 * MIB,
            pdf_stream: 64 * MIB,
            pdf_page: 16 * MIB,
            pdf_instructions: 2_000_000,
            pdf_pages: 50_000,
            docx_part: 128 * MIB as u64,
            docx_total: 512 * MIB as u64,
            docx_entries: 20_000,
            xml_depth: 256,
            // Where browsers stop, too.
            html_depth: 512,
            html_nodes: 5_000_000,
        }
    }
}

/// A limit by its name.
type Named<'a> = (&'static str, Value<'a>);

impl Limits {
    fn named(&mut self) -> [Named<'_>; 14] {
        [
            ("file", Value::Bytes(&mut self.file)),
            ("time", Value::Time(&mut self.time)),
            ("memory", Value::Bytes(&mut self.memory)),
            ("text", Value::Size(&mut self.text)),
            ("pdf-stream", Value::Size(&mut self.pdf_stream)),
            ("pdf-page", Value::Size(&mut self.pdf_page)),
            ("pdf-instructions", Value::Count(&mut self.pdf_instructions)),
            ("pdf-pages", Value::Count(&mut self.pdf_pages)),
            ("docx-part", Value::Bytes(&mut self.docx_part)),
            ("docx-total", Value::Bytes(&mut self.docx_total)),
            ("docx-entries", Value::Count(&mut self.docx_entries)),
            ("xml-depth", Value::Count(&mut self.xml_depth)),
            ("html-depth", Value::Count(&mut self.html_depth)),
            ("html-nodes", Value::Count(&mut self.html_nodes)),
        ]
    }

    /// Every limit by its name, with a value that [`Limits::set`] takes: `64 MiB`, `120 s`, `50000`.
    pub fn entries(mut self) -> Vec<(&'static str, String)> {
        self.named().into_iter().map(|(name, value)| (name, value.to_string())).collect()
    }

    /// Sets the limit of this name, as `pdf-pages`. Bytes are a number with or without `KiB`, `MiB`
    /// or `GiB`; a time is a number with `ms`, `s`, `m` or `h`; anything else is a number.
    ///
    /// # Errors
    /// When there is no such limit, or the value is none for it.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let names = || Self::default().entries().iter().map(|(name, _)| *name).collect::<Vec<_>>();
        match self.named().into_iter().find(|(known, _)| *known == name) {
            Some((name, mut place)) => place.parse(name, value),
            None => Err(LimitError::Unknown { name: name.to_owned(), known: names().join(", ") }),
        }
    }

    /// Sets a limit as it is written on a command line: `pdf-pages=5000`.
    ///
    /// # Errors
    /// When there is no `=`, and for any reason of [`Limits::set`].
    pub fn assign(&mut self, assignment: &str) -> Result<(), LimitError> {
        let (name, value) = assignment
            .split_once('=')
            .ok_or_else(|| LimitError::Shape { given: assignment.to_owned() })?;
        self.set(name.trim(), value.trim())
    }
}

/// A number of bytes as it is said: `64 MiB`, `1000 bytes`.
pub(crate) fn bytes(number: u64) -> String {
    match value::in_units(number) {
        (1, "") => "1 byte".to_owned(),
        (number, "") => format!("{number} bytes"),
        (number, unit) => format!("{number} {unit}"),
    }
}

/// A time as it is said: `120 s`, `1500 ms`.
pub(crate) fn time(time: Duration) -> String {
    value::time(time)
}
