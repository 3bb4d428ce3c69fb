//! A tag of this machine in pieces, and its way into an object store.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::chunks::{FORMAT, Pieces, cut};
use super::error::SyncError;
use super::store::Store;
use super::{Control, Synced, checked_fingerprint};
use crate::files;
use crate::report::Report;

/// Pieces on their way at the same time; each is in memory.
const AT_ONCE: usize = 4;

/// The pieces of a tag, after a look whether it still is what was built.
pub(super) fn list(folder: &Path, control: &Control<'_>) -> Result<Pieces, SyncError> {
    let mut pieces = begin(folder)?;
    for file in files::below(folder)? {
        control.check()?;
        let list = pieces.files.entry(file.clone()).or_default();
        cut(&folder.join(&file), |found, _| {
            list.push(found.piece);
            Ok(())
        })?;
    }
    Ok(pieces)
}

/// The list of a tag without its files.
fn begin(folder: &Path) -> Result<Pieces, SyncError> {
    Ok(Pieces {
        format: FORMAT,
        fingerprint: checked_fingerprint(folder)?,
        tag: Report::read(folder)?.tag,
        files: BTreeMap::new(),
    })
}

/// Brings a tag into an object store. Each file is cut once: its pieces are listed and, where the store lacks
/// them, carried.
pub(super) fn send(
    folder: &Path,
    store: &Store,
    control: &Control<'_>,
) -> Result<Synced, SyncError> {
    let mut pieces = begin(folder)?;
    let there = store.find_list(&pieces.tag)?;
    if let Some(there) = there.as_ref().filter(|there| there.fingerprint != pieces.fingerprint) {
        return Err(SyncError::Other {
            place: store.shown(&pieces.tag),
            there: there.fingerprint.clone(),
            ours: pieces.fingerprint,
        });
    }
    let files = files::below(folder)?;
    let length =
        |file: &String| std::fs::metadata(folder.join(file)).map_or(0, |found| found.len());
    let all: u64 = files.iter().map(length).sum();
    let mut held: HashSet<String> = store.held()?;
    let (mut settled, mut carried) = (0, 0);
    for file in files {
        let list = pieces.files.entry(file.clone()).or_default();
        let mut carrying = FuturesUnordered::new();
        let mut failed = None;
        cut(&folder.join(&file), |found, bytes| {
            let piece = found.piece;
            list.push(piece.clone());
            settled += piece.bytes;
            if failed.is_some() || !held.insert(piece.sha256.clone()) {
                return Ok(());
            }
            carried += piece.bytes;
            carrying.push(async move { store.put_piece(&piece, bytes).await });
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
    Ok(Synced {
        place: store.shown(&pieces.tag),
        bytes: pieces.bytes(),
        carried,
        already_there: carried == 0 && there.as_ref() == Some(&pieces),
        tag: pieces.tag,
        fingerprint: pieces.fingerprint,
    })
}
