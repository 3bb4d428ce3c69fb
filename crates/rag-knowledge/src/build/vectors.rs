//! The second half of a build: passages into vectors, vectors into an index.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use rag_core::{Embedder, Passage};
use rag_index::{IndexBuilder, Scalar};

use super::error::BuildError;
use super::stage::{Control, Event};
use crate::layout;
use crate::passages::PassageFile;
use crate::vectors::for_each;

/// Passages given to the model at once, for each thread: few, so that progress and Ctrl-C are
/// prompt, and enough to keep every thread busy.
const BATCH_PER_THREAD: usize = 8;

/// What is embedded for a passage: its headings, which often hold the words of a question, and
/// its text.
pub(super) fn embedded_text(passage: &Passage) -> Cow<'_, str> {
    match &passage.heading {
        Some(heading) => Cow::Owned(format!("{heading}\n{}", passage.text)),
        None => Cow::Borrowed(&passage.text),
    }
}

/// Embeds the passages of `passages.jsonl` in order into `vectors.f32`.
pub(super) fn embed(
    folder: &Path,
    embedder: &dyn Embedder,
    threads: usize,
    passages: usize,
    control: &Control<'_>,
) -> Result<usize, BuildError> {
    control.observer.event(Event::Embedding { passages });
    let path = folder.join(layout::VECTORS);
    let disk = |e: std::io::Error| BuildError::disk(&path, e);
    let file = PassageFile::open(&folder.join(layout::PASSAGES))?;
    let mut output = BufWriter::with_capacity(1 << 18, File::create(&path).map_err(disk)?);
    let batch = BATCH_PER_THREAD * threads.max(1);
    let mut done = 0;
    while done < file.len() {
        control.check()?;
        let batch: Vec<Passage> =
            (done..file.len().min(done + batch)).map(|i| file.get(i)).collect::<Result<_, _>>()?;
        let texts: Vec<Cow<'_, str>> = batch.iter().map(embedded_text).collect();
        let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
        for vector in embedder.embed_passages(&texts)? {
            for number in vector {
                output.write_all(&number.to_le_bytes()).map_err(disk)?;
            }
        }
        done += batch.len();
        control.observer.event(Event::Embedded { done });
    }
    output.into_inner().map_err(|e| disk(e.into_error()))?.sync_all().map_err(disk)?;
    Ok(done)
}

/// Makes `derived/index.usearch` from `vectors.f32`.
pub(super) fn index(
    folder: &Path,
    dimensions: usize,
    scalar: Scalar,
    passages: usize,
    control: &Control<'_>,
) -> Result<(), BuildError> {
    let derived = folder.join(layout::DERIVED);
    std::fs::create_dir(&derived).map_err(|e| BuildError::disk(&derived, e))?;
    let mut builder = IndexBuilder::new(dimensions, scalar, passages)?;
    for_each(&folder.join(layout::VECTORS), dimensions, |vector| {
        control.check()?;
        builder.add(vector).map_err(BuildError::from)
    })?;
    let path = derived.join(layout::INDEX);
    builder.save(&path)?;
    let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
    sync(&path).and_then(|()| sync(&derived)).map_err(|e| BuildError::disk(&path, e))
}
