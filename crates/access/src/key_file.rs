//! A file of hashed secrets, one JSON object a line, read again when it changes.
//!
//! Blank lines and lines that begin with `#` are left alone. Deleting a line revokes its secret.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Larger files are refused: a slip of the hand, not a list of keys. 16 MiB.
const MAX_FILE: u64 = 16 << 20;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("reading {}", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    #[error("{}: larger than 16 MiB", .0.display())]
    TooLarge(PathBuf),
    #[error("{}:{line}: not an entry of a key file", file.display())]
    Line { file: PathBuf, line: usize, source: serde_json::Error },
    #[error("{}:{line}: the hash is not 64 hex digits in lower case", file.display())]
    Hash { file: PathBuf, line: usize },
    #[error("{}:{line}: the id {id} is there twice", file.display())]
    Twice { file: PathBuf, line: usize, id: String },
    #[error("writing {}", .0.display())]
    Unwritable(PathBuf, #[source] std::io::Error),
}

/// A line of a key file.
pub trait Entry: Serialize + DeserializeOwned + Send + Sync + 'static {
    fn id(&self) -> &str;
    fn hash(&self) -> &str;
}

/// The end of a secret's life, written as RFC 3339: `2027-02-21T00:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry(pub SystemTime);

impl Expiry {
    pub(crate) fn is_over(this: Option<Self>, now: SystemTime) -> bool {
        this.is_some_and(|Self(end)| now >= end)
    }
}

impl Serialize for Expiry {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let whole = OffsetDateTime::from(self.0).replace_nanosecond(0);
        let text = whole.ok().and_then(|time| time.format(&Rfc3339).ok());
        text.ok_or_else(|| serde::ser::Error::custom("a time that cannot be written"))?
            .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let time = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| {
            serde::de::Error::custom(format!("{text:?} is not a time such as 2027-02-21T00:00:00Z"))
        })?;
        Ok(Self(time.into()))
    }
}

/// What tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A file and what was last read from it. Reading it is [`reload`](Self::reload)'s work; looking an id up takes no lock.
pub struct KeyFile<E> {
    path: PathBuf,
    entries: ArcSwap<HashMap<String, Arc<E>>>,
    stamp: Mutex<Option<Stamp>>,
}

impl<E: Entry> KeyFile<E> {
    /// Reads the file.
    ///
    /// # Errors
    /// Every [`KeyFileError`] but `Unwritable`.
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        let (text, stamp) = read(path)?;
        let entries = ArcSwap::from_pointee(parse(path, &text)?);
        Ok(Self { path: path.to_owned(), entries, stamp: Mutex::new(Some(stamp)) })
    }

    /// Reads the file again if it has changed, and says whether it had. What was read before stays in use when the
    /// new state cannot be read; a broken state is complained of once.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reload(&self) -> Result<bool, KeyFileError> {
        let mut known = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        let metadata = std::fs::metadata(&self.path);
        let seen = metadata.as_ref().ok().map(Stamp::of);
        if *known == seen {
            return Ok(false);
        }
        *known = seen;
        let (text, stamp) = read(&self.path)?;
        *known = Some(stamp);
        self.entries.store(Arc::new(parse(&self.path, &text)?));
        Ok(true)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn len(&self) -> usize {
        self.entries.load().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<E>> {
        self.entries.load().get(id).cloned()
    }
}

/// Adds a line to a key file, which is made with mode 0600 when it is not there.
///
/// # Errors
/// [`KeyFileError::Unwritable`].
pub fn append<E: Entry>(path: &Path, entry: &E) -> Result<(), KeyFileError> {
    let failed = |error| KeyFileError::Unwritable(path.to_owned(), error);
    let line = serde_json::to_string(entry).map_err(|error| failed(error.into()))?;
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    // One write, so that a reader never meets half of it.
    file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// Whether others than the owner and the group may read a file that holds secrets or their hashes.
pub fn is_readable_by_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}

fn read(path: &Path) -> Result<(String, Stamp), KeyFileError> {
    let failed = |error| KeyFileError::Unreadable(path.to_owned(), error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let stamp = Stamp::of(&file.metadata().map_err(failed)?);
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_FILE {
        return Err(KeyFileError::TooLarge(path.to_owned()));
    }
    Ok((text, stamp))
}

fn parse<E: Entry>(file: &Path, text: &str) -> Result<HashMap<String, Arc<E>>, KeyFileError> {
    let mut entries = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (file, at) = (file.to_owned(), index + 1);
        let entry: E = match serde_json::from_str(line) {
            Ok(entry) => entry,
            Err(source) => return Err(KeyFileError::Line { file, line: at, source }),
        };
        let hash = entry.hash();
        if hash.len() != 64 || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(KeyFileError::Hash { file, line: at });
        }
        let id = entry.id().to_owned();
        if entries.insert(id.clone(), Arc::new(entry)).is_some() {
            return Err(KeyFileError::Twice { file, line: at, id });
        }
    }
    Ok(entries)
}
