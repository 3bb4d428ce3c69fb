//! One document into passages.

use std::fs::File;
use std::io::Read as _;

use rag_core::{EmbedError, Embedder, SplitDocument, TokenLimit};
use sha2::{Digest, Sha256};

use super::BuildRequest;
use super::catalog::Listed;
use super::previous::Previous;
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
    Cut { sections: usize, document: SplitDocument, warnings: Vec<String> },
    /// The previous tag has it as it is.
    Unchanged,
}

/// Reads and splits one document. Its bytes are read once: what is hashed is what is read.
pub(super) fn read(
    listed: &Listed,
    request: &BuildRequest,
    embedder: &dyn Embedder,
    previous: Option<&Previous>,
) -> Result<Read, EmbedError> {
    let failed = |reason| Ok(Read { sha256: None, bytes: 0, content: Err(reason) });
    if let Some(problem) = &listed.problem {
        return failed(problem.clone());
    }
    let mut bytes = Vec::new();
    let read = File::open(&listed.path)
        .and_then(|file| file.take(request.limits.file.saturating_add(1)).read_to_end(&mut bytes));
    if let Err(e) = read {
        return failed(format!("it cannot be read: {e}"));
    }
    let (sha256, length) = (hex(&Sha256::digest(&bytes)), bytes.len() as u64);
    let content = if previous.is_some_and(|previous| previous.has(&listed.file, &sha256)) {
        Ok(Content::Unchanged)
    } else {
        cut(bytes, listed, request, embedder)?
    };
    Ok(Read { sha256: Some(sha256), bytes: length, content })
}

fn cut(
    bytes: Vec<u8>,
    listed: &Listed,
    request: &BuildRequest,
    embedder: &dyn Embedder,
) -> Result<Result<Content, String>, EmbedError> {
    let read = match rag_documents::read(bytes, &listed.file, &request.limits) {
        Ok(read) => read,
        Err(e) => return Ok(Err(e.to_string())),
    };
    let identity = embedder.identity();
    let count = |text: &str| embedder.count_tokens(&format!("{}{text}", identity.passage_prefix));
    let limit = TokenLimit { max: identity.max_tokens, count: &count };
    let document = request.splitter.split_within(&listed.file, &read.sections, Some(limit))?;
    if document.passages.is_empty() {
        let why = read.warnings.first().map(|w| format!(" ({w})")).unwrap_or_default();
        return Ok(Err(format!("it holds no text{why}")));
    }
    let mut warnings = read.warnings;
    let (limits, name) = (document.limits, &identity.name);
    if limits.too_long > 0 {
        warnings.push(format!(
            "{} of its characters take more than the {} tokens {name} reads; they are searched by \
             words only",
            limits.too_long, identity.max_tokens
        ));
    }
    Ok(Ok(Content::Cut { sections: read.sections.len(), document, warnings }))
}
