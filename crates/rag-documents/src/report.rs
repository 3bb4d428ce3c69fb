//! What a reader of a document should know about its pages besides their text.

use std::fmt;

/// What is known of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageReport {
    /// The page, counted from 1.
    pub page: u32,
    /// The label printed on it, as `iv` or `A-3`; `None` when the document has no labels.
    pub label: Option<String>,
    /// Why its text may not be all there is, or not right.
    pub problems: Vec<PageProblem>,
    /// Running headers and footers, which are left out of its text.
    pub removed: Vec<String>,
}

/// Why the text of a page may not be all there is, or not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageProblem {
    /// Its fonts do not tell what some characters mean; each stands as U+FFFD in the text.
    Unmapped {
        /// How many.
        characters: usize,
    },
    /// It shows an image and no text: a scanned page.
    ImageOnly,
    /// It is a scanned page; its text was recognized and may have mistakes.
    Recognized,
    /// It is a scanned page on which no text could be recognized.
    Unrecognized {
        /// Why, in one clause.
        cause: String,
    },
    /// It shows neither text nor an image.
    NoText,
    /// It has more on it than the limits allow to read.
    Cut {
        /// The limit with its value, as in "it has more than …".
        limit: String,
    },
    /// Streams of it cannot be unpacked.
    Broken {
        /// How many.
        streams: usize,
    },
}

impl fmt::Display for PageProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmapped { characters: 1 } => write!(f, "1 character has no known meaning"),
            Self::Unmapped { characters } => {
                write!(f, "{characters} characters have no known meaning")
            }
            Self::ImageOnly => write!(f, "it has no text; is it a scanned image?"),
            Self::Recognized => write!(f, "its text was recognized in an image"),
            Self::Unrecognized { cause } => {
                write!(f, "it has no text, and none could be recognized ({cause})")
            }
            Self::NoText => write!(f, "it has no text"),
            Self::Cut { limit } => write!(f, "it has more than {limit} and was read in part"),
            Self::Broken { streams: 1 } => write!(f, "a part of it cannot be unpacked"),
            Self::Broken { streams } => write!(f, "{streams} parts of it cannot be unpacked"),
        }
    }
}

/// The problems of all pages, each one clause that names its page.
pub(crate) fn warnings(pages: &[PageReport]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut empty = Vec::new();
    let mut recognized = Vec::new();
    for report in pages {
        let page = report.page;
        for problem in &report.problems {
            match problem {
                PageProblem::NoText => empty.push(page),
                PageProblem::Recognized => recognized.push(page),
                PageProblem::ImageOnly => {
                    warnings.push(format!("page {page} has no text; is it a scanned image?"));
                }
                PageProblem::Cut { limit } => {
                    warnings
                        .push(format!("page {page} has more than {limit} and was read in part"));
                }
                PageProblem::Unmapped { .. }
                | PageProblem::Broken { .. }
                | PageProblem::Unrecognized { .. } => {
                    warnings.push(format!("page {page}: {problem}"));
                }
            }
        }
    }
    if !empty.is_empty() {
        warnings.push(format!("no text on page {}", list(&empty)));
    }
    if !recognized.is_empty() {
        let pages = list(&recognized);
        warnings.push(format!("recognized in images, with possible mistakes: page {pages}"));
    }
    warnings
}

/// The first page numbers, and whether there are more.
fn list(pages: &[u32]) -> String {
    const NAMED: usize = 10;
    let numbers: Vec<String> = pages.iter().take(NAMED).map(u32::to_string).collect();
    let more = if pages.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", numbers.join(", "))
}
