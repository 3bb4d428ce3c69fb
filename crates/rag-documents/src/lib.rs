//! PDF and DOCX bytes into text with provenance.
//!
//! The format is decided by the content, never by the name. Every reader is bounded in memory and
//! depth, and a panic inside one becomes an error about that document.

mod document;
mod docx;
mod format;
mod limits;
mod pdf;
mod report;

pub use document::{Document, DocumentError, read, read_file, read_with_password};
pub use format::Format;
pub use limits::Limits;
pub use report::{PageProblem, PageReport};
