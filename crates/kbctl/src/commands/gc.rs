//! `kbctl gc`: removes tags that nobody needs.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use rag_knowledge::collect::{Collection, Fate, collect};
use rag_knowledge::sync::{self, Amount, Collected, Place};

use crate::render::{self, Failure, Output};

/// Removes all but the newest tags of a folder or a bucket, and what stopped builds have left there.
///
/// In a folder, a tag that a running worker has open, or that a link such as `current` leads to, is never removed. In a bucket nobody has a tag
/// open: workers open what `kbctl sync` brought them. Pieces that no tag uses are removed by a run that comes after the grace.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kbctl gc data/green --keep 3 --dry-run
  kbctl gc data/green --keep 3 --keep-tag v20261001
  kbctl gc s3://knowledge/green --keep 5

A bucket's store and keys come from AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")]
pub(crate) struct Arguments {
    /// Where tags are kept: a folder, or s3://BUCKET/PREFIX.
    #[arg(value_name = "ROOT")]
    root: Place,
    /// How many of the newest tags stay, by the time of their build; in a bucket, by when they were brought there.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    /// A tag that stays; may be given more than once.
    #[arg(long, value_name = "TAG")]
    keep_tag: Vec<String>,
    /// How long no tag must have used a piece before it is removed from a bucket: longer than any sync takes.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "24h", value_name = "DURATION")]
    grace: Duration,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.root {
        Place::Folder(root) => in_folder(arguments, root),
        bucket @ Place::Bucket { .. } => in_bucket(arguments, bucket),
    }
}

fn in_folder(arguments: &Arguments, root: &Path) -> Result<(), Failure> {
    let Arguments { keep, keep_tag, dry_run, output, .. } = arguments;
    let collection = collect(root, *keep as usize, keep_tag, *dry_run)?;
    if *output == Output::Json {
        return render::print_json(&collection);
    }
    render::print(&render::plain(&text(&collection, *dry_run)))
}

fn in_bucket(arguments: &Arguments, bucket: &Place) -> Result<(), Failure> {
    let Arguments { keep, keep_tag, grace, dry_run, output, .. } = arguments;
    let collected = sync::collect(bucket, *keep as usize, keep_tag, *grace, *dry_run)?;
    if *output == Output::Json {
        return render::print_json(&collected);
    }
    let removed = removed(*dry_run);
    let Collected { tags, removed: gone, noted } = collected;
    let mut lines: Vec<String> = tags.iter().map(|tag| of_tag(tag, removed)).collect();
    let amount = |Amount { pieces, bytes }| format!("{} in {pieces} pieces", mib(bytes));
    lines.push(format!("{} {removed}", amount(gone)));
    if noted.pieces > 0 {
        let (amount, grace) = (amount(noted), humantime::format_duration(*grace));
        lines.push(format!("{amount} used by no tag: removed by a run that comes {grace} later"));
    }
    render::print(&render::plain(&lines.join("\n")))
}

fn text(collection: &Collection, dry_run: bool) -> String {
    let removed = removed(dry_run);
    let mut lines: Vec<String> = collection.tags.iter().map(|tag| of_tag(tag, removed)).collect();
    lines.extend(collection.leftovers.iter().map(|name| format!("{name}  {removed}: unfinished")));
    lines.push(format!("{} {removed}", mib(collection.bytes)));
    lines.join("\n")
}

fn removed(dry_run: bool) -> &'static str {
    if dry_run { "would be removed" } else { "removed" }
}

fn of_tag((tag, fate): &(String, Fate), removed: &str) -> String {
    let fate = match fate {
        Fate::Kept => "kept: one of the newest".to_owned(),
        Fate::Named => "kept: named".to_owned(),
        Fate::Linked(link) => format!("kept: {link} leads there"),
        Fate::InUse => "kept: in use".to_owned(),
        Fate::Unclear(why) => format!("kept: {why}"),
        Fate::Removed => removed.to_owned(),
    };
    format!("{tag}  {fate}")
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}
