//! The middle of a build: the passages of each document, in order, with their vectors.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rag_core::{Embedder, LimitReport, SplitDocument};
use serde::Serialize;

use super::BuildRequest;
use super::catalog::Listed;
use super::derive::{Batch, Deriving, indexed_text};
use super::error::BuildError;
use super::known::{Known, embedded_text};
use super::previous::{Previous, TakenOver};
use super::read::{Content, Read};
use super::stage::{Control, Event};
use super::workshop::Workshop;
use crate::layout;
use crate::manifest::{Counts, DocumentEntry, FailedEntry};
use crate::passages::{ParentLine, PassageLine};
use crate::report::TakenOver as TakenOverCounts;

/// Texts given to the model at once, for each thread: few, so that progress and Ctrl-C are prompt,
/// and enough to keep every thread busy.
const BATCH_PER_THREAD: usize = 8;
/// Passages written at once when their vectors are known.
const MOST_WAITING: usize = 2048;
/// How much work a crash may cost.
const BETWEEN_RECORDS: Duration = Duration::from_secs(2);

/// What the documents gave.
pub(super) struct Written {
    pub(super) counts: Counts,
    pub(super) documents: Vec<DocumentEntry>,
    pub(super) failed: Vec<FailedEntry>,
    pub(super) warnings: Vec<String>,
    pub(super) limits: LimitReport,
    /// Passages of tables of contents that were left out.
    pub(super) contents: usize,
    pub(super) taken_over: TakenOverCounts,
}

/// Writes passages, parents and vectors, and hands them to the indexes.
pub(super) struct Writing<'a> {
    request: &'a BuildRequest,
    embedder: &'a dyn Embedder,
    known: &'a Known,
    previous: Option<&'a Previous>,
    workshop: &'a Workshop,
    control: &'a Control<'a>,
    passages: Output,
    parents: Option<Output>,
    vectors: Output,
    deriving: Deriving,
    waiting: Vec<Waiting>,
    /// How many of `waiting` have no vector.
    to_embed: usize,
    recorded_at: Instant,
    parents_written: usize,
    done: usize,
    written: Written,
}

/// A passage that is not written yet.
struct Waiting {
    line: PassageLine,
    vector: Option<Vec<f32>>,
}

impl<'a> Writing<'a> {
    pub(super) fn start(
        request: &'a BuildRequest,
        embedder: &'a dyn Embedder,
        known: &'a Known,
        previous: Option<&'a Previous>,
        workshop: &'a Workshop,
        deriving: Deriving,
        control: &'a Control<'a>,
    ) -> Result<Self, BuildError> {
        let folder = workshop.folder();
        Ok(Self {
            passages: Output::create(folder, layout::PASSAGES)?,
            vectors: Output::create(folder, layout::VECTORS)?,
            parents: None,
            request,
            embedder,
            known,
            previous,
            workshop,
            control,
            deriving,
            waiting: Vec::new(),
            to_embed: 0,
            recorded_at: Instant::now(),
            parents_written: 0,
            done: 0,
            written: Written {
                counts: Counts::default(),
                documents: Vec::new(),
                failed: Vec::new(),
                warnings: Vec::new(),
                limits: LimitReport::default(),
                contents: 0,
                taken_over: TakenOverCounts::default(),
            },
        })
    }

    /// Takes the next document.
    pub(super) fn document(&mut self, listed: &Listed, read: Read) -> Result<(), BuildError> {
        self.control.check()?;
        let Read { sha256, bytes, content } = read;
        match content {
            Err(reason) => self.failed(listed, sha256, reason),
            Ok(Content::Cut { sections, labels, date, document, warnings }) => {
                let entry = DocumentEntry {
                    file: listed.file.clone(),
                    sha256: sha256.unwrap_or_default(),
                    bytes,
                    date: date.map(|date| date.to_string()),
                    labels,
                    sections,
                    passages: document.passages.len(),
                    parents: document.parents.len(),
                };
                self.cut(entry, document, &warnings)
            }
            Ok(Content::Unchanged) => {
                let taken = self.previous.map(|previous| previous.take_over(&listed.file));
                match taken.transpose()?.flatten() {
                    Some(taken) => self.taken_over(taken),
                    None => self.failed(listed, sha256, "it is gone from the tag".to_owned()),
                }
            }
        }
    }

    fn failed(
        &mut self,
        listed: &Listed,
        sha256: Option<String>,
        reason: String,
    ) -> Result<(), BuildError> {
        let file = listed.file.clone();
        self.control.observer.event(Event::Failed { file: &file, reason: &reason });
        if self.request.strict {
            return Err(BuildError::Strict { file, reason });
        }
        self.written.counts.failed += 1;
        self.written.failed.push(FailedEntry { file, sha256, reason });
        Ok(())
    }

    fn cut(
        &mut self,
        entry: DocumentEntry,
        document: SplitDocument,
        warnings: &[String],
    ) -> Result<(), BuildError> {
        let SplitDocument { passages, parents, limits, contents } = document;
        self.written.contents += contents;
        self.written.limits.cut += limits.cut;
        self.written.limits.contexts_shortened += limits.contexts_shortened;
        self.written.limits.too_long += limits.too_long;
        self.begin(entry, warnings);
        let first_parent = self.parents_written;
        for parent in parents {
            self.parent(&ParentLine::from(parent))?;
        }
        for cut in passages {
            let usual = self.request.splitter.context_of(cut.passage.heading.as_deref());
            let shortened = cut.context.as_deref() != usual;
            let line = PassageLine {
                file: cut.passage.file,
                page: cut.passage.page,
                heading: cut.passage.heading,
                text: cut.passage.text,
                context: shortened.then(|| cut.context.unwrap_or_default()),
                parent: cut.parent.map(|parent| first_parent + parent),
            };
            let known = self.known.vector(&embedded_text(&line, &self.request.splitter));
            let vector = known.map(<[f32]>::to_vec);
            self.written.taken_over.passages += usize::from(vector.is_some());
            self.passage(line, vector)?;
        }
        Ok(())
    }

    fn taken_over(&mut self, taken: TakenOver) -> Result<(), BuildError> {
        self.written.taken_over.documents += 1;
        self.written.taken_over.passages += taken.passages.len();
        self.begin(taken.entry, &taken.warnings);
        let first_parent = self.parents_written;
        for parent in &taken.parents {
            self.parent(parent)?;
        }
        for (mut line, vector) in taken.passages {
            line.parent = line.parent.map(|parent| first_parent + parent);
            self.passage(line, Some(vector))?;
        }
        Ok(())
    }

    fn begin(&mut self, entry: DocumentEntry, warnings: &[String]) {
        let event = Event::Read { file: &entry.file, bytes: entry.bytes, passages: entry.passages };
        self.control.observer.event(event);
        self.written.warnings.extend(warnings.iter().map(|w| format!("{}: {w}", entry.file)));
        self.written.counts.documents += 1;
        self.written.counts.passages += entry.passages;
        self.written.documents.push(entry);
    }

    fn parent(&mut self, parent: &ParentLine) -> Result<(), BuildError> {
        let output = match &mut self.parents {
            Some(output) => output,
            none => none.insert(Output::create(self.workshop.folder(), layout::PARENTS)?),
        };
        self.parents_written += 1;
        output.line(parent)
    }

    fn passage(&mut self, line: PassageLine, vector: Option<Vec<f32>>) -> Result<(), BuildError> {
        self.written.counts.characters += line.text.chars().count() as u64;
        self.to_embed += usize::from(vector.is_none());
        self.waiting.push(Waiting { line, vector });
        let full = self.to_embed >= BATCH_PER_THREAD * self.request.threads.max(1);
        if full || self.waiting.len() >= MOST_WAITING { self.flush() } else { Ok(()) }
    }

    /// Embeds what has no vector, writes all that waits, and hands it to the indexes.
    fn flush(&mut self) -> Result<(), BuildError> {
        self.control.check()?;
        let texts: Vec<_> = self
            .waiting
            .iter()
            .filter(|waiting| waiting.vector.is_none())
            .map(|waiting| embedded_text(&waiting.line, &self.request.splitter))
            .collect();
        let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
        let mut made = if texts.is_empty() {
            Vec::new().into_iter()
        } else {
            self.embedder.embed_passages(&texts)?.into_iter()
        };
        let mut batch = Batch::with_capacity(self.waiting.len());
        for Waiting { line, vector } in self.waiting.drain(..) {
            let Some(vector) = vector.or_else(|| made.next()) else {
                return Err(BuildError::Embed(rag_core::EmbedError {
                    model: self.embedder.identity().name.clone(),
                    cause: "it gave fewer vectors than texts".to_owned(),
                }));
            };
            self.passages.line(&line)?;
            for number in &vector {
                self.vectors.bytes(&number.to_le_bytes())?;
            }
            batch.push((indexed_text(line.heading.as_deref(), &line.text), vector));
            self.done += 1;
        }
        self.to_embed = 0;
        if !self.deriving.push(batch) {
            // It says itself why it stopped.
            return Err(BuildError::IndexesStopped);
        }
        let taken_over = self.written.taken_over.passages.min(self.done);
        self.control.observer.event(Event::Embedded { done: self.done, taken_over });
        if self.recorded_at.elapsed() >= BETWEEN_RECORDS {
            self.record()?;
        }
        Ok(())
    }

    /// Waits until all that was written is on disk, then says so: a build that is killed later is
    /// taken up here.
    fn record(&mut self) -> Result<(), BuildError> {
        self.passages.sync()?;
        self.vectors.sync()?;
        self.workshop.record(self.done)?;
        self.recorded_at = Instant::now();
        Ok(())
    }

    /// Puts on disk what is finished, as far as that is possible, before the build gives up.
    pub(super) fn give_up(mut self) {
        // The build already fails for a reason of its own, which is the one to tell.
        let _ = self.record();
    }

    /// Writes what is left; all of it is on disk afterwards.
    pub(super) fn complete(&mut self) -> Result<(), BuildError> {
        self.flush()?;
        self.record()?;
        match &mut self.parents {
            Some(parents) => parents.sync(),
            None => Ok(()),
        }
    }

    /// What was written, and the indexes that are still being made.
    pub(super) fn finish(self) -> (Written, Deriving) {
        (self.written, self.deriving)
    }

    /// Why the indexes stopped before the end.
    pub(super) fn why_indexes_stopped(self) -> BuildError {
        match self.deriving.finish() {
            Err(error) => error,
            Ok(()) => BuildError::IndexesStopped,
        }
    }
}

/// A file that grows.
struct Output {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    fn create(folder: &Path, name: &str) -> Result<Self, BuildError> {
        let path = folder.join(name);
        let file = File::create(&path).map_err(|e| BuildError::disk(&path, e))?;
        Ok(Self { path, file: BufWriter::with_capacity(1 << 18, file) })
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), BuildError> {
        self.file.write_all(bytes).map_err(|e| BuildError::disk(&self.path, e))
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), BuildError> {
        let fail = |e: std::io::Error| BuildError::disk(&self.path, e);
        serde_json::to_writer(&mut self.file, value).map_err(|e| fail(e.into()))?;
        self.file.write_all(b"\n").map_err(fail)
    }

    fn sync(&mut self) -> Result<(), BuildError> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_data())
            .map_err(|e| BuildError::disk(&self.path, e))
    }
}
