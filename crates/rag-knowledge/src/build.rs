//! Building a knowledge base from a folder of documents.
//!
//! Everything is written into `<root>/.building-…` beside the tag and renamed in when complete, so
//! that a crash at any moment leaves no half-made tag.

mod catalog;
mod error;
mod extract;
mod stage;
mod vectors;
mod workshop;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rag_core::{Embedder, Splitter};
use rag_documents::Limits;
use rag_index::Scalar;
use time::OffsetDateTime;

pub use error::BuildError;
pub use stage::{Event, Observer};

use crate::fingerprint;
use crate::manifest::{Counts, DocumentEntry, FailedEntry};
use crate::report::Machine;
use crate::tag;
use workshop::Workshop;

/// What to build.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The folder of documents; its subfolders belong to it.
    pub documents: PathBuf,
    /// The folder that holds one folder per tag; made when missing.
    pub root: PathBuf,
    /// The tag, or the day's.
    pub tag: Option<String>,
    /// How documents are split.
    pub splitter: Splitter,
    /// How the index stores numbers.
    pub scalar: Scalar,
    /// Documents read, and texts embedded, at the same time.
    pub threads: usize,
    /// Whether a document that cannot be read stops the build.
    pub strict: bool,
    /// Bounds on each document.
    pub limits: Limits,
}

/// A build that is done.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its folder, `<root>/<tag>`.
    pub folder: PathBuf,
    /// Its tag.
    pub tag: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Totals.
    pub counts: Counts,
    /// Documents that could not be read.
    pub failed: Vec<FailedEntry>,
    /// What readers of the documents should know.
    pub warnings: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// Builds a knowledge base. `cancelled` is looked at often; when it turns true the build cleans up
/// and returns [`BuildError::Cancelled`].
///
/// # Errors
/// When the tag exists or is not one, there is nothing to build from, a document fails and the
/// request is strict, or the disk fails. No tag is made then.
pub fn build(
    request: &BuildRequest,
    embedder: &dyn Embedder,
    started_at: OffsetDateTime,
    observer: &dyn Observer,
    cancelled: &AtomicBool,
) -> Result<Built, BuildError> {
    let clock = Instant::now();
    let tag = request.tag.clone().unwrap_or_else(|| tag::default_for(started_at));
    check_target(&request.root, &tag)?;
    let files = catalog::list(&request.documents)?;
    observer.event(Event::Found { documents: files.len() });
    let workshop = Workshop::open(&request.root, &tag)?;
    let control = stage::Control { observer, cancelled };

    let extracted = extract::run(request, &files, workshop.folder(), embedder, &control)?;
    let vectors_made = vectors::embed(
        workshop.folder(),
        embedder,
        request.threads,
        extracted.counts.passages,
        &control,
    )?;
    debug_assert_eq!(vectors_made, extracted.counts.passages);
    observer.event(Event::Indexing);
    vectors::index(
        workshop.folder(),
        embedder.identity().dimensions,
        request.scalar,
        extracted.counts.passages,
        &control,
    )?;

    let manifest = extracted.manifest(request, embedder.identity());
    workshop.write_json(crate::layout::MANIFEST, &manifest)?;
    let fingerprint = fingerprint::compute(workshop.folder())?;
    workshop.write(crate::layout::FINGERPRINT, format!("{fingerprint}\n").as_bytes())?;
    let seconds = clock.elapsed().as_secs_f64();
    let finished_at = started_at + clock.elapsed();
    let report = crate::report::Report {
        tag: tag.clone(),
        started_at: workshop::rfc3339(started_at),
        built_at: workshop::rfc3339(finished_at),
        seconds: (seconds * 1000.0).round() / 1000.0,
        machine: Machine {
            host: workshop::host(),
            os: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            threads: request.threads,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        warnings: extracted.warnings.clone(),
        failed: extracted.failed.iter().map(|f| format!("{}: {}", f.file, f.reason)).collect(),
        derived: workshop.derived_hashes()?,
    };
    workshop.write_json(crate::layout::REPORT, &report)?;
    control.check()?;
    let folder = workshop.publish()?;
    Ok(Built {
        folder,
        tag,
        fingerprint,
        counts: manifest.counts,
        failed: extracted.failed,
        warnings: extracted.warnings,
        seconds,
    })
}

/// Refuses a tag that is none, or that exists, before any work is done.
///
/// # Errors
/// [`BuildError::Tag`] or [`BuildError::Exists`].
pub fn check_target(root: &Path, tag: &str) -> Result<(), BuildError> {
    tag::check(tag).map_err(BuildError::Tag)?;
    let folder = root.join(tag);
    match std::fs::symlink_metadata(&folder) {
        Ok(_) => Err(BuildError::Exists { folder, tag: tag.to_owned() }),
        Err(_) => Ok(()),
    }
}

/// What reading the documents gave.
struct Extracted {
    counts: Counts,
    documents: Vec<DocumentEntry>,
    failed: Vec<FailedEntry>,
    warnings: Vec<String>,
}
