//! Removing tags that are no longer needed, and what unfinished work has left.

use std::fs::File;
use std::path::Path;

use serde::Serialize;

use crate::error::KnowledgeError;
use crate::root::{self, Tag};
use crate::{files, lock};

/// What the name of a tag begins with while it is removed.
const REMOVING: &str = ".removing-";
/// What the names of unfinished work begin with.
const UNFINISHED: [&str; 3] = [".building-", ".syncing-", REMOVING];

/// What becomes of the tags of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Collection {
    /// Newest first.
    pub tags: Vec<(String, Fate)>,
    /// Folders of unfinished work that nobody works on.
    pub leftovers: Vec<String>,
    /// Bytes of what is removed.
    pub bytes: u64,
}

/// What becomes of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is one of the newest.
    Kept,
    /// Somebody named it.
    Named,
    /// A link leads to it; the link's name.
    Linked(String),
    /// A worker or a program has it open.
    InUse,
    /// Whether somebody has it open cannot be told; why.
    Unclear(String),
    /// It goes.
    Removed,
}

/// Keeps the `keep` newest tags of `root` by the time of their build, those in `named`, those that a link in
/// `root` leads to, and those that a running worker has open; removes the rest, and what unfinished work has left. With `dry_run` it only
/// says so.
///
/// A tag first gets a hidden name, so that a crash leaves no half a tag behind.
///
/// # Errors
/// When the folder cannot be read, or something cannot be removed.
pub fn collect(
    root: &Path,
    keep: usize,
    named: &[String],
    dry_run: bool,
) -> Result<Collection, KnowledgeError> {
    let mut collection = Collection::default();
    let linked = root::linked(root)?;
    for (position, Tag { name: tag, .. }) in root::tags(root)?.into_iter().enumerate() {
        let folder = root.join(&tag);
        let fate = if position < keep {
            Fate::Kept
        } else if named.contains(&tag) {
            Fate::Named
        } else if let Some(link) = linked.get(&tag) {
            Fate::Linked(link.clone())
        } else {
            match lock::for_removal(&folder) {
                Err(e) => Fate::Unclear(e.to_string()),
                Ok(None) => Fate::InUse,
                Ok(Some(_locked)) => {
                    collection.bytes += bytes_of(&folder);
                    if !dry_run {
                        remove(root, &tag)?;
                    }
                    Fate::Removed
                }
            }
        };
        collection.tags.push((tag, fate));
    }
    for (folder, _locked) in lock::abandoned(root, &UNFINISHED)? {
        collection.bytes += bytes_of(&folder);
        if !dry_run {
            std::fs::remove_dir_all(&folder).map_err(|e| KnowledgeError::unreadable(&folder, e))?;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        collection.leftovers.push(name);
    }
    Ok(collection)
}

/// Called with the tag's lock held: from here on nobody can open it.
fn remove(root: &Path, tag: &str) -> Result<(), KnowledgeError> {
    let (folder, hidden) = (root.join(tag), root.join(format!("{REMOVING}{tag}")));
    let fail = |e: std::io::Error| KnowledgeError::unreadable(&folder, e);
    if hidden.exists() {
        std::fs::remove_dir_all(&hidden).map_err(fail)?;
    }
    std::fs::rename(&folder, &hidden).map_err(fail)?;
    File::open(root).and_then(|root| root.sync_all()).map_err(fail)?;
    std::fs::remove_dir_all(&hidden).map_err(fail)
}

/// Bytes of the files below a folder; what cannot be read counts as nothing.
fn bytes_of(folder: &Path) -> u64 {
    let length =
        |file: &String| std::fs::metadata(folder.join(file)).map_or(0, |found| found.len());
    files::below(folder).unwrap_or_default().iter().map(length).sum()
}
