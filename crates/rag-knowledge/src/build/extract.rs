//! The first half of a build: documents into `passages.jsonl`.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use rag_core::{Embedder, EmbeddingIdentity, Passage};
use rag_index::{CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH, library_version};
use sha2::{Digest, Sha256};

use super::catalog::Listed;
use super::error::BuildError;
use super::stage::{Control, Event};
use super::vectors::embedded_text;
use super::{BuildRequest, Extracted};
use crate::fingerprint::hex;
use crate::layout;
use crate::manifest::{
    Counts, DocumentEntry, FORMAT, FailedEntry, IndexSettings, Manifest, Splitting,
};
use crate::passages::PassageLine;

/// What one document gave.
struct Outcome {
    sha256: Option<String>,
    bytes: u64,
    result: Result<(usize, Vec<Passage>, Vec<String>), String>,
}

/// Reads all documents in order, `threads` at a time, and writes their passages.
pub(super) fn run(
    request: &BuildRequest,
    files: &[Listed],
    folder: &Path,
    embedder: &dyn Embedder,
    control: &Control<'_>,
) -> Result<Extracted, BuildError> {
    let path = folder.join(layout::PASSAGES);
    let disk = |e: std::io::Error| BuildError::disk(&path, e);
    let mut output = BufWriter::new(File::create(&path).map_err(disk)?);
    let mut extracted = Extracted {
        counts: Counts { documents: 0, failed: 0, passages: 0, characters: 0 },
        documents: Vec::new(),
        failed: Vec::new(),
        warnings: Vec::new(),
    };
    // At most `threads` documents are in memory; they are written in the order of their names.
    for group in files.chunks(request.threads.max(1)) {
        control.check()?;
        let outcomes = std::thread::scope(|scope| {
            let readers: Vec<_> =
                group.iter().map(|listed| scope.spawn(|| read(listed, request))).collect();
            readers
                .into_iter()
                .map(|reader| {
                    reader.join().unwrap_or_else(|_| Outcome {
                        sha256: None,
                        bytes: 0,
                        result: Err("the reader gave up on it".to_owned()),
                    })
                })
                .collect::<Vec<_>>()
        });
        for (listed, outcome) in group.iter().zip(outcomes) {
            let (sections, passages, warnings) = match outcome.result {
                Ok(read) => read,
                Err(reason) => {
                    control.observer.event(Event::Failed { file: &listed.file, reason: &reason });
                    if request.strict {
                        return Err(BuildError::Strict { file: listed.file.clone(), reason });
                    }
                    extracted.counts.failed += 1;
                    extracted.failed.push(FailedEntry {
                        file: listed.file.clone(),
                        sha256: outcome.sha256,
                        reason,
                    });
                    continue;
                }
            };
            extracted.warnings.extend(warnings.iter().map(|w| format!("{}: {w}", listed.file)));
            let count = passages.len();
            let mut cut = 0_usize;
            for passage in passages {
                control.check()?;
                extracted.counts.characters += passage.text.chars().count() as u64;
                let prefix = &embedder.identity().passage_prefix;
                let tokens =
                    embedder.count_tokens(&format!("{prefix}{}", embedded_text(&passage)))?;
                cut += usize::from(tokens > embedder.identity().max_tokens);
                serde_json::to_writer(&mut output, &PassageLine::from(passage))
                    .map_err(|e| disk(e.into()))?;
                output.write_all(b"\n").map_err(disk)?;
            }
            if cut > 0 {
                extracted.warnings.push(format!(
                    "{}: {cut} of {count} passages are longer than the {} tokens {} reads; their \
                     ends are not searched (a smaller --chunk-size helps)",
                    listed.file,
                    embedder.identity().max_tokens,
                    embedder.identity().name
                ));
            }
            extracted.counts.documents += 1;
            extracted.counts.passages += count;
            extracted.documents.push(DocumentEntry {
                file: listed.file.clone(),
                sha256: outcome.sha256.unwrap_or_default(),
                bytes: outcome.bytes,
                sections,
                passages: count,
            });
            control.observer.event(Event::Read { file: &listed.file, passages: count });
        }
    }
    output.into_inner().map_err(|e| disk(e.into_error()))?.sync_all().map_err(disk)?;
    if extracted.counts.passages == 0 {
        return Err(BuildError::NoPassages {
            documents: extracted.counts.documents,
            failed: extracted.counts.failed,
            reasons: extracted
                .failed
                .iter()
                .take(5)
                .map(|f| format!("{}: {}", f.file, f.reason))
                .collect(),
        });
    }
    Ok(extracted)
}

/// Reads and splits one document. Its bytes are read once: what is hashed is what is read.
fn read(listed: &Listed, request: &BuildRequest) -> Outcome {
    let failed = |reason: String| Outcome { sha256: None, bytes: 0, result: Err(reason) };
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
    let result = rag_documents::read(bytes, &listed.file, &request.limits)
        .map_err(|e| e.to_string())
        .and_then(|document| {
            let passages = request.splitter.split(&listed.file, &document.sections);
            if passages.is_empty() {
                let why = document.warnings.first().map(|w| format!(" ({w})")).unwrap_or_default();
                return Err(format!("it holds no text{why}"));
            }
            Ok((document.sections.len(), passages, document.warnings))
        });
    Outcome { sha256: Some(sha256), bytes: length, result }
}

impl Extracted {
    pub(super) fn manifest(
        &self,
        request: &BuildRequest,
        identity: &EmbeddingIdentity,
    ) -> Manifest {
        Manifest {
            format: FORMAT,
            embedding: identity.into(),
            splitter: Splitting {
                size: request.splitter.size(),
                overlap: request.splitter.overlap(),
            },
            index: IndexSettings {
                library: "usearch".to_owned(),
                version: library_version().to_owned(),
                metric: "cosine".to_owned(),
                scalar: request.scalar.as_str().to_owned(),
                connectivity: CONNECTIVITY,
                expansion_add: EXPANSION_ADD,
                expansion_search: EXPANSION_SEARCH,
            },
            counts: self.counts,
            documents: self.documents.clone(),
            failed: self.failed.clone(),
        }
    }
}
