//! A tag's way into a folder of this machine.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use sha2::{Digest, Sha256};

use super::chunks::{Found, Piece, Pieces, cut};
use super::error::SyncError;
use super::store::Store;
use super::{Control, Synced, checked_fingerprint, present};
use crate::files;
use crate::fingerprint::hex;
use crate::report::Report;
use crate::tag;

/// What the names of unfinished copies begin with.
const PREFIX: &str = ".syncing-";
/// Pieces on their way at the same time; each is in memory.
const AT_ONCE: usize = 4;

/// Where pieces come from.
pub(super) enum Source<'a> {
    /// The tag's own folder.
    Folder(&'a Path),
    Store(&'a Store),
}

/// Brings the tag into `root`.
pub(super) fn receive(
    pieces: &Pieces,
    source: &Source<'_>,
    root: &Path,
    control: &Control<'_>,
) -> Result<Synced, SyncError> {
    let target = root.join(&pieces.tag);
    let mut synced = Synced {
        tag: pieces.tag.clone(),
        fingerprint: pieces.fingerprint.clone(),
        place: target.display().to_string(),
        bytes: pieces.bytes(),
        carried: 0,
        already_there: false,
    };
    if let Some(there) = present(&target)? {
        if there != pieces.fingerprint {
            let ours = pieces.fingerprint.clone();
            return Err(SyncError::Other { place: synced.place, there, ours });
        }
        checked_fingerprint(&target)?;
        return Ok(Synced { already_there: true, ..synced });
    }
    std::fs::create_dir_all(root).map_err(|e| SyncError::disk(root, e))?;
    let folder = root.join(format!("{PREFIX}{}", pieces.tag));
    let _alone = open_folder(&folder)?;
    let nearby = nearby(root)?;
    let mut settled = 0;
    for (file, wanted) in &pieces.files {
        let path = folder.join(file);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| SyncError::disk(parent, e))?;
        }
        let mut writing = Writing::open(path, wanted)?;
        let mut carrying = FuturesUnordered::new();
        let mut offset = 0;
        for piece in wanted {
            control.check()?;
            let at = offset;
            offset += piece.bytes;
            settled += piece.bytes;
            if writing.has(piece, at) {
                control.observer.settled(settled, synced.bytes);
                continue;
            }
            if let Some(bytes) = nearby.get(piece) {
                writing.write(at, &bytes)?;
                control.observer.settled(settled, synced.bytes);
                continue;
            }
            synced.carried += piece.bytes;
            match source {
                Source::Folder(from) => {
                    let path = from.join(file);
                    let bytes = read_piece(&path, piece, at)
                        .ok_or_else(|| SyncError::Damaged { place: path.display().to_string() })?;
                    writing.write(at, &bytes)?;
                }
                Source::Store(store) => {
                    carrying.push(async move { (at, store.get_piece(piece).await) });
                    if carrying.len() >= AT_ONCE
                        && let Some((at, bytes)) = store.runtime().block_on(carrying.next())
                    {
                        writing.write(at, &bytes?)?;
                    }
                }
            }
            control.observer.settled(settled, synced.bytes);
        }
        if let Source::Store(store) = source {
            while let Some((at, bytes)) = store.runtime().block_on(carrying.next()) {
                writing.write(at, &bytes?)?;
            }
        }
        writing.finish()?;
    }
    remove_strangers(&folder, pieces)?;
    checked_fingerprint(&folder)?;
    publish(&folder, &target, root)?;
    Ok(synced)
}

/// Makes or takes up the folder of an unfinished copy; locked until the handle is dropped.
fn open_folder(folder: &Path) -> Result<File, SyncError> {
    std::fs::create_dir_all(folder).map_err(|e| SyncError::disk(folder, e))?;
    let handle = File::open(folder).map_err(|e| SyncError::disk(folder, e))?;
    match handle.try_lock() {
        Ok(()) => Ok(handle),
        Err(TryLockError::WouldBlock) => Err(SyncError::Busy(folder.to_owned())),
        Err(TryLockError::Error(e)) => Err(SyncError::disk(folder, e)),
    }
}

/// The pieces of the newest tag that is there already.
struct Nearby(HashMap<Piece, (PathBuf, u64)>);

impl Nearby {
    fn get(&self, piece: &Piece) -> Option<Vec<u8>> {
        let (path, offset) = self.0.get(piece)?;
        read_piece(path, piece, *offset)
    }
}

fn nearby(root: &Path) -> Result<Nearby, SyncError> {
    let entries = std::fs::read_dir(root).map_err(|e| SyncError::disk(root, e))?;
    let newest = entries
        .filter_map(Result::ok)
        .filter(|entry| tag::check(&entry.file_name().to_string_lossy()).is_ok())
        .filter_map(|entry| Some((Report::read(&entry.path()).ok()?.built_at, entry.path())))
        .max();
    let mut found = HashMap::new();
    if let Some((_, folder)) = newest {
        for file in files::below(&folder)? {
            let path = folder.join(&file);
            cut(&path, |Found { piece, offset }, _| {
                found.insert(piece, (path.clone(), offset));
                Ok(())
            })?;
        }
    }
    Ok(Nearby(found))
}

/// The bytes of a piece, when they are what its hash says.
fn read_piece(path: &Path, piece: &Piece, offset: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(piece.bytes).ok()?];
    File::open(path).ok()?.read_exact_at(&mut bytes, offset).ok()?;
    (hex(&Sha256::digest(&bytes)) == piece.sha256).then_some(bytes)
}

/// A file that arrives, in any order of its pieces.
struct Writing {
    path: PathBuf,
    file: File,
    /// Bytes an earlier sync may have written.
    before: u64,
}

impl Writing {
    fn open(path: PathBuf, wanted: &[Piece]) -> Result<Self, SyncError> {
        let fail = |e: std::io::Error| SyncError::disk(&path, e);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail)?;
        let before = file.metadata().map_err(fail)?.len();
        file.set_len(wanted.iter().map(|piece| piece.bytes).sum()).map_err(fail)?;
        Ok(Self { path, file, before })
    }

    /// Whether an earlier sync has written this piece.
    fn has(&self, piece: &Piece, at: u64) -> bool {
        at + piece.bytes <= self.before && read_piece(&self.path, piece, at).is_some()
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), SyncError> {
        self.file.write_all_at(bytes, at).map_err(|e| SyncError::disk(&self.path, e))
    }

    fn finish(self) -> Result<(), SyncError> {
        self.file.sync_all().map_err(|e| SyncError::disk(&self.path, e))
    }
}

/// What an earlier sync of another build under the same name has left.
fn remove_strangers(folder: &Path, pieces: &Pieces) -> Result<(), SyncError> {
    for file in files::below(folder)? {
        if !pieces.files.contains_key(&file) {
            let path = folder.join(file);
            std::fs::remove_file(&path).map_err(|e| SyncError::disk(&path, e))?;
        }
    }
    Ok(())
}

/// Renames the copy to its tag. Nothing is overwritten.
fn publish(folder: &Path, target: &Path, root: &Path) -> Result<(), SyncError> {
    let sync = |path: &Path| {
        File::open(path).and_then(|f| f.sync_all()).map_err(|e| SyncError::disk(path, e))
    };
    sync(folder)?;
    let alone = File::open(root).map_err(|e| SyncError::disk(root, e))?;
    alone.lock().map_err(|e| SyncError::disk(root, e))?;
    if std::fs::symlink_metadata(target).is_ok() {
        return Err(SyncError::disk(target, "it appeared meanwhile"));
    }
    std::fs::rename(folder, target).map_err(|e| SyncError::disk(target, e))?;
    sync(root)
}
