//! The fingerprint of a knowledge base: one SHA-256 that any operator can recompute.
//!
//! It is the first word of what this prints inside the folder:
//! `find . -type f ! -name FINGERPRINT ! -name report.json ! -path './derived/*' -exec sha256sum {} + | LC_ALL=C sort | sha256sum`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::KnowledgeError;
use crate::{files, layout};

/// Folders deeper than this are not a knowledge base.
const DEEPEST: usize = 16;

/// The fingerprint of the folder as it is now: 64 lower-case hex digits.
///
/// # Errors
/// When a file cannot be read, or folders are nested deeper than 16.
pub fn compute(folder: &Path) -> Result<String, KnowledgeError> {
    compute_with(folder, &mut |_| ())
}

/// [`compute`]; `read` is told of every piece that was read, in bytes, and may take its time.
pub(crate) fn compute_with(
    folder: &Path,
    read: &mut dyn FnMut(usize),
) -> Result<String, KnowledgeError> {
    let mut lines = Vec::new();
    walk(folder, b".", 0, &mut lines, read)?;
    lines.sort();
    let mut sum = Sha256::new();
    for line in lines {
        sum.update(&line);
    }
    Ok(hex(&sum.finalize()))
}

/// The fingerprint the folder's `FINGERPRINT` file declares.
///
/// # Errors
/// When the file is missing or is not 64 lower-case hex digits and a newline.
pub fn declared(folder: &Path) -> Result<String, KnowledgeError> {
    let path = folder.join(layout::FINGERPRINT);
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| file.take(1024).read_to_string(&mut text))
        .map_err(|e| KnowledgeError::unreadable(&path, e))?;
    let word = text.strip_suffix('\n').unwrap_or(&text);
    if word.len() == 64 && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(word.to_owned())
    } else {
        Err(KnowledgeError::malformed(&path, "it does not hold 64 lower-case hex digits"))
    }
}

/// SHA-256 of a file: 64 lower-case hex digits. Read in pieces, whatever its size.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256_file(path: &Path) -> Result<String, KnowledgeError> {
    sha256_file_with(path, &mut |_| ())
}

fn sha256_file_with(path: &Path, told: &mut dyn FnMut(usize)) -> Result<String, KnowledgeError> {
    let fail = |e: std::io::Error| KnowledgeError::unreadable(path, e);
    let mut file = File::open(path).map_err(fail)?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer).map_err(fail)?;
        match buffer.get(..read) {
            Some(bytes) if read > 0 => {
                sum.update(bytes);
                told(read);
            }
            _ => return Ok(hex(&sum.finalize())),
        }
    }
}

/// SHA-256 of every file in `derived/`, by its path inside the knowledge base, `/` between parts.
///
/// # Errors
/// When a file cannot be read, a name is not UTF-8, or folders are nested deeper than 16.
pub fn of_derived(folder: &Path) -> Result<BTreeMap<String, String>, KnowledgeError> {
    of_derived_with(folder, &mut |_| ())
}

/// [`of_derived`]; `read` as in [`compute_with`].
pub(crate) fn of_derived_with(
    folder: &Path,
    read: &mut dyn FnMut(usize),
) -> Result<BTreeMap<String, String>, KnowledgeError> {
    let derived = folder.join(layout::DERIVED);
    let sum = |file: String| {
        let sum = sha256_file_with(&derived.join(&file), read)?;
        Ok((format!("{}/{file}", layout::DERIVED), sum))
    };
    files::below(&derived)?.into_iter().map(sum).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// One line of `sha256sum` per regular file that counts, links not followed (as `find` does).
fn walk(
    folder: &Path,
    shown: &[u8],
    depth: usize,
    lines: &mut Vec<Vec<u8>>,
    read: &mut dyn FnMut(usize),
) -> Result<(), KnowledgeError> {
    if depth > DEEPEST {
        return Err(KnowledgeError::malformed(folder, "folders are nested too deep"));
    }
    let fail = |path: &Path, e: std::io::Error| KnowledgeError::unreadable(path, e);
    for entry in std::fs::read_dir(folder).map_err(|e| fail(folder, e))? {
        let entry = entry.map_err(|e| fail(folder, e))?;
        let (path, name): (PathBuf, _) = (entry.path(), entry.file_name());
        let kind = entry.file_type().map_err(|e| fail(&path, e))?;
        let mut shown = shown.to_vec();
        shown.push(b'/');
        shown.extend_from_slice(name.as_bytes());
        if kind.is_dir() {
            if !(depth == 0 && name == layout::DERIVED) {
                walk(&path, &shown, depth + 1, lines, read)?;
            }
        } else if kind.is_file() && name != layout::FINGERPRINT && name != layout::REPORT {
            lines.push(line(&sha256_file_with(&path, read)?, &shown));
        }
    }
    Ok(())
}

/// `sha256sum` puts a backslash before a line whose name had to be escaped.
fn line(sum: &str, name: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'\\' => escaped.extend_from_slice(b"\\\\"),
            b'\n' => escaped.extend_from_slice(b"\\n"),
            b'\r' => escaped.extend_from_slice(b"\\r"),
            other => escaped.push(*other),
        }
    }
    let mut line = Vec::new();
    if escaped != name {
        line.push(b'\\');
    }
    line.extend_from_slice(sum.as_bytes());
    line.extend_from_slice(b"  ");
    line.extend_from_slice(&escaped);
    line.push(b'\n');
    line
}
