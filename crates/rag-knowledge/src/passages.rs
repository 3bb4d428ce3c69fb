//! `passages.jsonl`, one passage a line in the order of the vectors, and `parents.jsonl`.

use std::path::Path;

use rag_core::split::Span;
use rag_core::{Parent, Passage};
use serde::{Deserialize, Serialize};

use crate::error::KnowledgeError;
use crate::lines::LineFile;

/// A passage as written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassageLine {
    pub(crate) file: String,
    pub(crate) page: Option<u32>,
    pub(crate) heading: Option<String>,
    pub(crate) text: String,
    /// What was embedded before the text, where it is not what the splitter's settings say: a heading
    /// path that had to be shortened. Empty for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<String>,
    /// The position of its parent in `parents.jsonl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<usize>,
}

impl From<PassageLine> for Passage {
    fn from(line: PassageLine) -> Self {
        Self { file: line.file, page: line.page, heading: line.heading, text: line.text }
    }
}

/// A parent as written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParentLine {
    pub(crate) file: String,
    pub(crate) pages: Option<(u32, u32)>,
    pub(crate) heading: Option<String>,
    pub(crate) text: String,
    /// Where its parts stand in the document: section, first byte, byte after the last.
    pub(crate) spans: Vec<(usize, usize, usize)>,
}

impl From<ParentLine> for Parent {
    fn from(line: ParentLine) -> Self {
        let span = |(section, start, end)| Span { section, range: start..end };
        Self {
            file: line.file,
            pages: line.pages,
            heading: line.heading,
            text: line.text,
            spans: line.spans.into_iter().map(span).collect(),
        }
    }
}

impl From<Parent> for ParentLine {
    fn from(parent: Parent) -> Self {
        let span = |span: Span| (span.section, span.range.start, span.range.end);
        Self {
            file: parent.file,
            pages: parent.pages,
            heading: parent.heading,
            text: parent.text,
            spans: parent.spans.into_iter().map(span).collect(),
        }
    }
}

/// The passages of a knowledge base.
pub(crate) struct PassageFile(LineFile);

impl PassageFile {
    pub(crate) fn open(path: &Path) -> Result<Self, KnowledgeError> {
        LineFile::open(path).map(Self)
    }

    #[cfg(feature = "build")]
    pub(crate) fn open_unfinished(path: &Path) -> Result<Self, KnowledgeError> {
        LineFile::open_unfinished(path).map(Self)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, position: usize) -> Result<PassageLine, KnowledgeError> {
        self.0.get(position, "passage")
    }
}

/// The parents of a knowledge base.
pub(crate) struct ParentFile(LineFile);

impl ParentFile {
    pub(crate) fn open(path: &Path) -> Result<Self, KnowledgeError> {
        LineFile::open(path).map(Self)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, position: usize) -> Result<ParentLine, KnowledgeError> {
        self.0.get(position, "parent")
    }
}
