//! What people think of answers, kept in a file for later comparison: one JSON object a line.
//!
//! Workers may share the file: each line is one append. It is on disk before it is acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Where it is kept, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeedbackSettings {
    pub(crate) file: PathBuf,
    /// At this length, in bytes, the file is renamed to `<file>.1`, over the one before, and begun anew.
    pub(crate) longest: u64,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Feedback {
    settings: FeedbackSettings,
    turn: Mutex<()>,
}

impl Feedback {
    pub(crate) fn new(settings: FeedbackSettings) -> Self {
        Self { settings, turn: Mutex::new(()) }
    }

    /// Adds a line, durably.
    pub(crate) fn add(&self, line: &Value) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let path = &self.settings.file;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = open(path)?;
        if file.metadata()?.len() >= self.settings.longest {
            let mut old = path.clone().into_os_string();
            old.push(".1");
            std::fs::rename(path, old)?;
            file = open(path)?;
        }
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()
    }
}

fn open(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_long_file_makes_room_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("var/feedback.jsonl");
        let feedback = Feedback::new(FeedbackSettings { file: file.clone(), longest: 20 });
        for n in 0..3 {
            feedback.add(&json!({ "number": n })).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"number\":2}\n");
        let old = std::fs::read_to_string(file.with_extension("jsonl.1")).unwrap();
        assert_eq!(old, "{\"number\":0}\n{\"number\":1}\n");
    }
}
