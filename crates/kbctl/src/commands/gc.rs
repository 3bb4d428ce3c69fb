//! `kbctl gc`: removes tags that nobody needs.

use std::path::PathBuf;

use clap::Args;
use rag_knowledge::collect::{Collection, Fate, collect};

use crate::render::{self, Failure, Output};

/// Removes all but the newest tags of a folder, and what stopped builds have left there.
///
/// A tag that a running worker has open, or that a link such as `current` leads to, is never removed.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  kbctl gc data/green --keep 3 --dry-run\n  kbctl gc data/green --keep 3 --keep-tag v20261001"
)]
pub(crate) struct Arguments {
    /// The folder that holds a folder per tag.
    root: PathBuf,
    /// How many of the newest tags stay, by the time of their build.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    /// A tag that stays; may be given more than once.
    #[arg(long, value_name = "TAG")]
    keep_tag: Vec<String>,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { root, keep, keep_tag, dry_run, output } = arguments;
    let collection = collect(root, *keep as usize, keep_tag, *dry_run)?;
    if *output == Output::Json {
        return render::print_json(&collection);
    }
    render::print(&render::plain(&text(&collection, *dry_run)))
}

fn text(collection: &Collection, dry_run: bool) -> String {
    let removed = if dry_run { "would be removed" } else { "removed" };
    let mut lines = Vec::new();
    for (tag, fate) in &collection.tags {
        let fate = match fate {
            Fate::Kept => "kept: one of the newest".to_owned(),
            Fate::Named => "kept: named".to_owned(),
            Fate::Linked(link) => format!("kept: {link} leads there"),
            Fate::InUse => "kept: in use".to_owned(),
            Fate::Unclear(why) => format!("kept: {why}"),
            Fate::Removed => removed.to_owned(),
        };
        lines.push(format!("{tag}  {fate}"));
    }
    lines.extend(collection.leftovers.iter().map(|name| format!("{name}  {removed}: unfinished")));
    lines.push(format!("{:.1} MiB {removed}", collection.bytes as f64 / (1024.0 * 1024.0)));
    lines.join("\n")
}
