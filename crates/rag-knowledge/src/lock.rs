//! Who works with a folder: a lock on the folder of unfinished work; on a finished knowledge base, whoever has it open holds a shared lock on its `FINGERPRINT`, and whoever
//! wants to remove it must get the exclusive one.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::KnowledgeError;
use crate::layout;

/// Says that a knowledge base is in use, until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct InUse(#[expect(dead_code, reason = "held for its lock")] File);

/// Marks the knowledge base in `folder` as in use.
///
/// # Errors
/// When it is being removed, or its `FINGERPRINT` cannot be opened.
pub(crate) fn in_use(folder: &Path) -> Result<InUse, KnowledgeError> {
    let path = folder.join(layout::FINGERPRINT);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let missing = layout::MANIFEST;
            return Err(KnowledgeError::NotOne { folder: folder.to_owned(), missing });
        }
        Err(e) => return Err(KnowledgeError::unreadable(&path, e)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(InUse(file)),
        Err(TryLockError::WouldBlock) => {
            Err(KnowledgeError::unreadable(&path, "the knowledge base is being removed"))
        }
        // A file system without locks keeps nobody from reading; removing asks for a lock, too.
        Err(TryLockError::Error(_)) => Ok(InUse(file)),
    }
}

/// Hidden folders of unfinished work whose names begin so and that nobody works on, each with its lock.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn abandoned(
    root: &Path,
    prefixes: &[&str],
) -> Result<Vec<(PathBuf, File)>, KnowledgeError> {
    let fail = |e: std::io::Error| KnowledgeError::unreadable(root, e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let unfinished = prefixes.iter().any(|prefix| name.starts_with(prefix));
        if !unfinished || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let handle = File::open(entry.path()).map_err(fail)?;
        match handle.try_lock() {
            Ok(()) => found.push((entry.path(), handle)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(fail(e)),
        }
    }
    Ok(found)
}

/// The exclusive lock on a knowledge base; nothing when somebody has it open.
///
/// # Errors
/// When its file system has no locks, so that nobody can tell.
pub(crate) fn for_removal(folder: &Path) -> Result<Option<File>, KnowledgeError> {
    let path = folder.join(layout::FINGERPRINT);
    let fail = |e: std::io::Error| KnowledgeError::unreadable(&path, e);
    // Network file systems give an exclusive lock only on a file that is open for writing.
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(fail(e)),
    }
}
