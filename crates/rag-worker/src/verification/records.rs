//! Records of what was verified on this machine: a small file each, in a folder that the worker may write to.
//!
//! Whoever can write there can vouch for files that changed, until the background check has read them. One that cannot be read counts as none.
//! A record vouches once, and is written again when everything was read: a worker that ends before that, killed by what it opened perhaps, leaves none, and
//! the next start reads before it opens.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::stamps::Stamps;

/// A knowledge base has some dozen files; a record of more than this is none of ours.
const LONGEST: u64 = 1 << 20;

/// The records.
#[derive(Debug)]
pub(super) struct Records {
    folder: Option<PathBuf>,
}

/// That something was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Fingerprint or SHA-256.
    pub(super) hash: String,
    /// When reading it began.
    pub(super) at: SystemTime,
    /// Its files, as they were before and after.
    pub(super) files: Stamps,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: PathBuf,
    hash: String,
    /// Seconds since 1970.
    at: u64,
    files: Stamps,
}

impl Records {
    /// Those in a folder; without one there are none.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// Takes away the record of a path, and gives it when its files are still the same.
    pub(super) fn take(&self, path: &Path, files: Option<&Stamps>) -> Option<Record> {
        let file = self.file(path)?;
        let record = read(&file)?;
        // Whoever removes it has it; another worker may have been faster.
        std::fs::remove_file(&file).ok()?;
        (record.path == path && Some(&record.files) == files).then_some(record)
    }

    /// Records that something was verified. A record that cannot be written costs the next start time, and nothing else.
    pub(super) fn keep(&self, record: &Record) {
        let Some(file) = self.file(&record.path) else { return };
        if let Err(error) = write(&file, record) {
            tracing::warn!(file = %file.display(), %error, "what was verified is not recorded: the next start reads it again");
        }
        self.sweep();
    }

    fn file(&self, path: &Path) -> Option<PathBuf> {
        let name = Sha256::digest(path.as_os_str().as_bytes());
        let name: String = name.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Some(self.folder.as_ref()?.join(format!("{name}.json")))
    }

    /// Removes the records of what is not there any more.
    fn sweep(&self) {
        let entries = self.folder.iter().filter_map(|folder| std::fs::read_dir(folder).ok());
        for file in entries.flatten().filter_map(Result::ok).map(|entry| entry.path()) {
            if read(&file).is_some_and(|record| !record.path.exists()) {
                // Another worker may have removed it just now.
                let _ = std::fs::remove_file(&file);
            }
        }
    }
}

fn read(file: &Path) -> Option<Record> {
    let mut text = String::new();
    File::open(file).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    let Written { path, hash, at, files } = serde_json::from_str(&text).ok()?;
    Some(Record { path, hash, at: UNIX_EPOCH + Duration::from_secs(at), files })
}

/// Whole or not at all: workers that share the folder may write and read at the same time.
fn write(file: &Path, record: &Record) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let written = Written {
        path: record.path.clone(),
        hash: record.hash.clone(),
        at: record.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        files: record.files.clone(),
    };
    let text = serde_json::to_string(&written)?;
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    let outcome = File::create(&beside)
        .and_then(|mut new| new.write_all(text.as_bytes()).and_then(|()| new.sync_all()))
        .and_then(|()| std::fs::rename(&beside, file));
    if outcome.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &Path) -> Record {
        Record {
            path: path.to_owned(),
            hash: "ab".repeat(32),
            at: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            files: Stamps::of_file(path).unwrap(),
        }
    }

    #[test]
    fn a_record_vouches_once_and_only_for_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("model"), folder.path().join("other"));
        std::fs::write(&file, "one").unwrap();
        std::fs::write(&other, "two").unwrap();
        let records = Records::new(Some(folder.path().join("verified")));
        let (kept, stamps) = (record(&file), Stamps::of_file(&file).unwrap());
        assert_eq!(records.take(&file, Some(&stamps)), None);
        records.keep(&kept);
        assert_eq!(records.take(&file, Some(&stamps)), Some(kept.clone()));
        assert_eq!(records.take(&file, Some(&stamps)), None);
        for others in [Stamps::of_file(&other), None] {
            records.keep(&kept);
            assert_eq!(records.take(&file, others.as_ref()), None);
        }
    }

    #[test]
    fn records_of_what_is_gone_go_and_what_is_damaged_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("verified");
        let records = Records::new(Some(kept.clone()));
        let (gone, here) = (folder.path().join("gone"), folder.path().join("here"));
        for file in [&gone, &here] {
            std::fs::write(file, "x").unwrap();
            records.keep(&record(file));
        }
        std::fs::remove_file(&gone).unwrap();
        records.keep(&record(&here));
        assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 1);
        std::fs::write(records.file(&here).unwrap(), "{").unwrap();
        assert_eq!(records.take(&here, Stamps::of_file(&here).as_ref()), None);
    }

    #[test]
    fn without_a_folder_nothing_is_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model");
        std::fs::write(&file, "x").unwrap();
        let records = Records::new(None);
        records.keep(&record(&file));
        assert_eq!(records.take(&file, Stamps::of_file(&file).as_ref()), None);
    }
}
