//! A file of lines, each read when asked for; only where it begins is held in memory.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::error::KnowledgeError;

/// The longest line, in bytes: far above what any splitter setting gives.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Positioned reads let any number of threads read at once.
pub(crate) struct LineFile {
    path: PathBuf,
    file: File,
    /// Where each line begins, and where the last one ends.
    starts: Vec<u64>,
}

impl LineFile {
    /// Opens a file whose last line must be whole.
    pub(crate) fn open(path: &Path) -> Result<Self, KnowledgeError> {
        let (lines, whole) = Self::scan(path)?;
        if !whole {
            return Err(KnowledgeError::malformed(path, "its last line is cut short"));
        }
        Ok(lines)
    }

    /// Opens a file that a killed program may have left: a line that is cut short is not there.
    #[cfg(feature = "build")]
    pub(crate) fn open_unfinished(path: &Path) -> Result<Self, KnowledgeError> {
        Self::scan(path).map(|(lines, _)| lines)
    }

    /// The lines, and whether the last one is whole.
    fn scan(path: &Path) -> Result<(Self, bool), KnowledgeError> {
        let fail = |e: std::io::Error| KnowledgeError::unreadable(path, e);
        let file = File::open(path).map_err(fail)?;
        let mut lines = BufReader::with_capacity(1 << 18, &file);
        let (mut starts, mut position) = (vec![0], 0_u64);
        loop {
            let buffer = lines.fill_buf().map_err(fail)?;
            if buffer.is_empty() {
                break;
            }
            for (offset, byte) in buffer.iter().enumerate() {
                if *byte == b'\n' {
                    starts.push(position + offset as u64 + 1);
                }
            }
            let read = buffer.len();
            position += read as u64;
            lines.consume(read);
        }
        if starts.windows(2).any(|w| w[1] - w[0] > LONGEST_LINE) {
            return Err(KnowledgeError::malformed(path, "it has a line of more than 16 MiB"));
        }
        let whole = starts.last() == Some(&position);
        Ok((Self { path: path.to_owned(), file, starts }, whole))
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The value on the line at `position`, counted from 0; `what` names it in errors.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        position: usize,
        what: &str,
    ) -> Result<T, KnowledgeError> {
        let bounds = self.starts.get(position).zip(self.starts.get(position.saturating_add(1)));
        let Some((start, end)) = bounds else {
            let cause = format!("it has no {what} {position}, only {}", self.len());
            return Err(KnowledgeError::malformed(&self.path, cause));
        };
        let mut line = vec![0; (end - start) as usize];
        self.file
            .read_exact_at(&mut line, *start)
            .map_err(|e| KnowledgeError::unreadable(&self.path, e))?;
        serde_json::from_slice(&line)
            .map_err(|e| KnowledgeError::malformed(&self.path, format!("{what} {position}: {e}")))
    }
}
