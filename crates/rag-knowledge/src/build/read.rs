//! One document into passages.

use rag_core::{Date, EmbedError, Embedder, SplitDocument, TokenLimit};
use rag_documents::isolated::Readers;
use rag_documents::{Document, DocumentError, PageReport};
use sha2::{Digest, Sha256};

use super::BuildRequest;
use super::catalog::Listed;
use super::previous::Previous;
use super::unchanged::bytes_of;
use crate::fingerprint::hex;

/// What reading one document gave.
pub(super) struct Read {
    /// `None` when not even its bytes could be read.
    pub(super) sha256: Option<String>,
    pub(super) bytes: u64,
    /// The document, or why there is none.
    pub(super) content: Result<Content, String>,
}

pub(super) enum Content {
    /// It was read and cut.
    Cut {
        sections: usize,
        labels: Vec<String>,
        date: Option<Date>,
        document: SplitDocument,
        warnings: Vec<String>,
    },
    /// The previous tag has it as it is.
    Unchanged,
}

/// Reads and splits documents; shared by the threads that do.
pub(super) struct Reader<'a> {
    request: &'a BuildRequest,
    embedder: &'a dyn Embedder,
    previous: Option<&'a Previous>,
    /// Processes of their own, where the request names a program.
    isolated: Option<Readers>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        request: &'a BuildRequest,
        embedder: &'a dyn Embedder,
        previous: Option<&'a Previous>,
    ) -> Self {
        let isolated = request
            .reader
            .clone()
            .map(|command| Readers::new(command, request.threads, request.limits));
        Self { request, embedder, previous, isolated }
    }

    /// Reads and splits one document. Its bytes are read once: what is hashed is what is read.
    pub(super) fn read(&self, listed: &Listed) -> Result<Read, EmbedError> {
        let failed = |reason| Ok(Read { sha256: None, bytes: 0, content: Err(reason) });
        let bytes = match bytes_of(listed, self.request.limits.file) {
            Ok(bytes) => bytes,
            Err(reason) => return failed(reason),
        };
        let (sha256, length) = (hex(&Sha256::digest(&bytes)), bytes.len() as u64);
        // Whether text of a page may be missing is only known of a document that is read.
        let known = !self.request.strict
            && self.previous.is_some_and(|previous| previous.has(&listed.file, &sha256));
        let content = if known { Ok(Content::Unchanged) } else { self.cut(bytes, &listed.file)? };
        Ok(Read { sha256: Some(sha256), bytes: length, content })
    }

    fn document(&self, bytes: Vec<u8>, file: &str) -> Result<Document, DocumentError> {
        let limits = &self.request.limits;
        let Some(recognizer) = &self.request.recognizer else {
            return match &self.isolated {
                Some(readers) => readers.read(&bytes, file),
                None => rag_documents::read(bytes, file, limits),
            };
        };
        let mut document = match &self.isolated {
            Some(readers) => readers.read(&bytes, file)?,
            None => rag_documents::read(bytes.clone(), file, limits)?,
        };
        recognizer.fill(&mut document, &bytes, limits);
        Ok(document)
    }

    fn cut(&self, bytes: Vec<u8>, file: &str) -> Result<Result<Content, String>, EmbedError> {
        let document = match self.document(bytes, file) {
            Ok(document) => document,
            Err(e) => return Ok(Err(e.to_string())),
        };
        if self.request.strict
            && let Some((page, problem)) = document.problem()
        {
            return Ok(Err(format!("page {page}: {problem}")));
        }
        let identity = self.embedder.identity();
        let count =
            |text: &str| self.embedder.count_tokens(&format!("{}{text}", identity.passage_prefix));
        let limit = TokenLimit { max: identity.max_tokens, count: &count };
        let split = self.request.splitter.split_within(file, &document.sections, Some(limit))?;
        let mut warnings = document.warnings;
        if split.passages.is_empty() {
            let why = warnings.first().map(|w| format!(" ({w})")).unwrap_or_default();
            return Ok(Err(format!("it holds no text{why}")));
        }
        if split.limits.too_long > 0 {
            warnings.push(format!(
                "{} of its characters take more than the {} tokens {} reads; they are searched by \
                 words only",
                split.limits.too_long, identity.max_tokens, identity.name
            ));
        }
        let (sections, date) = (document.sections.len(), document.date);
        let labels = labels(&document.pages);
        Ok(Ok(Content::Cut { sections, labels, date, document: split, warnings }))
    }
}

/// What is printed on the pages, unless it is their numbers.
fn labels(pages: &[PageReport]) -> Vec<String> {
    let printed = |page: &PageReport| page.label.clone().unwrap_or_default();
    let says_more = |page: &PageReport| {
        page.label
            .as_ref()
            .is_some_and(|label| !label.is_empty() && *label != page.page.to_string())
    };
    if pages.iter().any(says_more) { pages.iter().map(printed).collect() } else { Vec::new() }
}
