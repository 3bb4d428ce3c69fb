//! Reading documents: what build and extract have in common.

use std::process::ExitCode;

use clap::Args;
use rag_knowledge::documents::Limits;
use rag_knowledge::documents::isolated::{self, ReaderCommand};
use rag_knowledge::documents::ocr::Recognizer;

use crate::render::Failure;

/// The hidden argument with which this program reads documents for another process of itself.
const READ: &str = "read-documents";

/// How documents are read.
#[derive(Args, Debug, Clone)]
pub(crate) struct ReadingOptions {
    /// A limit on each document, such as memory=4GiB, time=300s or pdf-pages=5000 (docs/DOCUMENTS.md); may
    /// be given more than once.
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<String>,
    /// Recognize the text of scanned pages with tesseract, in these languages.
    #[arg(long, value_name = "LANGUAGES", num_args = 0..=1, default_missing_value = "chi_sim+eng")]
    ocr: Option<String>,
}

impl ReadingOptions {
    pub(crate) fn limits(&self) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        for assignment in &self.limit {
            limits.assign(assignment).map_err(|e| Failure::usage(format!("--limit: {e}")))?;
        }
        Ok(limits)
    }

    pub(crate) fn recognizer(&self) -> Result<Option<Recognizer>, Failure> {
        self.ocr.as_deref().map(recognizer).transpose()
    }
}

/// What recognizes text in these languages.
pub(crate) fn recognizer(languages: &str) -> Result<Recognizer, Failure> {
    Recognizer::find(languages).map_err(|e| {
        let hint = "apt-get install tesseract-ocr tesseract-ocr-chi-sim poppler-utils";
        Failure::new(format!("recognizing text: {e}"), Some(hint.to_owned()))
    })
}

/// The program that reads: this one.
pub(crate) fn reader() -> ReaderCommand {
    ReaderCommand::this_program([READ])
}

/// Reads for another process, when this one was started for that.
pub(crate) fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let asked = arguments.next().is_some_and(|first| first == READ) && arguments.next().is_none();
    asked.then(isolated::serve)
}
