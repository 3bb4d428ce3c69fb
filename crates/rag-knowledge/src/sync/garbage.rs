//! Removing tags from an object store, and the pieces that no tag uses any more.
//!
//! A sync may be on its way that counts on a piece which no list names yet. So a piece is removed in two steps: one
//! collection notes that no tag uses it, and one that comes some time later, the grace, removes it if that is still so. A
//! sync carries a noted piece again, which makes it a new one, and one that began before the note has the grace to end.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::store::Store;
use super::{Place, SyncError};
use crate::collect::Fate;

/// The store's clock and ours may differ by so much, where the grace is longer.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3600);

/// A piece in the store.
pub(super) struct Held {
    pub(super) bytes: u64,
    pub(super) since: OffsetDateTime,
}

/// Pieces that no tag used, and when that was first seen (seconds since 1970).
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unused(BTreeMap<String, i64>);

impl Unused {
    /// Whether this piece was noted, and not written again since.
    pub(super) fn names(&self, hash: &str, held: &Held) -> bool {
        self.0.get(hash).is_some_and(|noted| held.since.unix_timestamp() < *noted)
    }
}

/// Pieces, and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct Amount {
    pub pieces: u64,
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, held: &Held) {
        self.pieces += 1;
        self.bytes += held.bytes;
    }
}

/// What became of a place in an object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Collected {
    /// The tags, newest first by when they were brought there.
    pub tags: Vec<(String, Fate)>,
    /// What was removed.
    pub removed: Amount,
    /// What no tag uses and a collection after the grace removes.
    pub noted: Amount,
}

/// Keeps the `keep` tags at `place` that were brought there last, and those in `named`; removes the others, and the
/// pieces that no tag has used for `grace`. With `dry_run` it only says so.
///
/// # Errors
/// When `place` is a folder, or the store does not do what it is asked. What was removed until then is gone; the same
/// call goes on.
pub fn collect(
    place: &Place,
    keep: usize,
    named: &[String],
    grace: Duration,
    dry_run: bool,
) -> Result<Collected, SyncError> {
    let store = Store::open(place)?;
    let mut collected = Collected::default();
    let mut used: HashSet<String> = HashSet::new();
    for (position, (tag, _)) in store.tags()?.into_iter().enumerate() {
        let fate = match position {
            position if position < keep => Fate::Kept,
            _ if named.contains(&tag) => Fate::Named,
            _ => Fate::Removed,
        };
        if fate != Fate::Removed {
            // One that is gone meanwhile uses nothing.
            let pieces = store.find_list(&tag)?.into_iter();
            used.extend(
                pieces
                    .flat_map(|list| list.files.into_values().flatten())
                    .map(|piece| piece.sha256),
            );
        } else if !dry_run {
            store.remove_list(&tag)?;
        }
        collected.tags.push((tag, fate));
    }
    let now = OffsetDateTime::now_utc();
    let before = store.unused()?;
    let mut after = Unused::default();
    for (hash, held) in store.pieces()?.into_iter().filter(|(hash, _)| !used.contains(hash)) {
        let noted = before.0.get(&hash).copied().filter(|_| before.names(&hash, &held));
        let due = noted.is_some_and(|noted| noted + grace.as_secs() as i64 <= now.unix_timestamp());
        if due && (dry_run || store.remove_unused(&hash, &before)?) {
            collected.removed.add(&held);
            continue;
        }
        collected.noted.add(&held);
        let fresh = now - CLOCKS_DIFFER.min(grace);
        if let Some(noted) = noted.or((held.since <= fresh).then(|| now.unix_timestamp())) {
            after.0.insert(hash, noted);
        }
    }
    // A place without tags and pieces, such as a misspelled one, stays as it is.
    if !dry_run && after != before {
        store.put_unused(&after)?;
    }
    Ok(collected)
}
