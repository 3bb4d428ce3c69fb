//! What is on disk about a worker's process: a lock that lives as long as it does, and who it is.
//!
//! The lock file is the process's standard input, and the lock on it belongs to that open file: it is held for exactly as
//! long as the process, or one that it has started, lives, whatever becomes of the gateway. So a second one is never
//! started, and after a crash at any moment the process is found by the file that it has open.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use switch_core::Mode;

use crate::settings::Place;
use crate::whole_file;

/// The files of one worker.
#[derive(Clone, Debug)]
pub(super) struct Files {
    lock: PathBuf,
    record: PathBuf,
    /// Where the process writes when the settings name no file.
    pub log: PathBuf,
}

/// What is written down about a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The mode it was started in; written before it is started.
    mode: String,
    /// Its number, and its start in clock ticks after the system's: together they are one process only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<(i32, u64)>,
    /// When it was told to stop, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping_since: Option<u64>,
}

impl Record {
    pub(super) fn of(mode: Mode) -> Self {
        Self { mode: mode.as_str().to_owned(), ..Self::default() }
    }

    /// The same with the process that was started.
    pub(super) fn with_process(mut self, pid: u32) -> Self {
        let pid = i32::try_from(pid).ok();
        self.process = pid.and_then(|pid| Some((pid, started(pid)?)));
        self
    }

    /// The same once it was told to stop.
    pub(super) fn stopping(self, now: u64) -> Self {
        Self { stopping_since: Some(now), ..self }
    }

    pub(super) fn mode(&self) -> Mode {
        Mode::named(&self.mode).unwrap_or_default()
    }
}

impl Files {
    pub(super) fn new(directory: &Path, place: &Place) -> Self {
        let file =
            |ending: &str| directory.join(format!("{}.{}.{ending}", place.slot, place.worker));
        Self { lock: file("lock"), record: file("json"), log: file("log") }
    }

    /// Takes the lock, to be given to a process; `None` when one has it.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        if let Some(directory) = self.lock.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        File::options().create(true).append(true).open(&self.lock)?;
        let file = File::open(&self.lock)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether a process lives.
    pub(super) fn is_locked(&self) -> io::Result<bool> {
        Ok(self.lock()?.is_none())
    }

    /// Writes down, durably.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        whole_file::put(&self.record, &serde_json::to_string(record)?)
    }

    /// What was written down last.
    pub(super) fn read(&self) -> Record {
        let text = std::fs::read_to_string(&self.record).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Every process that has the lock: the worker, and what it has started. From now on each number means that process
    /// and no later one.
    pub(super) fn holders(&self) -> Vec<(Pid, OwnedFd)> {
        let mut found = BTreeMap::new();
        // The one written down is found even where the kernel does not show what files it has open.
        if let Some((pid, start)) = self.read().process
            && let Some(held) = hold(pid)
            && started(pid) == Some(start)
        {
            found.insert(pid, held);
        }
        if let Ok(lock) = std::fs::metadata(&self.lock) {
            for pid in processes() {
                if !found.contains_key(&pid)
                    && has_open(pid, &lock)
                    && let Some(held) = hold(pid)
                    // Still that one, and not a later one of the same number.
                    && has_open(pid, &lock)
                {
                    found.insert(pid, held);
                }
            }
        }
        found.into_values().collect()
    }
}

fn hold(pid: i32) -> Option<(Pid, OwnedFd)> {
    let pid = Pid::from_raw(pid)?;
    Some((pid, pidfd_open(pid, PidfdFlags::empty()).ok()?))
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether a file is a process's standard input.
fn has_open(pid: i32, file: &std::fs::Metadata) -> bool {
    let input = std::fs::metadata(format!("/proc/{pid}/fd/0"));
    input.is_ok_and(|input| (input.dev(), input.ino()) == (file.dev(), file.ino()))
}

/// When a process was started, in clock ticks after the system's start (proc(5), field 22).
fn started(pid: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold spaces: the fields are counted behind it, the state being the first.
    text.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use switch_core::Slot;

    use super::*;

    fn files(directory: &Path) -> Files {
        let place = Place { slot: Slot::Green, worker: "127.0.0.1:8002".into(), number: 1 };
        Files::new(&directory.join("workers"), &place)
    }

    #[test]
    fn the_lock_lives_as_long_as_the_process_that_was_given_it() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        assert!(!files.is_locked().unwrap());
        let lock = files.lock().unwrap().unwrap();
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(lock)).spawn().unwrap();
        assert!(files.is_locked().unwrap(), "a second one would be started");
        // Nothing was written down, as if the gateway had crashed right after the start.
        let holders = files.holders();
        let pids: Vec<u32> = holders.iter().map(|(pid, _)| pid.as_raw_pid() as u32).collect();
        assert_eq!(pids, [child.id()]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!files.is_locked().unwrap());
        assert!(files.holders().is_empty());
    }

    #[test]
    fn a_number_that_was_given_again_is_another_process() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        drop(files.lock().unwrap());
        let own = std::process::id();
        let record = Record::of(Mode::Cpu).with_process(own);
        files.write(&record).unwrap();
        assert_eq!((files.read().mode(), files.holders().len()), (Mode::Cpu, 1));
        let (pid, start) = record.process.unwrap();
        files.write(&Record { process: Some((pid, start + 1)), ..record }).unwrap();
        assert!(files.holders().is_empty());
    }
}
