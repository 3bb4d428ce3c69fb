//! Building a knowledge base from a folder of documents.
//!
//! Documents are read and cut by several threads, embedded in their order, and indexed meanwhile.
//! Everything is written into `<root>/.building-…` beside the tag and renamed in when complete, so
//! that a crash at any moment leaves no half-made tag; the vectors made until then are not lost.

mod catalog;
mod derive;
mod error;
mod in_order;
mod known;
mod machine;
mod previous;
mod read;
mod stage;
mod unchanged;
mod workshop;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rag_core::{Embedder, EmbeddingIdentity, READING, SplitSettings};
use rag_documents::Limits;
use rag_documents::isolated::ReaderCommand;
use rag_documents::ocr::Recognizer;
use rag_index::{
    CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH, Scalar, TOKENIZER, lexical_version,
    library_version,
};
use time::OffsetDateTime;

pub use error::BuildError;
pub use stage::{Event, Observer};
pub use unchanged::{Look, holds, look};

use crate::manifest::{
    Counts, FORMAT, FailedEntry, IndexSettings, LexicalSettings, Manifest, Splitting,
};
use crate::report::{Machine, Report, TakenOver};
use crate::{fingerprint, layout, tag};
use derive::Deriving;
use known::Known;
use previous::Previous;
use workshop::{Request, Workshop};
use writing::{Writing, Written};

/// Documents read ahead of the one that is embedded, for each thread.
const AHEAD_PER_THREAD: usize = 2;

/// What to build.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The folder of documents; its subfolders belong to it.
    pub documents: PathBuf,
    /// The folder that holds one folder per tag; made when missing.
    pub root: PathBuf,
    /// The tag, or the day's.
    pub tag: Option<String>,
    /// The folder of an earlier tag: what did not change since is taken over from it. The result is
    /// the same as without.
    pub from: Option<PathBuf>,
    /// How documents are split.
    pub splitter: SplitSettings,
    /// How the index stores numbers.
    pub scalar: Scalar,
    /// Documents read, and texts embedded, at the same time.
    pub threads: usize,
    /// Whether a document that cannot be read, or a page of which text may be missing, stops the build.
    pub strict: bool,
    /// The program that reads documents, in processes of its own so that none can take the build down;
    /// without it they are read by this process.
    pub reader: Option<ReaderCommand>,
    /// Recognizes the text of scanned pages.
    pub recognizer: Option<Recognizer>,
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
    /// What was not made anew.
    pub taken_over: TakenOver,
    /// Passages of tables of contents that were left out of documents that were read.
    pub contents: usize,
    /// Documents that could not be read.
    pub failed: Vec<FailedEntry>,
    /// What readers of the documents should know.
    pub warnings: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// Builds a knowledge base. `cancelled` is looked at often; when it turns true the build returns
/// [`BuildError::Cancelled`].
///
/// A build that ends early, for whatever reason, keeps the vectors it has made; the next build with
/// the same embedding and root takes them over.
///
/// # Errors
/// When the tag exists or is not one, there is nothing to build from, a document fails and the
/// request is strict, the earlier tag cannot be used, or the disk fails. No tag is made then.
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
    let wanted = Request {
        embedding: embedder.identity().into(),
        splitter: Splitting::from(&request.splitter),
    };
    let previous = match &request.from {
        Some(folder) => Some(Previous::open(folder, &wanted, ocr(request))?),
        None => None,
    };
    let files = catalog::list(&request.documents)?;
    observer.event(Event::Found {
        documents: files.len(),
        bytes: files.iter().map(|listed| listed.bytes).sum(),
    });
    let workshop = Workshop::open(&request.root, &tag, &wanted)?;
    let control = stage::Control { observer, cancelled };

    let known = known_vectors(previous.as_ref(), &workshop, &control)?;
    let (written, deriving) =
        write(request, embedder, &files, &workshop, &known, previous.as_ref(), &control)?;
    if written.counts.passages == 0 {
        return Err(no_passages(&written));
    }
    observer.event(Event::Indexing);
    deriving.finish()?;
    control.check()?;

    let manifest = manifest(request, embedder.identity(), &written);
    workshop.tidy()?;
    workshop.write_json(layout::MANIFEST, &manifest)?;
    let fingerprint = fingerprint::compute(workshop.folder())?;
    workshop.write(layout::FINGERPRINT, format!("{fingerprint}\n").as_bytes())?;
    let seconds = clock.elapsed().as_secs_f64();
    let taken_over = TakenOver {
        from: previous.map(|previous| format!("{} {}", previous.tag, previous.fingerprint)),
        ..written.taken_over
    };
    let report = Report {
        tag: tag.clone(),
        started_at: machine::rfc3339(started_at),
        built_at: machine::rfc3339(started_at + clock.elapsed()),
        seconds: (seconds * 1000.0).round() / 1000.0,
        machine: Machine {
            host: machine::host(),
            os: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            threads: request.threads,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        taken_over: taken_over.clone(),
        limits: written.limits.into(),
        contents: written.contents,
        warnings: written.warnings.clone(),
        failed: written.failed.iter().map(|f| format!("{}: {}", f.file, f.reason)).collect(),
        derived: fingerprint::of_derived(workshop.folder())?,
    };
    workshop.write_json(layout::REPORT, &report)?;
    control.check()?;
    let folder = workshop.publish()?;
    Ok(Built {
        folder,
        tag,
        fingerprint,
        counts: manifest.counts,
        taken_over,
        contents: written.contents,
        failed: written.failed,
        warnings: written.warnings,
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

/// The vectors of the earlier tag and of a build that ended early.
fn known_vectors(
    previous: Option<&Previous>,
    workshop: &Workshop,
    control: &stage::Control<'_>,
) -> Result<Known, BuildError> {
    let mut known = Known::default();
    if let Some(Previous { folder, manifest, .. }) = previous {
        let passages = manifest.counts.passages;
        known.add(folder, passages, manifest.embedding.dimensions, &manifest.splitter)?;
    }
    if let Some(leftover) = workshop.leftover() {
        let (dimensions, splitter) =
            (leftover.request.embedding.dimensions, &leftover.request.splitter);
        // What a crash left may be broken in any way; then there is nothing to take up.
        if let Ok(passages) = known.add(&leftover.folder, leftover.passages, dimensions, splitter) {
            control.observer.event(Event::TakenUp { passages });
        }
    }
    Ok(known)
}

/// Reads all documents and writes their passages and vectors.
fn write<'a>(
    request: &'a BuildRequest,
    embedder: &'a dyn Embedder,
    files: &[catalog::Listed],
    workshop: &'a Workshop,
    known: &'a Known,
    previous: Option<&'a Previous>,
    control: &'a stage::Control<'a>,
) -> Result<(Written, Deriving), BuildError> {
    let dimensions = embedder.identity().dimensions;
    let deriving = Deriving::start(workshop.folder(), dimensions, request.scalar)?;
    let mut writing =
        Writing::start(request, embedder, known, previous, workshop, deriving, control)?;
    let threads = request.threads.max(1);
    let reader = read::Reader::new(request, embedder, previous);
    let done = in_order::in_order(
        files,
        threads,
        threads * AHEAD_PER_THREAD,
        |listed| {
            control.check()?;
            reader.read(listed).map_err(BuildError::from)
        },
        |listed, read| writing.document(listed, read?),
    );
    match done.and_then(|()| writing.complete()) {
        Ok(()) => Ok(writing.finish()),
        Err(BuildError::IndexesStopped) => Err(writing.why_indexes_stopped()),
        Err(error) => {
            writing.give_up();
            Err(error)
        }
    }
}

/// The languages in which scanned pages are recognized.
fn ocr(request: &BuildRequest) -> Option<String> {
    request.recognizer.as_ref().map(|recognizer| recognizer.languages().to_owned())
}

fn no_passages(written: &Written) -> BuildError {
    let reason = |failed: &FailedEntry| format!("{}: {}", failed.file, failed.reason);
    BuildError::NoPassages {
        documents: written.counts.documents,
        failed: written.counts.failed,
        reasons: written.failed.iter().take(5).map(reason).collect(),
    }
}

fn manifest(request: &BuildRequest, identity: &EmbeddingIdentity, written: &Written) -> Manifest {
    Manifest {
        counts: written.counts,
        documents: written.documents.clone(),
        failed: written.failed.clone(),
        ..settings_of(request, identity)
    }
}

/// The manifest of what is asked for, as far as it is known before a document was read.
fn settings_of(request: &BuildRequest, identity: &EmbeddingIdentity) -> Manifest {
    Manifest {
        format: FORMAT,
        embedding: identity.into(),
        reading: READING,
        ocr: ocr(request),
        splitter: Splitting::from(&request.splitter),
        index: IndexSettings {
            library: "usearch".to_owned(),
            version: library_version().to_owned(),
            metric: "cosine".to_owned(),
            scalar: request.scalar.as_str().to_owned(),
            connectivity: CONNECTIVITY,
            expansion_add: EXPANSION_ADD,
            expansion_search: EXPANSION_SEARCH,
        },
        lexical: LexicalSettings {
            library: "tantivy".to_owned(),
            version: lexical_version().to_owned(),
            tokenizer: TOKENIZER.to_owned(),
        },
        counts: Counts::default(),
        documents: Vec::new(),
        failed: Vec::new(),
    }
}
