//! `kbctl build`: a knowledge base from a folder of documents.

use std::path::{Path, PathBuf};

use clap::Args;
use rag_core::Strategy;
use rag_knowledge::build::{BuildRequest, Built, build, check_target};
use rag_knowledge::embedding::{self, ModelCache};
use rag_knowledge::index::Scalar;
use rag_knowledge::manifest::{Counts, FailedEntry};
use rag_knowledge::report::TakenOver;
use serde::Serialize;
use time::OffsetDateTime;

use crate::documents::{self, ReadingOptions};
use crate::interrupt;
use crate::progress::Progress;
use crate::render::{self, Failure};
use crate::splitting::{Impossible, Splitting};

/// Builds a knowledge base from the documents of a folder: PDF, DOCX, Markdown, HTML, text and CSV.
///
/// It is made beside its tag and renamed in when complete; an existing tag is never touched.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  kbctl build --documents docs/ --embedding multilingual-e5-small --output data/green\n  kbctl build --documents docs/ --embedding ./models/bge-base-zh --output data --tag v20261123-2 --strict\n  kbctl build --documents docs/ --embedding multilingual-e5-small --output data --from v20261122\n  kbctl build --documents docs/ --embedding multilingual-e5-small --output data --split headings --parent-size 2000\n  kbctl build --documents docs/ --embedding multilingual-e5-small --output data --json | jq -r .fingerprint"
)]
pub(crate) struct Arguments {
    /// The folder of documents, subfolders included.
    #[arg(long, value_name = "DIR")]
    documents: PathBuf,
    /// The embedding: a name in the model cache, or a path that begins with / or .
    #[arg(long, value_name = "MODEL")]
    embedding: String,
    /// The folder that holds a folder per tag; made when missing.
    #[arg(long, value_name = "ROOT")]
    output: PathBuf,
    /// The tag; v and the day (UTC) when not given.
    #[arg(long)]
    tag: Option<String>,
    /// An earlier tag, by its name in ROOT or its path: documents and passages that did not change since
    /// are taken over, which changes nothing but the time it takes.
    #[arg(long, value_name = "TAG")]
    from: Option<PathBuf>,
    /// The most characters in a passage.
    #[arg(long, value_name = "CHARACTERS", default_value_t = 600)]
    chunk_size: usize,
    /// Characters each passage repeats of the one before.
    #[arg(long, value_name = "CHARACTERS", default_value_t = 80)]
    chunk_overlap: usize,
    /// Where passages begin and end: recursive (at paragraphs, lines, sentences), headings (each heading
    /// section by itself) or sentence-window (a sentence each, with those around it as its parent).
    #[arg(long, value_name = "STRATEGY", default_value = "recursive")]
    split: Strategy,
    /// The most characters in a parent, the text around a passage that the model reads instead of it;
    /// without it the model reads the passage.
    #[arg(long, value_name = "CHARACTERS")]
    parent_size: Option<usize>,
    /// Levels of the heading path, from the innermost, that are embedded with a passage; all when not
    /// given, 0 for none.
    #[arg(long, value_name = "LEVELS")]
    headings_embedded: Option<usize>,
    /// How the graph of the index stores numbers: f32, f16 or i8. What it finds is compared again with the vectors
    /// themselves.
    #[arg(long, default_value_t)]
    scalar: Scalar,
    /// Texts embedded at the same time; every processor when not given. The result is the same.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Stop at the first document that cannot be read, or that has a page of which text may be missing.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    reading: ReadingOptions,
    /// Answer with JSON on stdout (--output is the folder here).
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    folder: String,
    tag: &'a str,
    fingerprint: &'a str,
    counts: Counts,
    taken_over: &'a TakenOver,
    /// Passages of tables of contents.
    contents: usize,
    failed: &'a [FailedEntry],
    warnings: &'a [String],
    seconds: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let splitting = Splitting {
        chunk_size: arguments.chunk_size,
        chunk_overlap: arguments.chunk_overlap,
        strategy: arguments.split,
        parent_size: arguments.parent_size,
        headings_embedded: arguments.headings_embedded,
    };
    let splitter = splitting.settings().map_err(|Impossible(name, cause)| {
        Failure::usage(format!("--{}: {cause}", name.replace('_', "-")))
    })?;
    let threads = arguments.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        usize::from,
    );
    let now = OffsetDateTime::now_utc();
    // Before the model is loaded, which takes seconds.
    let tag = arguments.tag.clone().unwrap_or_else(|| rag_knowledge::tag::default_for(now));
    check_target(&arguments.output, &tag)?;
    if !arguments.documents.is_dir() {
        let cause = format!("{}: no such folder", arguments.documents.display());
        return Err(Failure::new(cause, Some("--documents names a folder".to_owned())));
    }
    let cancelled = interrupt::watch();
    let folder = ModelCache::from_environment().resolve(&arguments.embedding);
    let embedder = embedding::open(&folder, threads)?;
    let request = BuildRequest {
        documents: arguments.documents.clone(),
        root: arguments.output.clone(),
        tag: Some(tag),
        from: arguments.from.as_ref().map(|from| earlier(from, &arguments.output)),
        splitter,
        scalar: arguments.scalar,
        threads,
        strict: arguments.strict,
        reader: Some(documents::reader()),
        recognizer: arguments.reading.recognizer()?,
        limits: arguments.reading.limits()?,
    };
    let progress = Progress::new();
    let built = build(&request, &embedder, now, &progress, &cancelled);
    progress.finish();
    tell(&built?, arguments.json)
}

/// A bare name is a tag beside the one that is built.
fn earlier(from: &Path, root: &Path) -> PathBuf {
    if from.components().count() == 1 && !from.is_dir() { root.join(from) } else { from.to_owned() }
}

fn tell(built: &Built, json: bool) -> Result<(), Failure> {
    if json {
        return render::print_json(&Summary {
            folder: built.folder.display().to_string(),
            tag: &built.tag,
            fingerprint: &built.fingerprint,
            counts: built.counts,
            taken_over: &built.taken_over,
            contents: built.contents,
            failed: &built.failed,
            warnings: &built.warnings,
            seconds: (built.seconds * 1000.0).round() / 1000.0,
        });
    }
    for warning in &built.warnings {
        render::note(&render::plain(&format!("warning: {warning}")));
    }
    let failed = match built.counts.failed {
        0 => String::new(),
        n => format!(" ({} could not be read)", render::many(n, "document")),
    };
    let taken_over = match &built.taken_over {
        TakenOver { documents: 0, passages: 0, .. } => String::new(),
        TakenOver { documents, passages, .. } => format!(
            "\ntaken over: {} as they were, {} with their vectors",
            render::many(*documents, "document"),
            render::many(*passages, "passage")
        ),
    };
    let left_out = match built.contents {
        0 => String::new(),
        n => format!("\nleft out: {} of tables of contents", render::many(n, "passage")),
    };
    render::print(&format!(
        "built {}: {}{failed}, {} in {:.1} s{taken_over}{left_out}\nfingerprint {}",
        built.folder.display(),
        render::many(built.counts.documents, "document"),
        render::many(built.counts.passages, "passage"),
        built.seconds,
        built.fingerprint
    ))
}
