//! What a reader process answers: a document, or why it cannot be read.

mod refusal;

use rag_core::Section;
use serde::{Deserialize, Serialize};

use super::frame::{MARK, with_length};
use crate::document::{Document, DocumentError};
use crate::format::Format;
use crate::report::{PageProblem, PageReport};
use refusal::Refusal;

#[derive(Serialize, Deserialize)]
enum Header {
    Read {
        /// Its usual extension.
        format: String,
        date: Option<String>,
        warnings: Vec<String>,
        pages: Vec<Page>,
        sections: Vec<Part>,
    },
    Refused(Refusal),
}

/// A section without its text, which follows the header.
#[derive(Serialize, Deserialize)]
struct Part {
    page: Option<u32>,
    heading: Option<String>,
    /// Bytes of its text.
    length: usize,
}

#[derive(Serialize, Deserialize)]
struct Page {
    page: u32,
    label: Option<String>,
    problems: Vec<Problem>,
    removed: Vec<String>,
}

#[derive(Serialize, Deserialize)]
enum Problem {
    Unmapped(usize),
    ImageOnly,
    Recognized,
    Unrecognized(String),
    NoText,
    Cut(String),
    Broken(usize),
}

/// The answer as it is written.
pub(super) fn write(result: &Result<Document, DocumentError>) -> Option<Vec<u8>> {
    let (header, texts) = match result {
        Ok(document) => (read_header(document), document.sections.as_slice()),
        Err(error) => (Header::Refused(Refusal::from(error)), &[][..]),
    };
    let header = with_length(&serde_json::to_vec(&header).ok()?)?;
    let length = texts.iter().map(|section| section.text.len()).sum::<usize>() + header.len();
    let mut answer = Vec::with_capacity(MARK.len() + size_of::<u64>() + length);
    answer.extend(MARK);
    answer.extend((length as u64).to_le_bytes());
    answer.extend(header);
    texts.iter().for_each(|section| answer.extend_from_slice(section.text.as_bytes()));
    Some(answer)
}

fn read_header(document: &Document) -> Header {
    let part = |section: &Section| Part {
        page: section.page,
        heading: section.heading.clone(),
        length: section.text.len(),
    };
    Header::Read {
        format: document.format.extension().to_owned(),
        date: document.date.map(|date| date.to_string()),
        warnings: document.warnings.clone(),
        pages: document.pages.iter().map(Page::from).collect(),
        sections: document.sections.iter().map(part).collect(),
    }
}

/// The document, or the refusal, in the part of an answer that follows its length; `None` when there is
/// neither.
pub(super) fn parse(answer: &[u8]) -> Option<Result<Document, DocumentError>> {
    let (length, rest) = answer.split_first_chunk::<{ size_of::<u32>() }>()?;
    let (header, mut texts) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (format, date, warnings, pages, parts) = match serde_json::from_slice(header).ok()? {
        Header::Read { format, date, warnings, pages, sections } => {
            (format, date, warnings, pages, sections)
        }
        Header::Refused(refusal) => return texts.is_empty().then(|| Err(refusal.into())),
    };
    let mut sections = Vec::with_capacity(parts.len());
    for part in parts {
        let (text, rest) = texts.split_at_checked(part.length)?;
        let text = std::str::from_utf8(text).ok()?.to_owned();
        sections.push(Section { page: part.page, heading: part.heading, text });
        texts = rest;
    }
    let document = Document {
        format: Format::of_extension(&format)?,
        date: date.and_then(|date| date.parse().ok()),
        sections,
        warnings,
        pages: pages.into_iter().map(PageReport::from).collect(),
    };
    texts.is_empty().then_some(Ok(document))
}

impl From<&PageReport> for Page {
    fn from(report: &PageReport) -> Self {
        Self {
            page: report.page,
            label: report.label.clone(),
            problems: report.problems.iter().map(Problem::from).collect(),
            removed: report.removed.clone(),
        }
    }
}

impl From<Page> for PageReport {
    fn from(page: Page) -> Self {
        Self {
            page: page.page,
            label: page.label,
            problems: page.problems.into_iter().map(PageProblem::from).collect(),
            removed: page.removed,
        }
    }
}

impl From<&PageProblem> for Problem {
    fn from(problem: &PageProblem) -> Self {
        match problem {
            PageProblem::Unmapped { characters } => Self::Unmapped(*characters),
            PageProblem::ImageOnly => Self::ImageOnly,
            PageProblem::Recognized => Self::Recognized,
            PageProblem::Unrecognized { cause } => Self::Unrecognized(cause.clone()),
            PageProblem::NoText => Self::NoText,
            PageProblem::Cut { limit } => Self::Cut(limit.clone()),
            PageProblem::Broken { streams } => Self::Broken(*streams),
        }
    }
}

impl From<Problem> for PageProblem {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Unmapped(characters) => Self::Unmapped { characters },
            Problem::ImageOnly => Self::ImageOnly,
            Problem::Recognized => Self::Recognized,
            Problem::Unrecognized(cause) => Self::Unrecognized { cause },
            Problem::NoText => Self::NoText,
            Problem::Cut(limit) => Self::Cut { limit },
            Problem::Broken(streams) => Self::Broken { streams },
        }
    }
}
