//! The small files that say how models want to be used.

mod embedding;
mod reranker;

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::OpenError;
pub use embedding::{DESCRIPTION_FILE, Description};
pub use reranker::{RERANKER_FILE, RerankerDescription};

/// The largest description file read, in bytes.
const LARGEST: u64 = 64 * 1024;

/// An example of the description file with this name, for a hint.
pub(crate) fn example(file: &Path) -> Option<&'static str> {
    let name = file.file_name()?;
    [(DESCRIPTION_FILE, embedding::EXAMPLE), (RERANKER_FILE, reranker::EXAMPLE)]
        .into_iter()
        .find_map(|(file, example)| (name == file).then_some(example))
}

/// Reads `<folder>/<name>` and lets `check` make of it what is meant, or say in one clause what is wrong.
fn read<Said: DeserializeOwned, Meant>(
    folder: &Path,
    name: &'static str,
    check: impl FnOnce(Said) -> Result<Meant, String>,
) -> Result<Meant, OpenError> {
    if !folder.is_dir() {
        return Err(OpenError::NoFolder { folder: folder.to_owned(), description: name });
    }
    let path = folder.join(name);
    let unreadable =
        |e: std::io::Error| OpenError::Unreadable { file: path.clone(), cause: e.to_string() };
    let wrong = |cause: String| OpenError::Description { file: path.clone(), cause };
    let length = std::fs::metadata(&path).map_err(unreadable)?.len();
    if length > LARGEST {
        return Err(wrong(format!("{length} bytes are too many for a description")));
    }
    let bytes = std::fs::read(&path).map_err(unreadable)?;
    let said = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
    check(said).map_err(wrong)
}

/// Checks what every model's description says.
fn check_common(name: &str, version: &str, file: &str, max_tokens: usize) -> Result<(), String> {
    if name.is_empty() || version.is_empty() {
        return Err("name and version must not be empty".to_owned());
    }
    if file.is_empty() || file.contains(['/', '\\']) {
        return Err(format!("file `{file}` must be a name inside the folder"));
    }
    if !(8..=131_072).contains(&max_tokens) {
        return Err(format!("max_tokens {max_tokens} must be 8 to 131072"));
    }
    Ok(())
}
