//! Text with its provenance: what a document reader gives, and what an index holds.

use std::borrow::Cow;

/// The version of how documents are read and cut: whoever changes what text a document gives, or where
/// it is cut, raises it, so that a build never takes passages over that a new build would not make.
pub const READING: u32 = 11;

/// One page of a PDF, or one heading section of a DOCX, in document order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The page, counted from 1; `None` where the format has no pages.
    pub page: Option<u32>,
    /// The heading path, outermost first, joined with ` > `; `None` above the first heading.
    pub heading: Option<String>,
    /// The text, paragraphs separated by newlines. May be empty (an image-only page).
    pub text: String,
}

/// A piece of a document small enough to embed, to cite and to put into a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The document's path relative to the folder that was built, with `/` between parts.
    pub file: String,
    /// The page it starts on, counted from 1; `None` where the format has no pages.
    pub page: Option<u32>,
    /// The heading path it stands under, outermost first, joined with ` > `.
    pub heading: Option<String>,
    /// Never empty, never only white space.
    pub text: String,
}

impl Passage {
    /// What is embedded when nothing else was decided: the heading path, which often holds the
    /// words of a question, and the text. The embedding's own prefix is not in it.
    pub fn embedded_text(&self) -> Cow<'_, str> {
        with_context(self.heading.as_deref(), &self.text)
    }
}

/// A text with its context on a line before it.
pub fn with_context<'a>(context: Option<&str>, text: &'a str) -> Cow<'a, str> {
    match context {
        Some(context) => Cow::Owned(format!("{context}\n{text}")),
        None => Cow::Borrowed(text),
    }
}
