//! The hidden folder a knowledge base is made in, and the rename that makes it visible.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::check_target;
use super::error::BuildError;
use crate::{fingerprint, layout};

/// What the names of unfinished builds begin with.
const PREFIX: &str = ".building-";

/// A folder `<root>/.building-<tag>-<pid>`. It is locked while its process lives, so that the next
/// build can tell a leftover of a crash from a build that is going on; it goes away on drop.
pub(super) struct Workshop {
    root: PathBuf,
    tag: String,
    folder: PathBuf,
    /// Holds the lock.
    _handle: File,
    published: bool,
}

impl Workshop {
    /// Makes `root` if need be, clears leftovers of crashed builds, and makes the folder.
    pub(super) fn open(root: &Path, tag: &str) -> Result<Self, BuildError> {
        std::fs::create_dir_all(root).map_err(|e| BuildError::disk(root, e))?;
        let _alone = lock_root(root)?;
        clear_leftovers(root)?;
        let folder = root.join(format!("{PREFIX}{tag}-{}", std::process::id()));
        let disk = |e: std::io::Error| BuildError::disk(&folder, e);
        std::fs::create_dir(&folder).map_err(disk)?;
        let handle = File::open(&folder).map_err(disk)?;
        handle.lock().map_err(disk)?;
        Ok(Self {
            root: root.to_owned(),
            tag: tag.to_owned(),
            folder,
            _handle: handle,
            published: false,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file and waits until it is on disk.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), BuildError> {
        let path = self.folder.join(name);
        File::create(&path)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .map_err(|e| BuildError::disk(&path, e))
    }

    /// Writes a value as indented JSON.
    pub(super) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), BuildError> {
        let mut bytes = serde_json::to_vec_pretty(value)
            .map_err(|e| BuildError::disk(&self.folder.join(name), e))?;
        bytes.push(b'\n');
        self.write(name, &bytes)
    }

    /// The hashes of the files in `derived/`.
    pub(super) fn derived_hashes(&self) -> Result<BTreeMap<String, String>, BuildError> {
        let name = format!("{}/{}", layout::DERIVED, layout::INDEX);
        let sum = fingerprint::sha256_file(&self.folder.join(&name))?;
        Ok(BTreeMap::from([(name, sum)]))
    }

    /// Renames the finished folder to its tag. Nothing is overwritten, also when another build made
    /// the same tag meanwhile.
    pub(super) fn publish(mut self) -> Result<PathBuf, BuildError> {
        let target = self.root.join(&self.tag);
        let sync = |path: &Path| {
            File::open(path).and_then(|f| f.sync_all()).map_err(|e| BuildError::disk(path, e))
        };
        sync(&self.folder)?;
        let _alone = lock_root(&self.root)?;
        check_target(&self.root, &self.tag)?;
        std::fs::rename(&self.folder, &target).map_err(|e| BuildError::disk(&target, e))?;
        self.published = true;
        sync(&self.root)?;
        Ok(target)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed now is a leftover that the next build clears.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Only one build at a time looks at leftovers or renames. Held for moments.
fn lock_root(root: &Path) -> Result<File, BuildError> {
    File::open(root)
        .and_then(|handle| handle.lock().map(|()| handle))
        .map_err(|e| BuildError::disk(root, e))
}

fn clear_leftovers(root: &Path) -> Result<(), BuildError> {
    let disk = |e: std::io::Error| BuildError::disk(root, e);
    for entry in std::fs::read_dir(root).map_err(disk)? {
        let entry = entry.map_err(disk)?;
        let is_unfinished = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !is_unfinished || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        let handle = File::open(&path).map_err(|e| BuildError::disk(&path, e))?;
        match handle.try_lock() {
            Ok(()) => std::fs::remove_dir_all(&path).map_err(|e| BuildError::disk(&path, e))?,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(BuildError::disk(&path, e)),
        }
    }
    Ok(())
}

/// A time as written in reports: UTC, whole seconds.
pub(super) fn rfc3339(at: OffsetDateTime) -> String {
    let whole = at.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// The machine's name, or nothing.
pub(super) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}
