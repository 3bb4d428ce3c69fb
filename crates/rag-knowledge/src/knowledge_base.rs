//! An opened knowledge base.

use std::path::{Path, PathBuf};

use rag_core::{EmbeddingIdentity, Index, Passage};
use rag_index::{Expected, Scalar, UsearchIndex};

use crate::error::{EmbeddingDifference, KnowledgeError};
use crate::layout;
use crate::manifest::Manifest;
use crate::passages::PassageFile;
use crate::report::Report;
use crate::vectors;
use crate::verify::verify;

/// A knowledge base, opened read-only: the index by memory map, passages read when asked for.
pub struct KnowledgeBase {
    folder: PathBuf,
    manifest: Manifest,
    fingerprint: String,
    tag: String,
    built_at: String,
    passages: PassageFile,
    index: UsearchIndex,
}

/// Opens the knowledge base in `folder` after checking its fingerprint and the hashes of
/// `derived/`. At most `searches` searches run at the same time; further ones wait.
///
/// # Errors
/// When it is not a knowledge base, was changed after it was built, or cannot be read.
pub fn open_verified(folder: &Path, searches: usize) -> Result<KnowledgeBase, KnowledgeError> {
    let verdict = verify(folder)?;
    if !verdict.holds() {
        return Err(KnowledgeError::Changed {
            folder: folder.to_owned(),
            differences: verdict.differences,
        });
    }
    let manifest = Manifest::read(folder)?;
    let report = Report::read(folder)?;
    let count = manifest.counts.passages;
    let passages_path = folder.join(layout::PASSAGES);
    let passages = PassageFile::open(&passages_path)?;
    if passages.len() != count {
        let cause = format!("it has {} passages, and the manifest says {count}", passages.len());
        return Err(KnowledgeError::malformed(&passages_path, cause));
    }
    let dimensions = manifest.embedding.dimensions;
    vectors::check_length(&folder.join(layout::VECTORS), count, dimensions)?;
    let scalar: Scalar = manifest
        .index
        .scalar
        .parse()
        .map_err(|e| KnowledgeError::malformed(&folder.join(layout::MANIFEST), e))?;
    let index_path = folder.join(layout::DERIVED).join(layout::INDEX);
    let expected = Expected { dimensions, scalar, passages: count };
    let index = UsearchIndex::open(&index_path, expected, searches)
        .map_err(|e| KnowledgeError::malformed(&index_path, e.cause))?;
    Ok(KnowledgeBase {
        folder: folder.to_owned(),
        manifest,
        fingerprint: verdict.declared,
        tag: report.tag,
        built_at: report.built_at,
        passages,
        index,
    })
}

impl KnowledgeBase {
    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its tag, `v20261123`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Its fingerprint, 64 lower-case hex digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// When its build was complete, RFC 3339, UTC.
    pub fn built_at(&self) -> &str {
        &self.built_at
    }

    /// How many documents it holds; those that could not be read are not counted.
    pub fn documents(&self) -> usize {
        self.manifest.counts.documents
    }

    /// How many passages it holds.
    pub fn passages(&self) -> usize {
        self.manifest.counts.passages
    }

    /// All that is written down about it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its index; a hit's `passage` is a position for [`KnowledgeBase::passage`].
    pub fn index(&self) -> &UsearchIndex {
        &self.index
    }

    /// The nearest passages to a question's vector, best first.
    ///
    /// # Errors
    /// When the vector has another width than the index.
    pub fn search(
        &self,
        vector: &[f32],
        k: usize,
    ) -> Result<Vec<rag_core::Hit>, rag_core::IndexError> {
        self.index.search(vector, k)
    }

    /// The passage at `position`, counted from 0.
    ///
    /// # Errors
    /// When there is none, or the file cannot be read.
    pub fn passage(&self, position: usize) -> Result<Passage, KnowledgeError> {
        self.passages.get(position)
    }

    /// The embedding it was built with.
    pub fn embedding(&self) -> EmbeddingIdentity {
        self.manifest.embedding.identity()
    }

    /// Refuses an embedding other than the one it was built with.
    ///
    /// # Errors
    /// Names both embeddings and the first field in which they differ.
    pub fn check_embedding(&self, loaded: &EmbeddingIdentity) -> Result<(), KnowledgeError> {
        let built = self.embedding();
        match built.difference(loaded) {
            None => Ok(()),
            Some((field, ours, theirs)) => Err(KnowledgeError::OtherEmbedding {
                folder: self.folder.clone(),
                difference: Box::new(EmbeddingDifference {
                    built: format!("{} {}", built.name, built.version),
                    loaded: format!("{} {}", loaded.name, loaded.version),
                    field,
                    ours,
                    theirs,
                }),
            }),
        }
    }
}
