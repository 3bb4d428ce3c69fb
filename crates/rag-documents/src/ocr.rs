//! The text of scanned pages, by programs that are installed: poppler's `pdftoppm` draws a page, and
//! `tesseract` recognizes what is on it.
//!
//! Nobody has to have them: a caller that wants recognition asks for it. Each page is drawn and recognized by
//! processes of their own, within [`Limits::time`] and [`Limits::memory`].

mod image_text;
mod program;

use std::path::PathBuf;

use crate::document::Document;
use crate::format::Format;
use crate::limits::Limits;
use crate::report::{PageProblem, warnings};
use program::{Input, Program};

/// Pixels of the longer side of a page as it is drawn: what scanners give for A4 at 300 dots an inch.
const LONGER_SIDE: u32 = 3508;
/// The most that one page may say (bytes); a page of small print has a hundredth of it.
const MOST_TEXT: u64 = 1024 * 1024;
/// The most that a drawn page may take (bytes): square, and a byte for each pixel.
const MOST_IMAGE: u64 = LONGER_SIDE as u64 * LONGER_SIDE as u64 + 1024;

/// Recognizes text with the programs that are installed.
#[derive(Debug, Clone)]
pub struct Recognizer {
    pdftoppm: PathBuf,
    tesseract: PathBuf,
    /// As tesseract takes them, as in `chi_sim+eng`.
    languages: String,
}

/// Why no text can be recognized.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecognizerError {
    /// A program is not installed.
    #[error("{program} is not installed (Debian's package is {package})")]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// The package it is in.
        package: &'static str,
    },
    /// Tesseract has not learned a language.
    #[error("tesseract does not know `{language}`: {known} are installed")]
    NoLanguage {
        /// The language asked for.
        language: String,
        /// Those that it has.
        known: String,
    },
    /// A program that is there does not answer.
    #[error("{0}")]
    Silent(String),
}

impl Recognizer {
    /// Finds the programs on `PATH`, and the languages, as in `chi_sim+eng`.
    ///
    /// # Errors
    /// When a program or a language is not installed.
    pub fn find(languages: &str) -> Result<Self, RecognizerError> {
        let found = |program: &'static str, package: &'static str| {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            let mut files = std::env::split_paths(&paths).map(|folder| folder.join(program));
            files.find(|file| file.is_file()).ok_or(RecognizerError::NoProgram { program, package })
        };
        let pdftoppm = found("pdftoppm", "poppler-utils")?;
        let tesseract = found("tesseract", "tesseract-ocr")?;
        let limits = Limits::default();
        let list = Program::new(&tesseract, ["--list-langs"], MOST_TEXT);
        let list = list.run(Input::None, &limits).map_err(RecognizerError::Silent)?;
        let list = String::from_utf8_lossy(&list).into_owned();
        let known: Vec<&str> = list.lines().skip(1).map(str::trim).collect();
        if let Some(language) = languages.split('+').find(|language| !known.contains(language)) {
            let (language, known) = (language.to_owned(), known.join(", "));
            return Err(RecognizerError::NoLanguage { language, known });
        }
        Ok(Self { pdftoppm, tesseract, languages: languages.to_owned() })
    }

    /// The languages it recognizes, as in `chi_sim+eng`.
    pub fn languages(&self) -> &str {
        &self.languages
    }

    /// Fills the scanned pages of a PDF that was read from `bytes` with the text recognized on them. What is
    /// recognized, and what cannot be, is in the page's problems and in the warnings.
    pub fn fill(&self, document: &mut Document, bytes: &[u8], limits: &Limits) {
        if document.format != Format::Pdf {
            return;
        }
        let mut left =
            limits.text.saturating_sub(document.sections.iter().map(|s| s.text.len()).sum());
        for report in &mut document.pages {
            let page = report.page;
            let Some(problem) =
                report.problems.iter_mut().find(|problem| **problem == PageProblem::ImageOnly)
            else {
                continue;
            };
            let section = document.sections.iter_mut().find(|s| s.page == Some(page));
            let Some(section) = section.filter(|section| section.text.is_empty()) else { continue };
            match self.page(bytes, page, limits) {
                Ok(text) if text.is_empty() => {}
                Ok(text) if text.len() <= left => {
                    left -= text.len();
                    section.text = text;
                    *problem = PageProblem::Recognized;
                }
                Ok(_) => {
                    let limit = format!("{} of text", crate::limits::bytes(limits.text as u64));
                    *problem = PageProblem::Cut { limit };
                }
                Err(cause) => *problem = PageProblem::Unrecognized { cause },
            }
        }
        document.warnings = warnings(&document.pages);
    }

    /// The text of one page.
    fn page(&self, bytes: &[u8], page: u32, limits: &Limits) -> Result<String, String> {
        let (number, side) = (page.to_string(), LONGER_SIDE.to_string());
        let draw = ["-gray", "-scale-to", &side, "-f", &number, "-l", &number, "/dev/stdin"];
        let image =
            Program::new(&self.pdftoppm, draw, MOST_IMAGE).run(Input::Bytes(bytes), limits)?;
        let recognize = ["stdin", "stdout", "-l", &self.languages];
        let recognize = Program::new(&self.tesseract, recognize, MOST_TEXT);
        let text = recognize.run(Input::Bytes(&image), limits)?;
        Ok(image_text::paragraphs(&String::from_utf8_lossy(&text)))
    }
}
