//! The formats that can be read, and which of them a file is.

use std::path::Path;

use crate::document::DocumentError;
use crate::foreign::{self, Foreign};

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portable Document Format.
    Pdf,
    /// Office Open XML text.
    Docx,
    /// Markdown: CommonMark with tables, footnotes and front matter.
    Markdown,
    /// A web page.
    Html,
    /// Text as it is.
    Text,
    /// Rows of values, separated by commas, semicolons or tabs.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] =
        [Self::Pdf, Self::Docx, Self::Markdown, Self::Html, Self::Text, Self::Csv];

    /// Its extensions in lower case, without a dot; the usual one first.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Pdf => &["pdf"],
            Self::Docx => &["docx", "docm", "dotx", "dotm"],
            Self::Markdown => &["md", "markdown", "mdown", "mkd"],
            Self::Html => &["html", "htm", "xhtml"],
            Self::Text => &["txt", "text", "log", "rst", "adoc", "asciidoc", "org"],
            Self::Csv => &["csv", "tsv"],
        }
    }

    /// The usual extension, without a dot.
    pub fn extension(self) -> &'static str {
        self.extensions().first().copied().unwrap_or_default()
    }

    /// The format that an extension stands for, in whatever case, without its dot.
    pub fn of_extension(extension: &str) -> Option<Self> {
        let extension = extension.to_lowercase();
        Self::ALL.into_iter().find(|format| format.extensions().contains(&extension.as_str()))
    }

    /// Whether its files begin with bytes that say what they are.
    fn has_magic(self) -> bool {
        matches!(self, Self::Pdf | Self::Docx)
    }

    /// What a file of it is called in a sentence.
    pub(crate) fn article_and_name(self) -> &'static str {
        match self {
            Self::Pdf => "a PDF",
            Self::Docx => "a DOCX",
            Self::Markdown => "Markdown",
            Self::Html => "an HTML page",
            Self::Text => "text",
            Self::Csv => "comma-separated values",
        }
    }
}

/// The format of a file by its content, with which its extension must agree. Text has nothing in it
/// that says which kind of text it is, so among the text formats the extension chooses.
///
/// # Errors
/// When the content is of another kind than the extension says, or of one that is not read. A
/// container that may be a DOCX is only known once it is open.
pub(crate) fn decide(bytes: &[u8], name: &str) -> Result<Format, DocumentError> {
    let extension =
        Path::new(name).extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let declared = Format::of_extension(&extension);
    let found = match sniff(bytes, declared) {
        Content::Pdf if declared == Some(Format::Pdf) => return Ok(Format::Pdf),
        Content::Pdf => Format::Pdf.article_and_name(),
        // Whether it is a DOCX the reader says, and after it the caller, whether it is named so.
        Content::Zip => return Ok(Format::Docx),
        Content::Encrypted => return Err(DocumentError::Encrypted),
        Content::Foreign(foreign) => foreign.found,
        Content::Html if declared.is_some_and(Format::has_magic) => Format::Html.article_and_name(),
        Content::Html | Content::Text => {
            return match declared {
                // Its header was lost.
                Some(Format::Pdf) if has_objects(bytes) => Ok(Format::Pdf),
                Some(Format::Pdf) => {
                    Err(DocumentError::Broken("it does not begin like a PDF".to_owned()))
                }
                Some(Format::Docx) => {
                    Err(DocumentError::Broken("it does not begin like a DOCX".to_owned()))
                }
                Some(text) => Ok(text),
                None => Err(DocumentError::WrongType(foreign::by_extension(&extension))),
            };
        }
    };
    Err(disagreement(found, declared, extension))
}

/// Whether there are objects of a PDF where its header may be.
fn has_objects(bytes: &[u8]) -> bool {
    let head = bytes.get(..PDF_HEADER_WITHIN).unwrap_or(bytes);
    [&b" 0 obj"[..], b"endobj"].iter().all(|word| head.windows(word.len()).any(|w| w == *word))
}

/// What is wrong with a file whose content is `found`.
fn disagreement(found: &'static str, declared: Option<Format>, extension: String) -> DocumentError {
    let readable = Format::ALL.iter().any(|format| format.article_and_name() == found);
    if declared.is_some() || readable {
        DocumentError::Misnamed { found, extension }
    } else {
        DocumentError::WrongType(found)
    }
}

/// Whether a container that was read as a DOCX is named like one.
///
/// # Errors
/// When it is not.
pub(crate) fn agrees(format: Format, name: &str) -> Result<(), DocumentError> {
    let extension =
        Path::new(name).extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    if format.extensions().contains(&extension.as_str()) {
        return Ok(());
    }
    Err(DocumentError::Misnamed { found: format.article_and_name(), extension })
}

/// What the bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Pdf,
    /// A zip container that may be a DOCX.
    Zip,
    /// An Office document behind a password.
    Encrypted,
    /// Of a kind that is not read.
    Foreign(&'static Foreign),
    Html,
    /// Nothing in particular: text, or noise.
    Text,
}

/// PDF readers accept the header anywhere in the first 1,024 bytes (PDF 1.7, annex H, note 13).
const PDF_HEADER_WITHIN: usize = 1024;

fn sniff(bytes: &[u8], declared: Option<Format>) -> Content {
    let head = bytes.get(..PDF_HEADER_WITHIN).unwrap_or(bytes);
    // A text about PDFs may have the header's words in it; only at its very beginning do they count.
    let within =
        if declared.is_none_or(Format::has_magic) { head.len() } else { 5.min(head.len()) };
    let header = head.get(..within).unwrap_or_default();
    if let Some(foreign) = foreign::by_content(bytes) {
        return Content::Foreign(foreign);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        Content::Zip
    } else if foreign::is_ole(bytes) {
        match crate::docx::ole_kind(bytes) {
            None => Content::Encrypted,
            Some(found) => Content::Foreign(foreign::named(found)),
        }
    } else if header.windows(5).any(|w| w == b"%PDF-") {
        Content::Pdf
    } else {
        let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
        let begins =
            |tag: &[u8]| text.get(..tag.len()).is_some_and(|t| t.eq_ignore_ascii_case(tag));
        if begins(b"<!doctype html") || begins(b"<html") { Content::Html } else { Content::Text }
    }
}
