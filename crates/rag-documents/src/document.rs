//! Reading one document.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rag_core::{Date, Section};

use crate::format::{self, Format};
use crate::limits::{self, Limits};
use crate::report::{PageProblem, PageReport};
use crate::{docx, foreign, html, markdown, pdf, text};

/// Stack of the thread that reads: parsers of nested formats recurse, within bounds.
pub(crate) const STACK_BYTES: usize = 32 * 1024 * 1024;

/// The longest cause of an error (characters).
const LONGEST_CAUSE: usize = 300;

/// A document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it was.
    pub format: Format,
    /// The day it says it was last changed; not the file's own time, which copying changes.
    pub date: Option<Date>,
    /// Its pages or heading sections, in order. A page without text is there, empty.
    pub sections: Vec<Section>,
    /// What a reader of the text should know, each one clause.
    pub warnings: Vec<String>,
    /// What is known of each page besides its text; empty where the format has no pages.
    pub pages: Vec<PageReport>,
}

impl Document {
    /// The first page of which text may be missing or not right, and why; nothing when there is none.
    pub fn problem(&self) -> Option<(u32, &PageProblem)> {
        self.pages.iter().find_map(|page| Some((page.page, page.problems.first()?)))
    }
}

/// Why a document cannot be read; one clause, without its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// A password is needed.
    #[error("it is encrypted; save a copy without a password")]
    Encrypted,
    /// It is of a kind that is not read.
    #[error("it is {0}, which is not read; {advice}", advice = foreign::advice(.0))]
    WrongType(&'static str),
    /// Its extension says something else than its content.
    #[error("it is misnamed: its content is {found}, its extension .{extension}")]
    Misnamed {
        /// What the content is.
        found: &'static str,
        /// What the name says.
        extension: String,
    },
    /// It does not follow its format.
    #[error("it is broken: {0}")]
    Broken(String),
    /// It would take more than the limits allow.
    #[error("it is too large: {0}")]
    TooLarge(String),
    /// Reading it takes longer than [`Limits::time`].
    #[error("it takes longer than {limit} to read", limit = limits::time(*.0))]
    TooSlow(Duration),
    /// Reading it takes more memory than [`Limits::memory`], in bytes.
    #[error("it needs more than {limit} of memory to read", limit = limits::bytes(*.0))]
    TooHungry(u64),
    /// The process that read it ended in the middle.
    #[error("the reader crashed on it: {0}")]
    Crashed(String),
    /// Its bytes cannot be had.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

/// Reads the file at `path`.
///
/// # Errors
/// When the file cannot be read, or for any reason of [`read`].
pub fn read_file(path: &Path, limits: &Limits) -> Result<Document, DocumentError> {
    let unreadable = |e: std::io::Error| DocumentError::Unreadable(e.to_string());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(limits.file.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    read(bytes, &name, limits)
}

/// Reads a document from its bytes. `name` is only asked for its extension, which must agree with
/// the content, and which tells text formats apart.
///
/// # Errors
/// When it is empty, encrypted, broken, misnamed, too large, or of a kind that is not read.
pub fn read(bytes: Vec<u8>, name: &str, limits: &Limits) -> Result<Document, DocumentError> {
    read_with_password(bytes, name, limits, "")
}

/// Reads a document as [`read`] does; a PDF that is encrypted is opened with `password`, that of
/// its user or its owner.
///
/// # Errors
/// For any reason of [`read`].
pub fn read_with_password(
    bytes: Vec<u8>,
    name: &str,
    limits: &Limits,
    password: &str,
) -> Result<Document, DocumentError> {
    if bytes.is_empty() {
        return Err(DocumentError::Empty);
    }
    if bytes.len() as u64 > limits.file {
        return Err(DocumentError::TooLarge(format!(
            "it has more than {}",
            limits::bytes(limits.file)
        )));
    }
    let format = format::decide(&bytes, name)?;
    let document = contained(|| match format {
        Format::Pdf => pdf::read(&bytes, limits, password),
        Format::Docx => docx::read(&bytes, limits),
        Format::Markdown => markdown::read(&bytes, limits),
        Format::Html => html::read(&bytes, limits),
        Format::Text => text::read(&bytes, limits),
        Format::Csv => text::read_rows(&bytes, limits),
    })
    .map_err(shortened)?;
    format::agrees(document.format, name)?;
    Ok(document)
}

/// The error with a cause that fits a line: libraries quote from the document, however long that is.
fn shortened(error: DocumentError) -> DocumentError {
    let cut = |cause: String| match cause.char_indices().nth(LONGEST_CAUSE) {
        Some((end, _)) => format!("{}…", cause.get(..end).unwrap_or_default()),
        None => cause,
    };
    match error {
        DocumentError::Broken(cause) => DocumentError::Broken(cut(cause)),
        DocumentError::TooLarge(cause) => DocumentError::TooLarge(cut(cause)),
        DocumentError::Unreadable(cause) => DocumentError::Unreadable(cut(cause)),
        other => other,
    }
}

/// Runs a reader on its own thread: a panic in it, or in a library under it, is an error about
/// this document and no more.
fn contained(
    read: impl FnOnce() -> Result<Document, DocumentError> + Send,
) -> Result<Document, DocumentError> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("reader".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, read)
            .map_err(|e| DocumentError::Unreadable(format!("no thread to read it: {e}")))?
            .join()
            .unwrap_or_else(|_| Err(DocumentError::Broken("the reader gave up on it".to_owned())))
    })
}
