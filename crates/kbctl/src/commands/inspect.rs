//! `kbctl inspect`: what a knowledge base says it is.

use std::path::PathBuf;

use clap::Args;
use rag_knowledge::{Manifest, Report, fingerprint};
use serde::Serialize;

use crate::render::{self, Failure, Output};

/// Shows what a knowledge base was made of. Nothing is recomputed; see `verify`.
#[derive(Args)]
#[command(
    after_help = "Example:\n  kbctl inspect data/green/v20261123 --output json | jq .manifest.counts"
)]
pub(crate) struct Arguments {
    /// The tag's folder.
    knowledge: PathBuf,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Serialize)]
struct Inspected<'a> {
    tag: &'a str,
    fingerprint: &'a str,
    built_at: &'a str,
    manifest: &'a Manifest,
    report: &'a Report,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let manifest = Manifest::read(&arguments.knowledge)?;
    let report = Report::read(&arguments.knowledge)?;
    let fingerprint = fingerprint::declared(&arguments.knowledge)?;
    if arguments.output == Output::Json {
        return render::print_json(&Inspected {
            tag: &report.tag,
            fingerprint: &fingerprint,
            built_at: &report.built_at,
            manifest: &manifest,
            report: &report,
        });
    }
    let (counts, embedding) = (manifest.counts, &manifest.embedding);
    let mut lines = vec![
        format!("tag          {}", report.tag),
        format!("fingerprint  {fingerprint}"),
        format!("built at     {} in {} s", report.built_at, report.seconds),
        format!(
            "embedding    {} {}, {} dimensions",
            embedding.name, embedding.version, embedding.dimensions
        ),
        format!(
            "passages     {} of at most {} characters, overlap {} ({})",
            counts.passages,
            manifest.splitter.size,
            manifest.splitter.overlap,
            manifest.splitter.strategy
        ),
        format!(
            "index        {} {}, {}, {}",
            manifest.index.library,
            manifest.index.version,
            manifest.index.metric,
            manifest.index.scalar
        ),
        format!("documents    {}", counts.documents),
    ];
    for document in &manifest.documents {
        lines.push(format!("  {:>6} passages  {}", document.passages, document.file));
    }
    if counts.failed > 0 {
        lines.push(format!("not read     {}", counts.failed));
        lines.extend(manifest.failed.iter().map(|f| format!("  {}: {}", f.file, f.reason)));
    }
    render::print(&render::plain(&lines.join("\n")))
}
