//! What people think of answers, kept in a file for later comparison: one JSON object a line.
//!
//! Workers may share the file: each line is one append, under the file's lock. It is on disk before it is acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
}

impl Feedback {
    pub(crate) fn new(settings: FeedbackSettings) -> Self {
        Self { settings }
    }

    /// Adds a line, durably.
    pub(crate) fn add(&self, line: &Value) -> io::Result<()> {
        let path = &self.settings.file;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = locked(path)?;
        if file.metadata()?.len() >= self.settings.longest {
            let mut old = path.clone().into_os_string();
            old.push(".1");
            std::fs::rename(path, old)?;
            file = locked(path)?;
        }
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()
    }
}

/// The file of this name, which nobody else renames or adds to until it is dropped.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        file.lock()?;
        // While this one waited, another may have renamed it.
        match std::fs::metadata(path) {
            Ok(named) if named.ino() == file.metadata()?.ino() => return Ok(file),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_line_is_lost_while_the_file_is_renamed_under_several_hands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("feedback.jsonl");
        // Renamed once, about in the middle.
        let settings = FeedbackSettings { file: file.clone(), longest: 1500 };
        std::thread::scope(|scope| {
            for hand in 0..8 {
                // Each as another process would: with nothing in common but the file.
                let feedback = Feedback::new(settings.clone());
                scope.spawn(move || {
                    for n in 0..20 {
                        feedback.add(&json!({ "hand": hand, "n": n })).unwrap();
                    }
                });
            }
        });
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let all = format!("{}{}", read(&file.with_extension("jsonl.1")), read(&file));
        let lines: std::collections::BTreeSet<&str> = all.lines().collect();
        assert_eq!((lines.len(), all.lines().count()), (160, 160));
    }

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
