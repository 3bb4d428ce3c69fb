//! `passages.jsonl`: one passage a line, in the order of the vectors.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rag_core::Passage;
use serde::{Deserialize, Serialize};

use crate::error::KnowledgeError;

/// The longest line, in bytes: far above what any splitter setting gives.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// A passage as written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassageLine {
    pub(crate) file: String,
    pub(crate) page: Option<u32>,
    pub(crate) heading: Option<String>,
    pub(crate) text: String,
}

impl From<PassageLine> for Passage {
    fn from(line: PassageLine) -> Self {
        Self { file: line.file, page: line.page, heading: line.heading, text: line.text }
    }
}

impl From<Passage> for PassageLine {
    fn from(passage: Passage) -> Self {
        Self {
            file: passage.file,
            page: passage.page,
            heading: passage.heading,
            text: passage.text,
        }
    }
}

/// The passages of a knowledge base, read from the file when asked for; only the position of
/// each line is held in memory. Positioned reads let any number of threads read at once.
pub(crate) struct PassageFile {
    path: PathBuf,
    file: File,
    /// Where each line begins, and where the last one ends.
    starts: Vec<u64>,
}

impl PassageFile {
    pub(crate) fn open(path: &Path) -> Result<Self, KnowledgeError> {
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
        if starts.last() != Some(&position) {
            return Err(KnowledgeError::malformed(path, "its last line is cut short"));
        }
        if starts.windows(2).any(|w| w[1] - w[0] > LONGEST_LINE) {
            return Err(KnowledgeError::malformed(path, "it has a line of more than 16 MiB"));
        }
        Ok(Self { path: path.to_owned(), file, starts })
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn get(&self, position: usize) -> Result<Passage, KnowledgeError> {
        let bounds = self.starts.get(position).zip(self.starts.get(position.saturating_add(1)));
        let Some((start, end)) = bounds else {
            let cause = format!("it has no passage {position}, only {}", self.len());
            return Err(KnowledgeError::malformed(&self.path, cause));
        };
        let mut line = vec![0; (end - start) as usize];
        self.file
            .read_exact_at(&mut line, *start)
            .map_err(|e| KnowledgeError::unreadable(&self.path, e))?;
        serde_json::from_slice::<PassageLine>(&line)
            .map(Passage::from)
            .map_err(|e| KnowledgeError::malformed(&self.path, format!("passage {position}: {e}")))
    }
}
