//! SHA-256 of what makes a model.

use std::fmt::Write;
use std::fs::File;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::OpenError;

/// 64 lower-case hex digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The same of a file, which may be larger than memory.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn sha256_of_file(path: &Path) -> Result<String, OpenError> {
    let mut hasher = Sha256::new();
    File::open(path)
        .and_then(|mut file| std::io::copy(&mut file, &mut hasher))
        .map_err(|e| OpenError::Unreadable { file: path.to_owned(), cause: e.to_string() })?;
    Ok(hex(&hasher.finalize()))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
