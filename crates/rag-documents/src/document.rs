//! Reading one document.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rag_core::Section;

use crate::format::{Content, Format, sniff};
use crate::limits::Limits;
use crate::report::PageReport;
use crate::{docx, pdf};

/// Stack of the thread that reads: parsers of nested formats recurse, within bounds.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// A document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it was.
    pub format: Format,
    /// Its pages or heading sections, in order. A page without text is there, empty.
    pub sections: Vec<Section>,
    /// What a reader of the text should know, each one clause.
    pub warnings: Vec<String>,
    /// What is known of each page besides its text; empty where the format has no pages.
    pub pages: Vec<PageReport>,
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
    /// It is neither a PDF nor a DOCX.
    #[error("it is {0}, neither a PDF nor a DOCX")]
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
/// the content.
///
/// # Errors
/// When it is empty, encrypted, broken, misnamed, too large, or neither a PDF nor a DOCX.
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
        return Err(DocumentError::TooLarge(format!("more than {} bytes", limits.file)));
    }
    let extension =
        Path::new(name).extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let format = match sniff(&bytes) {
        Content::Pdf => Format::Pdf,
        Content::Zip => Format::Docx,
        Content::Ole => match docx::ole_refusal(&bytes) {
            DocumentError::WrongType(found) => return wrong_type(found, &extension),
            refusal => return Err(refusal),
        },
        Content::Html => return wrong_type("an HTML page", &extension),
        Content::Rtf => return wrong_type("a Rich Text file", &extension),
        Content::Other if extension == "pdf" => {
            return Err(DocumentError::Broken("it does not begin like a PDF".to_owned()));
        }
        Content::Other if Format::Docx.goes_by(&extension) => {
            return Err(DocumentError::Broken("it does not begin like a DOCX".to_owned()));
        }
        Content::Other => return Err(DocumentError::WrongType("of an unknown kind")),
    };
    let document = contained(|| match format {
        Format::Pdf => pdf::read(&bytes, limits, password),
        Format::Docx => docx::read(&bytes, limits),
    })?;
    if !format.goes_by(&extension) {
        let found = match format {
            Format::Pdf => "a PDF",
            Format::Docx => "a DOCX",
        };
        return Err(DocumentError::Misnamed { found, extension });
    }
    Ok(document)
}

fn wrong_type(found: &'static str, extension: &str) -> Result<Document, DocumentError> {
    if Format::Pdf.goes_by(extension) || Format::Docx.goes_by(extension) {
        Err(DocumentError::Misnamed { found, extension: extension.to_owned() })
    } else {
        Err(DocumentError::WrongType(found))
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
