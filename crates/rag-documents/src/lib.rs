//! Documents in PDF, DOCX, Markdown, HTML, plain text and CSV into text with provenance.
//!
//! The format is decided by the content, with which the name must agree; only among the text formats,
//! which have nothing in them that says what they are, the name decides. Every reader is bounded in
//! memory and depth, and a panic inside one becomes an error about that document; [`isolated`] holds what ends a
//! whole process, too.

mod date;
mod document;
mod docx;
mod foreign;
mod format;
mod html;
pub mod isolated;
mod limits;
mod markdown;
pub mod ocr;
mod outline;
mod pdf;
mod report;
mod script;
mod symbols;
mod text;

pub use document::{Document, DocumentError, read, read_file, read_with_password};
pub use format::Format;
pub use limits::{LimitError, Limits};
pub use report::{PageProblem, PageReport};
