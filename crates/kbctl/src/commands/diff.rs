//! `kbctl diff`: what changed between two tags, by document.

use std::path::PathBuf;

use clap::Args;
use rag_knowledge::diff::{DocumentChange, diff};

use crate::render::{self, Failure, Output};

/// Shows which documents were added, removed, renamed or changed from one tag to another.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  kbctl diff data/green/v20261122 data/green/v20261123\n  kbctl diff data/green/v20261122 data/green/v20261123 --output json | jq '.documents[].file'"
)]
pub(crate) struct Arguments {
    /// The older tag's folder.
    old: PathBuf,
    /// The newer tag's folder.
    new: PathBuf,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let difference = diff(&arguments.old, &arguments.new)?;
    if arguments.output == Output::Json {
        return render::print_json(&difference);
    }
    let (old, new) = (&difference.old, &difference.new);
    let mut lines = vec![format!(
        "{} → {}: {} → {} documents, {} → {} passages",
        old.tag, new.tag, old.documents, new.documents, old.passages, new.passages
    )];
    if old.fingerprint == new.fingerprint {
        lines.push("the fingerprints are equal".to_owned());
    }
    for (what, was, is) in &difference.settings {
        lines.push(format!("{what}: {was} → {is}"));
    }
    lines.extend(difference.documents.iter().map(line));
    lines.push(format!("{} unchanged", difference.unchanged));
    render::print(&render::plain(&lines.join("\n")))
}

fn line(change: &DocumentChange) -> String {
    match change {
        DocumentChange::Added { file, passages } => {
            format!("+ {file} ({})", render::many(*passages, "passage"))
        }
        DocumentChange::Removed { file, passages } => {
            format!("- {file} ({})", render::many(*passages, "passage"))
        }
        DocumentChange::Renamed { file, from, .. } => format!("> {file} (was {from})"),
        DocumentChange::Changed { file, content, passages_added, passages_removed, .. } => {
            let why = if *content { "" } else { ", read or cut otherwise" };
            format!("~ {file} (+{passages_added} -{passages_removed} passages{why})")
        }
        DocumentChange::Failed { file, reason } => format!("! {file}: {reason}"),
    }
}
