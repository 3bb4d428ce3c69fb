//! Whether there is anything to build: documents compared with what a finished tag was made of.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::SystemTime;

use rag_core::EmbeddingIdentity;
use sha2::{Digest, Sha256};

use super::catalog::{self, Listed};
use super::error::BuildError;
use super::{BuildRequest, settings_of};
use crate::fingerprint::hex;
use crate::manifest::{Counts, Manifest};

/// A folder of documents from outside: names, sizes and times, without reading a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Changes whenever a document comes, goes or is written to; 64 hex digits.
    pub digest: String,
    /// When a document was last written to.
    pub newest: Option<SystemTime>,
    /// How many there are.
    pub documents: usize,
}

/// Looks at a folder of documents.
///
/// # Errors
/// When it cannot be listed, or holds none.
pub fn look(documents: &Path) -> Result<Look, BuildError> {
    let files = catalog::list(documents)?;
    let mut digest = Sha256::new();
    let mut newest = None;
    for listed in &files {
        let written = std::fs::metadata(&listed.path).and_then(|found| found.modified()).ok();
        newest = newest.max(written);
        let since = written.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let nanos = since.map_or(0, |since| since.as_nanos());
        digest.update((listed.file.len() as u64).to_le_bytes());
        digest.update(listed.file.as_bytes());
        digest.update(listed.bytes.to_le_bytes());
        digest.update(nanos.to_le_bytes());
    }
    Ok(Look { digest: hex(&digest.finalize()), newest, documents: files.len() })
}

/// Whether building what `request` asks for would make the tag in `folder` again: the same embedding and
/// settings, and the same bytes under the same names.
///
/// # Errors
/// When the documents cannot be listed, or `folder` holds no knowledge base of this version.
pub fn holds(
    request: &BuildRequest,
    identity: &EmbeddingIdentity,
    folder: &Path,
) -> Result<bool, BuildError> {
    let mut built = Manifest::read(folder)?;
    let read = std::mem::take(&mut built.documents).into_iter();
    let failed = std::mem::take(&mut built.failed).into_iter();
    let known: HashMap<String, Option<String>> = read
        .map(|entry| (entry.file, Some(entry.sha256)))
        .chain(failed.map(|entry| (entry.file, entry.sha256)))
        .collect();
    built.counts = Counts::default();
    if built != settings_of(request, identity) {
        return Ok(false);
    }
    let files = catalog::list(&request.documents)?;
    Ok(files.len() == known.len()
        && files.iter().all(|listed| {
            let bytes = bytes_of(listed, request.limits.file);
            let hash = bytes.ok().map(|bytes| hex(&Sha256::digest(&bytes)));
            known.get(&listed.file) == Some(&hash)
        }))
}

/// The bytes of a document, as far as the limit on a file lets it be read.
///
/// # Errors
/// A clause that says why there are none.
pub(super) fn bytes_of(listed: &Listed, limit: u64) -> Result<Vec<u8>, String> {
    if let Some(problem) = &listed.problem {
        return Err(problem.clone());
    }
    let mut bytes = Vec::new();
    File::open(&listed.path)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|e| format!("it cannot be read: {e}"))?;
    Ok(bytes)
}
