//! Replacing a file in one step: a crash or a full disk leaves the old one or the new one.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Writes beside and moves.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".next");
    let mut written = File::create(&beside)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    std::fs::rename(&beside, file)
}
