//! Writes a file as a whole or not at all: beside its place, onto the disk, and then renamed there.

use std::io::{self, Write as _};
use std::path::Path;

/// Puts a text into a file. What was there keeps its permissions.
///
/// # Errors
/// When it could not be written; the file is then as it was.
pub(crate) fn put(file: &Path, text: &str) -> io::Result<()> {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut next = file.as_os_str().to_owned();
    next.push(".next");
    let mut open = std::fs::File::create(&next)?;
    if let Ok(old) = std::fs::metadata(file) {
        open.set_permissions(old.permissions())?;
    }
    open.write_all(text.as_bytes())?;
    open.sync_all()?;
    std::fs::rename(&next, file)?;
    std::fs::File::open(directory)?.sync_all()
}
