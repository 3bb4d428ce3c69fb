//! A tag of this machine in pieces, and its way into an object store.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::chunks::{FORMAT, Pieces, cut, files};
use super::error::SyncError;
use super::store::Store;
use super::{Control, Synced, checked_fingerprint};
use crate::report::Report;

/// Pieces on their way at the same time; each is in memory.
const AT_ONCE: usize = 4;

/// The pieces of a tag, after a look whether it still is what was built.
pub(super) fn list(folder: &Path, control: &Control<'_>) -> Result<Pieces, SyncError> {
    let mut pieces = Pieces {
        format: FORMAT,
        fingerprint: checked_fingerprint(folder)?,
        tag: Report::read(folder)?.tag,
        files: BTreeMap::new(),
    };
    for file in files(folder)? {
        control.check()?;
        let list = pieces.files.entry(file.clone()).or_default();
        cut(&folder.join(&file), |found, _| {
            list.push(found.piece);
            Ok(())
        })?;
    }
    Ok(pieces)
}

/// Brings a tag into an object store.
pub(super) fn send(
    folder: &Path,
    store: &Store,
    control: &Control<'_>,
) -> Result<Synced, SyncError> {
    let pieces = list(folder, control)?;
    let all = pieces.bytes();
    let mut synced = Synced {
        tag: pieces.tag.clone(),
        fingerprint: pieces.fingerprint.clone(),
        place: store.shown(&pieces.tag),
        bytes: all,
        carried: 0,
        already_there: false,
    };
    if let Some(there) = store.find_list(&pieces.tag)? {
        if there.fingerprint != pieces.fingerprint {
            return Err(SyncError::Other {
                place: synced.place,
                there: there.fingerprint,
                ours: pieces.fingerprint,
            });
        }
        if there == pieces {
            synced.already_there = true;
        }
    }
    let mut held: HashSet<String> = store.held()?;
    let mut settled = 0;
    for file in pieces.files.keys() {
        let mut carrying = FuturesUnordered::new();
        let mut failed = None;
        cut(&folder.join(file), |found, bytes| {
            settled += found.piece.bytes;
            if failed.is_some() || !held.insert(found.piece.sha256.clone()) {
                return Ok(());
            }
            synced.carried += found.piece.bytes;
            carrying.push(async move { store.put_piece(&found.piece, bytes).await });
            if carrying.len() >= AT_ONCE {
                failed = store.runtime().block_on(carrying.next()).and_then(Result::err);
            }
            control.observer.settled(settled, all);
            Ok(())
        })?;
        while let Some(done) = store.runtime().block_on(carrying.next()) {
            failed = failed.or(done.err());
        }
        if let Some(error) = failed {
            return Err(error);
        }
        control.check()?;
    }
    store.put_list(&pieces)?;
    synced.already_there &= synced.carried == 0;
    Ok(synced)
}
