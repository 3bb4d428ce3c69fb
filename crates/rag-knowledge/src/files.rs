//! The files below a folder.

use std::path::Path;

use crate::error::KnowledgeError;

/// Folders deeper than this are not a knowledge base.
const DEEPEST: usize = 16;

/// Every file of the knowledge base in `folder`, by its path inside of it, sorted.
///
/// # Errors
/// When a folder cannot be read, a name is not UTF-8, or folders are nested deeper than 16.
pub fn all(folder: &Path) -> Result<Vec<String>, KnowledgeError> {
    below(folder)
}

/// The files below `folder` by their paths inside of it, `/` between parts, sorted.
///
/// # Errors
/// When a folder cannot be read, a name is not UTF-8, or folders are nested deeper than 16.
pub(crate) fn below(folder: &Path) -> Result<Vec<String>, KnowledgeError> {
    let mut files = Vec::new();
    let mut waiting = vec![(folder.to_owned(), String::new(), 0_usize)];
    while let Some((at, prefix, depth)) = waiting.pop() {
        let fail = |e: std::io::Error| KnowledgeError::unreadable(&at, e);
        if depth > DEEPEST {
            return Err(KnowledgeError::malformed(&at, "folders are nested too deep"));
        }
        for entry in std::fs::read_dir(&at).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name();
            let name = name
                .to_str()
                .ok_or_else(|| KnowledgeError::malformed(&entry.path(), "its name is not UTF-8"))?;
            let shown =
                if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            if entry.file_type().map_err(fail)?.is_dir() {
                waiting.push((entry.path(), shown, depth + 1));
            } else {
                files.push(shown);
            }
        }
    }
    files.sort();
    Ok(files)
}
