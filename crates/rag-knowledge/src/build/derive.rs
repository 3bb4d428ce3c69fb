//! The last stage: passages and their vectors into `derived/`, on a thread of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use rag_core::IndexError;
use rag_index::{IndexBuilder, LexicalBuilder, Scalar};

use super::error::BuildError;
use crate::layout;

/// Batches that may wait for the indexes; each holds some passages.
const WAITING: usize = 4;

/// Passages for both indexes, in order.
pub(super) type Batch = Vec<(String, Vec<f32>)>;

/// What is indexed of a passage by its words: its headings are found, too.
pub(super) fn indexed_text(heading: Option<&str>, text: &str) -> String {
    rag_core::with_context(heading, text).into_owned()
}

/// Takes batches and makes both indexes while the next passages are embedded.
pub(super) struct Deriving {
    folder: PathBuf,
    batches: mpsc::SyncSender<Batch>,
    thread: std::thread::JoinHandle<Result<Indexes, IndexError>>,
}

struct Indexes {
    vectors: IndexBuilder,
    words: LexicalBuilder,
}

impl Deriving {
    pub(super) fn start(
        folder: &Path,
        dimensions: usize,
        scalar: Scalar,
    ) -> Result<Self, BuildError> {
        let folder = folder.join(layout::DERIVED);
        let lexical = folder.join(layout::LEXICAL);
        std::fs::create_dir_all(&lexical).map_err(|e| BuildError::disk(&lexical, e))?;
        let mut indexes = Indexes {
            vectors: IndexBuilder::new(dimensions, scalar, 0)?,
            words: LexicalBuilder::create(&lexical)?,
        };
        let (batches, received) = mpsc::sync_channel::<Batch>(WAITING);
        let thread = std::thread::Builder::new()
            .name("indexes".to_owned())
            .spawn(move || {
                for (text, vector) in received.into_iter().flatten() {
                    indexes.vectors.add(&vector)?;
                    indexes.words.add(&text)?;
                }
                Ok(indexes)
            })
            .map_err(|e| BuildError::disk(&folder, e))?;
        Ok(Self { folder, batches, thread })
    }

    /// Hands a batch over; waits while enough are waiting. A stage that failed says so in `finish`.
    pub(super) fn push(&self, batch: Batch) -> bool {
        self.batches.send(batch).is_ok()
    }

    /// Writes both indexes, and waits until they are on disk.
    pub(super) fn finish(self) -> Result<(), BuildError> {
        drop(self.batches);
        let stopped = || IndexError {
            subject: "making the indexes".to_owned(),
            cause: "it stopped unexpectedly".to_owned(),
        };
        let indexes = self.thread.join().unwrap_or_else(|_| Err(stopped()))?;
        indexes.words.finish()?;
        indexes.vectors.save(&self.folder.join(layout::INDEX))?;
        sync_all(&self.folder).map_err(|e| BuildError::disk(&self.folder, e))
    }
}

/// Waits until a folder and all in it are on disk.
fn sync_all(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}
