//! The documents of a folder.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::error::BuildError;

/// Folders deeper than this are taken for a loop.
const DEEPEST: usize = 64;
/// More documents than this do not make one knowledge base.
const MOST: usize = 1_000_000;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) path: PathBuf,
    /// Relative to the folder, with `/` between parts.
    pub(super) file: String,
    pub(super) bytes: u64,
    /// What is wrong with it already.
    pub(super) problem: Option<String>,
}

/// The files of a folder and its subfolders, ordered by the bytes of their names. Hidden files and
/// word processors' lock files (`~$…`) are left out; links to folders are not followed.
pub(super) fn list(folder: &Path) -> Result<Vec<Listed>, BuildError> {
    let wrong = |cause: String| BuildError::Documents { folder: folder.to_owned(), cause };
    if !folder.is_dir() {
        return Err(wrong("no such folder".to_owned()));
    }
    let mut found: Vec<(Vec<u8>, Listed)> = Vec::new();
    let mut waiting = vec![(folder.to_owned(), Vec::<u8>::new(), 0_usize)];
    while let Some((at, prefix, depth)) = waiting.pop() {
        let entries = match std::fs::read_dir(&at) {
            Ok(entries) => entries,
            Err(e) if depth == 0 => return Err(wrong(e.to_string())),
            Err(e) => {
                let file = String::from_utf8_lossy(&prefix).into_owned();
                let problem = Some(format!("it cannot be read: {e}"));
                found.push((prefix, Listed { path: at, file, bytes: 0, problem }));
                continue;
            }
        };
        for entry in entries {
            let entry = entry.map_err(|e| wrong(e.to_string()))?;
            let name = entry.file_name();
            if name.as_bytes().starts_with(b".") || name.as_bytes().starts_with(b"~$") {
                continue;
            }
            let mut relative = prefix.clone();
            if !relative.is_empty() {
                relative.push(b'/');
            }
            relative.extend_from_slice(name.as_bytes());
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < DEEPEST {
                waiting.push((path, relative, depth + 1));
                continue;
            }
            let (bytes, problem) = if is_folder {
                (0, Some("folders are nested too deep".to_owned()))
            } else {
                match std::fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => (metadata.len(), None),
                    Ok(metadata) if metadata.is_dir() => {
                        (0, Some("it is a link to a folder, which is not followed".to_owned()))
                    }
                    Ok(_) => (0, Some("it is not a regular file".to_owned())),
                    Err(e) => (0, Some(format!("it cannot be read: {e}"))),
                }
            };
            let file = String::from_utf8_lossy(&relative).into_owned();
            found.push((relative, Listed { path, file, bytes, problem }));
            if found.len() > MOST {
                return Err(wrong(format!("it holds more than {MOST} files")));
            }
        }
    }
    if found.is_empty() {
        return Err(wrong("it holds no documents".to_owned()));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found.into_iter().map(|(_, listed)| listed).collect())
}
