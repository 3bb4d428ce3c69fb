//! What readers make of files: ours and its peers, each a process that prints a line of JSON for each file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What one reader made of one file.
pub(crate) struct Reading {
    pub(crate) pages: Vec<String>,
    /// Headers and footers that were left out on purpose, by page: taken out of the others' text too.
    pub(crate) removed: Vec<String>,
    pub(crate) seconds: f64,
}

/// The files of a folder, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Reads the files with a reader; those it cannot read are not in the answer.
pub(crate) fn run(reader: &str, files: &[PathBuf], cache: &Path) -> HashMap<PathBuf, Reading> {
    let mut command = if reader == "switchyard" {
        let mut command = Command::new(std::env::var("SWITCHYARD_EXTRACT").unwrap());
        command.arg("--json");
        command
    } else {
        let mut command = Command::new(cache.join("peers/bin/python"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/documents/peer.py");
        command.arg(script).arg(reader);
        command
    };
    let output = command.args(files).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(|line| reading(&serde_json::from_str(line).ok()?)).collect()
}

fn reading(line: &Value) -> Option<(PathBuf, Reading)> {
    let texts = |key: &str| -> Option<Vec<String>> {
        let texts = line.get(key)?.as_array()?.iter();
        Some(texts.map(|text| text.as_str().unwrap_or_default().to_owned()).collect())
    };
    Some((
        PathBuf::from(line.get("file")?.as_str()?),
        Reading {
            pages: texts("pages")?,
            removed: texts("removed").unwrap_or_default(),
            seconds: line.get("seconds")?.as_f64()?,
        },
    ))
}
