//! `manifest.json`: what a knowledge base was made of and how. It is part of the fingerprint, so
//! it holds nothing that another machine or another day would change.

use std::num::NonZeroUsize;
use std::path::Path;

use rag_core::split::{ALL_HEADINGS, UnknownStrategy};
use rag_core::{EmbeddingIdentity, Pooling, SplitSettings, Splitter, Strategy};
use serde::{Deserialize, Serialize};

use crate::error::KnowledgeError;
use crate::layout;

/// The version of the format on disk this program writes and reads.
pub const FORMAT: u32 = 2;
/// The largest manifest read, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The whole manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The embedding whose vectors these are.
    pub embedding: Embedding,
    /// What read the documents: [`rag_core::READING`] when it was built. Another number means that the
    /// same document may give other text.
    pub reading: u32,
    /// The languages in which the text of scanned pages was recognized; none when it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocr: Option<String>,
    /// How documents were split.
    pub splitter: Splitting,
    /// How the index of vectors is made.
    pub index: IndexSettings,
    /// How the index of words is made.
    pub lexical: LexicalSettings,
    /// Totals.
    pub counts: Counts,
    /// Documents in the knowledge base, ordered by the bytes of their paths.
    pub documents: Vec<DocumentEntry>,
    /// Documents that could not be read, ordered likewise.
    pub failed: Vec<FailedEntry>,
}

/// What [`EmbeddingIdentity`] is, as written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    pub name: String,
    pub version: String,
    pub dimensions: usize,
    /// `mean` or `cls`.
    pub pooling: String,
    pub query_prefix: String,
    pub passage_prefix: String,
    pub max_tokens: usize,
    pub model_sha256: String,
    pub tokenizer_sha256: String,
}

/// What [`SplitSettings`] are, as written down; sizes in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Splitting {
    /// `recursive`, `headings` or `sentence-window`.
    pub strategy: String,
    pub size: usize,
    pub overlap: usize,
    /// Sentences in a passage of a sentence window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentences: Option<usize>,
    /// Sentences on each side that its parent adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<usize>,
    /// The most characters in a parent; without it passages have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_size: Option<usize>,
    /// How many levels of the heading path are embedded, from the innermost; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headings_embedded: Option<usize>,
}

/// The index library and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexSettings {
    /// `usearch`.
    pub library: String,
    pub version: String,
    /// `cosine`.
    pub metric: String,
    /// `f32`, `f16` or `i8`.
    pub scalar: String,
    pub connectivity: usize,
    pub expansion_add: usize,
    pub expansion_search: usize,
}

/// The library of the index of words, and how it tells words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LexicalSettings {
    /// `tantivy`.
    pub library: String,
    pub version: String,
    /// [`rag_index::TOKENIZER`].
    pub tokenizer: String,
}

/// Totals of a knowledge base.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    pub documents: usize,
    pub failed: usize,
    pub passages: usize,
    /// Characters in all passages, overlaps counted twice.
    pub characters: u64,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentEntry {
    /// Path relative to the folder that was built, `/` between parts.
    pub file: String,
    pub sha256: String,
    pub bytes: u64,
    /// The day it says it was last changed, `2026-03-01`; none when it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The labels printed on its pages, such as `iv`, from the first page on; empty when they are the
    /// pages' numbers, or when it has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Pages (PDF) or heading sections (DOCX).
    pub sections: usize,
    pub passages: usize,
    /// Parents of its passages.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub parents: usize,
}

/// One document that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedEntry {
    /// Path relative to the folder that was built.
    pub file: String,
    /// `None` when not even its bytes could be read.
    pub sha256: Option<String>,
    pub reason: String,
}

impl Manifest {
    /// Reads `<folder>/manifest.json`.
    ///
    /// # Errors
    /// When it is missing, malformed, or of another format version.
    pub fn read(folder: &Path) -> Result<Self, KnowledgeError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let path = folder.join(layout::MANIFEST);
        let bytes = read_bounded(folder, &path, layout::MANIFEST, LARGEST)?;
        let wrong = |e: serde_json::Error| KnowledgeError::malformed(&path, e);
        // The version first: a newer format may have keys that this one does not know.
        let Format { format } = serde_json::from_slice(&bytes).map_err(wrong)?;
        if format != FORMAT {
            let cause = format!(
                "its format is {format}, and this program reads format {FORMAT}: build it again"
            );
            return Err(KnowledgeError::malformed(&path, cause));
        }
        let manifest: Self = serde_json::from_slice(&bytes).map_err(wrong)?;
        Pooling::from_word(&manifest.embedding.pooling)
            .map_err(|cause| KnowledgeError::malformed(&path, cause))?;
        manifest.splitter.settings().map_err(|cause| KnowledgeError::malformed(&path, cause))?;
        let held: usize = manifest.documents.iter().map(|document| document.passages).sum();
        if held != manifest.counts.passages {
            let cause = format!(
                "its documents have {held} passages, and its counts say {}",
                manifest.counts.passages
            );
            return Err(KnowledgeError::malformed(&path, cause));
        }
        Ok(manifest)
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl From<&SplitSettings> for Splitting {
    fn from(settings: &SplitSettings) -> Self {
        let (sentences, around) = match settings.strategy() {
            Strategy::SentenceWindow { sentences, around } => (Some(sentences.get()), Some(around)),
            Strategy::Recursive | Strategy::Headings => (None, None),
        };
        let embedded = settings.headings_embedded();
        Self {
            strategy: settings.strategy().as_str().to_owned(),
            size: settings.passage().size(),
            overlap: settings.passage().overlap(),
            sentences,
            around,
            parent_size: settings.parent(),
            headings_embedded: (embedded != ALL_HEADINGS).then_some(embedded),
        }
    }
}

impl Splitting {
    /// The settings that were written down.
    ///
    /// # Errors
    /// A clause that says which of them cannot be.
    pub fn settings(&self) -> Result<SplitSettings, String> {
        let passage = Splitter::new(self.size, self.overlap).map_err(|e| e.to_string())?;
        let mut strategy = self.strategy.parse().map_err(|e: UnknownStrategy| e.to_string())?;
        if let Strategy::SentenceWindow { sentences, around } = &mut strategy {
            let given = self.sentences.and_then(NonZeroUsize::new);
            *sentences = given.ok_or("a sentence window needs at least one sentence")?;
            *around = self.around.unwrap_or_default();
        }
        let settings = SplitSettings::new(passage)
            .with_strategy(strategy)
            .with_headings_embedded(self.headings_embedded.unwrap_or(ALL_HEADINGS));
        match self.parent_size {
            None => Ok(settings),
            Some(size) => settings.with_parents(size).map_err(|e| e.to_string()),
        }
    }
}

/// Reads a whole file of at most `largest` bytes that a knowledge base must have.
pub(crate) fn read_bounded(
    folder: &Path,
    path: &Path,
    name: &'static str,
    largest: u64,
) -> Result<Vec<u8>, KnowledgeError> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(KnowledgeError::NotOne { folder: folder.to_owned(), missing: name });
        }
        Err(e) => return Err(KnowledgeError::unreadable(path, e)),
    };
    if length > largest {
        return Err(KnowledgeError::malformed(path, format!("{length} bytes are too many")));
    }
    std::fs::read(path).map_err(|e| KnowledgeError::unreadable(path, e))
}

trait FromWord: Sized {
    fn from_word(word: &str) -> Result<Self, String>;
}

impl FromWord for Pooling {
    fn from_word(word: &str) -> Result<Self, String> {
        match word {
            "mean" => Ok(Self::Mean),
            "cls" => Ok(Self::Cls),
            other => Err(format!("its pooling is `{other}`, neither mean nor cls")),
        }
    }
}

impl From<&EmbeddingIdentity> for Embedding {
    fn from(identity: &EmbeddingIdentity) -> Self {
        Self {
            name: identity.name.clone(),
            version: identity.version.clone(),
            dimensions: identity.dimensions,
            pooling: identity.pooling.as_str().to_owned(),
            query_prefix: identity.query_prefix.clone(),
            passage_prefix: identity.passage_prefix.clone(),
            max_tokens: identity.max_tokens,
            model_sha256: identity.model_sha256.clone(),
            tokenizer_sha256: identity.tokenizer_sha256.clone(),
        }
    }
}

impl Embedding {
    /// What the embedding must be for questions to be asked of this knowledge base.
    pub fn identity(&self) -> EmbeddingIdentity {
        EmbeddingIdentity {
            name: self.name.clone(),
            version: self.version.clone(),
            dimensions: self.dimensions,
            // Checked when the manifest was read.
            pooling: if self.pooling == "cls" { Pooling::Cls } else { Pooling::Mean },
            query_prefix: self.query_prefix.clone(),
            passage_prefix: self.passage_prefix.clone(),
            max_tokens: self.max_tokens,
            model_sha256: self.model_sha256.clone(),
            tokenizer_sha256: self.tokenizer_sha256.clone(),
        }
    }
}
