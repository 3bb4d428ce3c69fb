//! An opened knowledge base.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rag_core::{EmbeddingIdentity, Parent, Passage};
use rag_index::{Expected, LexicalIndex, Scalar, UsearchIndex};

use crate::error::{EmbeddingDifference, KnowledgeError};
use crate::lock::{self, InUse};
use crate::manifest::{DocumentEntry, Manifest};
use crate::passages::{ParentFile, PassageFile};
use crate::report::Report;
use crate::vectors;
use crate::verify::verify;
use crate::{fingerprint, layout};

/// A knowledge base, opened read-only: the index by memory map, passages read when asked for.
pub struct KnowledgeBase {
    folder: PathBuf,
    manifest: Manifest,
    fingerprint: String,
    tag: String,
    built_at: String,
    passages: PassageFile,
    parents: Option<ParentFile>,
    index: UsearchIndex,
    lexical: LexicalIndex,
    /// Keeps it from being removed.
    _in_use: InUse,
}

/// Opens the knowledge base in `folder` after checking its fingerprint and the hashes of
/// `derived/`. At most `searches` searches run at the same time; further ones wait.
///
/// # Errors
/// When it is not a knowledge base, was changed after it was built, or cannot be read.
pub fn open_verified(folder: &Path, searches: usize) -> Result<KnowledgeBase, KnowledgeError> {
    // Files are opened by name later, too: a link that leads elsewhere by then must not change what is read.
    let folder = &folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let in_use = lock::in_use(folder)?;
    let verdict = verify(folder)?;
    if !verdict.holds() {
        return Err(KnowledgeError::Changed {
            folder: folder.to_owned(),
            differences: verdict.differences,
        });
    }
    open(folder, in_use, verdict.declared, searches)
}

/// Opens the knowledge base in `folder` as [`open_verified`] does, but reads only what it needs: for those who know that it is what was
/// verified before, or who verify it later.
///
/// # Errors
/// When it is not a knowledge base, or cannot be read.
pub fn open_unread(folder: &Path, searches: usize) -> Result<KnowledgeBase, KnowledgeError> {
    let folder = &folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let in_use = lock::in_use(folder)?;
    let declared = fingerprint::declared(folder)?;
    open(folder, in_use, declared, searches)
}

fn open(
    folder: &Path,
    in_use: InUse,
    fingerprint: String,
    searches: usize,
) -> Result<KnowledgeBase, KnowledgeError> {
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
    let vectors_path = folder.join(layout::VECTORS);
    vectors::check_length(&vectors_path, count, dimensions)?;
    let parents_path = folder.join(layout::PARENTS);
    let parents: usize = manifest.documents.iter().map(|document| document.parents).sum();
    let parents = match parents {
        0 => None,
        expected => {
            let file = ParentFile::open(&parents_path)?;
            if file.len() != expected {
                let cause =
                    format!("it has {} parents, and the manifest says {expected}", file.len());
                return Err(KnowledgeError::malformed(&parents_path, cause));
            }
            Some(file)
        }
    };
    let scalar: Scalar = manifest
        .index
        .scalar
        .parse()
        .map_err(|e| KnowledgeError::malformed(&folder.join(layout::MANIFEST), e))?;
    let index_path = folder.join(layout::DERIVED).join(layout::INDEX);
    let expected = Expected { dimensions, scalar, passages: count };
    let index = UsearchIndex::open(&index_path, &vectors_path, expected, searches)
        .map_err(|e| KnowledgeError::malformed(Path::new(&e.subject), e.cause))?;
    if manifest.lexical.tokenizer != rag_index::TOKENIZER {
        let cause = format!(
            "its words were told by `{}`, and this program tells them by `{}`: build it again",
            manifest.lexical.tokenizer,
            rag_index::TOKENIZER
        );
        return Err(KnowledgeError::malformed(&folder.join(layout::MANIFEST), cause));
    }
    let lexical_path = folder.join(layout::DERIVED).join(layout::LEXICAL);
    let lexical = LexicalIndex::open(&lexical_path, count)
        .map_err(|e| KnowledgeError::malformed(&lexical_path, e.cause))?;
    Ok(KnowledgeBase {
        folder: folder.to_owned(),
        manifest,
        fingerprint,
        tag: report.tag,
        built_at: report.built_at,
        passages,
        parents,
        index,
        lexical,
        _in_use: in_use,
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

    /// The label printed on the page of a passage, such as `iv`; `None` when it is the page's number, or
    /// when there is none.
    pub fn page_label(&self, passage: &Passage) -> Option<&str> {
        let documents = &self.manifest.documents;
        let at =
            documents.binary_search_by(|entry| entry.file.as_bytes().cmp(passage.file.as_bytes()));
        let labels = &documents.get(at.ok()?)?.labels;
        let label = labels.get(passage.page?.checked_sub(1)? as usize)?;
        let says_more =
            !label.is_empty() && passage.page.map(|page| page.to_string()).as_ref() != Some(label);
        says_more.then_some(label)
    }

    /// Its documents, each with the positions of its passages.
    pub fn documents_with_passages(&self) -> impl Iterator<Item = (&DocumentEntry, Range<usize>)> {
        self.manifest.documents.iter().scan(0, |next, document| {
            let range = *next..*next + document.passages;
            *next = range.end;
            Some((document, range))
        })
    }

    /// All that is written down about it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its index of vectors; a hit's `passage` is a position for [`KnowledgeBase::passage`].
    pub fn index(&self) -> &UsearchIndex {
        &self.index
    }

    /// Its index of words.
    pub fn lexical(&self) -> &LexicalIndex {
        &self.lexical
    }

    /// The passage at `position`, counted from 0.
    ///
    /// # Errors
    /// When there is none, or the file cannot be read.
    pub fn passage(&self, position: usize) -> Result<Passage, KnowledgeError> {
        self.passages.get(position).map(Passage::from)
    }

    /// The passage at `position` and the position of its parent, where the splitter made one.
    ///
    /// # Errors
    /// When there is none, or the file cannot be read.
    pub fn passage_with_parent(
        &self,
        position: usize,
    ) -> Result<(Passage, Option<usize>), KnowledgeError> {
        let line = self.passages.get(position)?;
        let parent = line.parent;
        Ok((line.into(), parent))
    }

    /// The parent at `position`, counted from 0; nothing in a knowledge base without parents.
    ///
    /// # Errors
    /// When there is none, or the file cannot be read.
    pub fn parent(&self, position: usize) -> Result<Option<Parent>, KnowledgeError> {
        self.parents.as_ref().map(|parents| parents.get(position).map(Parent::from)).transpose()
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
