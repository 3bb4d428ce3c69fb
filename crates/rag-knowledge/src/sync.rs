//! A tag from one place to another: between folders, and to and from an object store (S3, MinIO and others
//! that speak the same protocol).
//!
//! In an object store a tag is a list of pieces, `<tag>.json`, and the pieces themselves lie under
//! `pieces/` by their SHA-256, each once for all tags. Only pieces that the other side lacks are
//! carried. What arrives is checked piece by piece, then by its fingerprint, and becomes visible as a
//! whole; what was carried before an interruption is not carried again.

mod chunks;
mod error;
mod garbage;
mod receive;
mod send;
mod store;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

pub use error::SyncError;
pub use garbage::{Amount, Collected, collect};

use crate::{fingerprint, tag};
use store::Store;

/// A side of a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine, or one that is mounted.
    Folder(PathBuf),
    /// A prefix in a bucket.
    Bucket {
        /// The bucket.
        bucket: String,
        /// What the names of objects begin with; without `/` at its ends, may be empty.
        prefix: String,
    },
}

impl std::str::FromStr for Place {
    type Err = SyncError;

    /// Reads `s3://bucket/prefix`, or a path.
    fn from_str(text: &str) -> Result<Self, SyncError> {
        let Some(rest) = text.strip_prefix("s3://") else {
            if let Some((scheme, _)) = text.split_once("://") {
                return Err(SyncError::Scheme(scheme.to_owned()));
            }
            return Ok(Self::Folder(PathBuf::from(text)));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(SyncError::NoBucket(text.to_owned()));
        }
        let prefix = prefix.trim_matches('/').to_owned();
        Ok(Self::Bucket { bucket: bucket.to_owned(), prefix })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Synced {
    pub tag: String,
    pub fingerprint: String,
    /// Where the tag is now.
    pub place: String,
    /// Bytes of the tag.
    pub bytes: u64,
    /// Bytes that were carried; the others were there.
    pub carried: u64,
    /// Whether the tag was already there as a whole.
    pub already_there: bool,
}

/// Hears how a sync is going.
pub trait SyncObserver: Sync {
    /// So many of all bytes are settled, carried or found there.
    fn settled(&self, settled: u64, all: u64);
}

impl SyncObserver for () {
    fn settled(&self, _: u64, _: u64) {}
}

/// The observer and the stop signal of a sync.
pub(super) struct Control<'a> {
    pub(super) observer: &'a dyn SyncObserver,
    pub(super) cancelled: &'a AtomicBool,
}

impl Control<'_> {
    fn check(&self) -> Result<(), SyncError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(SyncError::Cancelled) } else { Ok(()) }
    }
}

/// Copies the tag at `from` (its own folder, or `…/<tag>` in a bucket) under `to`, which holds a folder,
/// or a list, per tag.
///
/// # Errors
/// When `from` is no knowledge base or was changed after it was built, another tag of that name is there,
/// a side cannot be read or written, or what arrived is not what was sent. Nothing half-made is
/// visible then, and the next sync goes on where this one stopped.
pub fn sync(
    from: &Place,
    to: &Place,
    observer: &dyn SyncObserver,
    cancelled: &AtomicBool,
) -> Result<Synced, SyncError> {
    let control = Control { observer, cancelled };
    match (from, to) {
        (Place::Folder(from), Place::Folder(to)) => {
            let pieces = send::list(from, &control)?;
            receive::receive(&pieces, &receive::Source::Folder(from), to, &control)
        }
        (Place::Folder(from), Place::Bucket { .. }) => {
            send::send(from, &Store::open(to)?, &control)
        }
        (Place::Bucket { bucket, prefix }, Place::Folder(to)) => {
            let (prefix, name) = prefix.rsplit_once('/').unwrap_or(("", prefix));
            tag::check(name)
                .map_err(|cause| SyncError::NoTag { place: from.to_string(), cause })?;
            let above = Place::Bucket { bucket: bucket.clone(), prefix: prefix.to_owned() };
            let store = Store::open(&above)?;
            let pieces = store.list_of(name)?;
            receive::receive(&pieces, &receive::Source::Store(&store), to, &control)
        }
        (Place::Bucket { .. }, Place::Bucket { .. }) => Err(SyncError::TwoBuckets),
    }
}

/// The fingerprint that a folder declares, after a look whether it still is what was built.
fn checked_fingerprint(folder: &Path) -> Result<String, SyncError> {
    let verdict = crate::verify(folder)?;
    if verdict.holds() {
        return Ok(verdict.declared);
    }
    Err(SyncError::Knowledge(crate::KnowledgeError::Changed {
        folder: folder.to_owned(),
        differences: verdict.differences,
    }))
}

/// Whether a tag is at `folder` already: nothing, or its fingerprint.
fn present(folder: &Path) -> Result<Option<String>, SyncError> {
    if std::fs::symlink_metadata(folder).is_err() {
        return Ok(None);
    }
    Ok(Some(fingerprint::declared(folder)?))
}
