//! The tag a build starts from: what it can take over of documents that did not change.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rag_core::READING;
use rag_index::Vectors;

use super::error::BuildError;
use super::workshop::Request;
use crate::error::KnowledgeError;
use crate::manifest::{DocumentEntry, Manifest};
use crate::passages::{ParentFile, ParentLine, PassageFile, PassageLine};
use crate::report::Report;
use crate::{fingerprint, layout, vectors};

/// A finished tag of the same embedding.
pub(super) struct Previous {
    pub(super) folder: PathBuf,
    pub(super) tag: String,
    pub(super) fingerprint: String,
    pub(super) manifest: Manifest,
    passages: PassageFile,
    parents: Option<ParentFile>,
    vectors: Vectors,
    /// By name: the documents whose passages a new build would make the same.
    unchanged: HashMap<String, Held>,
    warnings: Vec<String>,
}

/// Where the parts of a document are.
#[derive(Debug, Clone, Copy)]
struct Held {
    document: usize,
    passages: usize,
    parents: usize,
}

/// A document that is taken over whole.
pub(super) struct TakenOver {
    pub(super) entry: DocumentEntry,
    pub(super) passages: Vec<(PassageLine, Vec<f32>)>,
    pub(super) parents: Vec<ParentLine>,
    /// What its build warned of, without its name.
    pub(super) warnings: Vec<String>,
}

impl Previous {
    /// Opens the tag in `folder` after checking its fingerprint.
    ///
    /// # Errors
    /// When it is no knowledge base, was changed after it was built, or has another embedding.
    pub(super) fn open(
        folder: &Path,
        wanted: &Request,
        ocr: Option<String>,
    ) -> Result<Self, BuildError> {
        let Request { embedding, splitter } = wanted;
        let manifest = Manifest::read(folder)?;
        if manifest.embedding != *embedding {
            return Err(BuildError::OtherEmbedding {
                folder: folder.to_owned(),
                built: format!("{} {}", manifest.embedding.name, manifest.embedding.version),
                loaded: format!("{} {}", embedding.name, embedding.version),
            });
        }
        let (declared, computed) = (fingerprint::declared(folder)?, fingerprint::compute(folder)?);
        if declared != computed {
            return Err(BuildError::Knowledge(KnowledgeError::Changed {
                folder: folder.to_owned(),
                differences: vec![format!(
                    "the fingerprint is {computed}, and FINGERPRINT says {declared}"
                )],
            }));
        }
        let report = Report::read(folder)?;
        let parents_path = folder.join(layout::PARENTS);
        let parents =
            parents_path.is_file().then(|| ParentFile::open(&parents_path)).transpose()?;
        let mut unchanged = HashMap::new();
        if manifest.reading == READING && manifest.splitter == *splitter && manifest.ocr == ocr {
            let (mut passages, mut parents) = (0, 0);
            for (document, entry) in manifest.documents.iter().enumerate() {
                unchanged.insert(entry.file.clone(), Held { document, passages, parents });
                passages += entry.passages;
                parents += entry.parents;
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            tag: report.tag,
            fingerprint: declared,
            passages: PassageFile::open(&folder.join(layout::PASSAGES))?,
            vectors: vectors::open(&folder.join(layout::VECTORS), embedding.dimensions)?,
            parents,
            unchanged,
            warnings: report.warnings,
            manifest,
        })
    }

    /// Whether this document has the name and the bytes it had, so that it need not be read.
    pub(super) fn has(&self, file: &str, sha256: &str) -> bool {
        self.held(file).is_some_and(|(_, entry)| entry.sha256 == sha256)
    }

    fn held(&self, file: &str) -> Option<(Held, &DocumentEntry)> {
        let held = *self.unchanged.get(file)?;
        Some((held, self.manifest.documents.get(held.document)?))
    }

    /// All there is of a document; nothing when it is not there.
    pub(super) fn take_over(&self, file: &str) -> Result<Option<TakenOver>, KnowledgeError> {
        let Some((held, entry)) = self.held(file) else { return Ok(None) };
        let mut passages = Vec::with_capacity(entry.passages);
        for position in held.passages..held.passages + entry.passages {
            let mut line = self.passages.get(position)?;
            // Positions of parents are counted anew.
            line.parent = line.parent.map(|parent| parent.saturating_sub(held.parents));
            let vector = self.vectors.get(position).ok_or_else(|| {
                let file = self.folder.join(layout::VECTORS);
                KnowledgeError::malformed(&file, format!("it has no vector of passage {position}"))
            })?;
            passages.push((line, vector.to_owned()));
        }
        let mut parents = Vec::with_capacity(entry.parents);
        if let Some(all) = &self.parents {
            for position in held.parents..held.parents + entry.parents {
                parents.push(all.get(position)?);
            }
        }
        let named = format!("{file}: ");
        let warnings =
            self.warnings.iter().filter_map(|w| w.strip_prefix(&named)).map(str::to_owned);
        Ok(Some(TakenOver {
            entry: entry.clone(),
            passages,
            parents,
            warnings: warnings.collect(),
        }))
    }
}
