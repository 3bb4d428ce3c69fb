//! Vectors that an earlier build has already made, found by the text that was embedded.

use std::collections::HashMap;

use rag_core::{SplitSettings, with_context};
use rag_index::Vectors;
use sha2::{Digest, Sha256};
use std::path::Path;

use crate::error::KnowledgeError;
use crate::layout;
use crate::manifest::Splitting;
use crate::passages::{PassageFile, PassageLine};
use crate::vectors;

/// The vectors of finished tags and of builds that were killed, all of one embedding. The vector of a
/// text depends on nothing but the text, so one that is known need not be made again.
#[derive(Default)]
pub(super) struct Known {
    sources: Vec<Vectors>,
    by_text: HashMap<Key, (u32, u32)>,
}

/// The first half of the SHA-256 of a text: 2⁶⁴ texts before two may be expected to share one.
type Key = [u8; 16];

fn key(text: &str) -> Key {
    let mut key = [0; 16];
    key.copy_from_slice(&Sha256::digest(text)[..16]);
    key
}

/// What was embedded for a passage as written down.
pub(super) fn embedded_text<'a>(
    line: &'a PassageLine,
    settings: &SplitSettings,
) -> std::borrow::Cow<'a, str> {
    match line.context.as_deref() {
        Some("") => with_context(None, &line.text),
        Some(context) => with_context(Some(context), &line.text),
        None => with_context(settings.context_of(line.heading.as_deref()), &line.text),
    }
}

impl Known {
    /// Adds the first `passages` passages of a folder that holds `passages.jsonl` and `vectors.f32`;
    /// fewer when its files are shorter. Returns how many it added.
    pub(super) fn add(
        &mut self,
        folder: &Path,
        passages: usize,
        dimensions: usize,
        splitter: &Splitting,
    ) -> Result<usize, KnowledgeError> {
        let settings =
            &splitter.settings().map_err(|cause| KnowledgeError::malformed(folder, cause))?;
        let lines = PassageFile::open_unfinished(&folder.join(layout::PASSAGES))?;
        let vectors = vectors::open(&folder.join(layout::VECTORS), dimensions)?;
        let passages = passages.min(lines.len()).min(vectors.len());
        let source = self.sources.len() as u32;
        // First, so that what is found by text is there also when a line cannot be read.
        self.sources.push(vectors);
        for position in 0..passages {
            let line = lines.get(position)?;
            let position = u32::try_from(position)
                .map_err(|_| KnowledgeError::malformed(folder, "it has too many passages"))?;
            self.by_text.insert(key(&embedded_text(&line, settings)), (source, position));
        }
        Ok(passages)
    }

    /// The vector of a text, if one is known.
    pub(super) fn vector(&self, text: &str) -> Option<&[f32]> {
        let (source, position) = self.by_text.get(&key(text))?;
        self.sources.get(*source as usize)?.get(*position as usize)
    }
}
