//! What changed between two knowledge bases, by document.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use rag_core::Passage;
use serde::Serialize;

use crate::error::KnowledgeError;
use crate::fingerprint;
use crate::layout;
use crate::manifest::{DocumentEntry, Manifest};
use crate::passages::PassageFile;
use crate::report::Report;

/// The differences of two tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub old: Side,
    pub new: Side,
    /// Settings that differ: what, the old value, the new one.
    pub settings: Vec<(String, String, String)>,
    /// Documents that differ, ordered by name; those that are the same are only counted.
    pub documents: Vec<DocumentChange>,
    pub unchanged: usize,
}

/// One of two tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    pub tag: String,
    pub fingerprint: String,
    pub documents: usize,
    pub passages: usize,
}

/// What became of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum DocumentChange {
    /// It is only in the new tag.
    Added { file: String, passages: usize },
    /// It is only in the old tag.
    Removed { file: String, passages: usize },
    /// The same bytes under another name.
    Renamed { file: String, from: String, passages: usize },
    /// Other bytes, or the same bytes read or cut otherwise.
    Changed {
        file: String,
        /// Whether its bytes differ.
        content: bool,
        passages: usize,
        passages_before: usize,
        /// Passages whose text the old tag does not have of this document.
        passages_added: usize,
        /// Passages of the old tag whose text is gone.
        passages_removed: usize,
    },
    /// It could be read before.
    Failed { file: String, reason: String },
}

impl DocumentChange {
    /// The document.
    pub fn file(&self) -> &str {
        match self {
            Self::Added { file, .. }
            | Self::Removed { file, .. }
            | Self::Renamed { file, .. }
            | Self::Changed { file, .. }
            | Self::Failed { file, .. } => file,
        }
    }
}

/// A tag that is being compared.
struct Compared {
    side: Side,
    manifest: Manifest,
    passages: PassageFile,
    /// By name: the document and the position of its first passage.
    documents: BTreeMap<String, (DocumentEntry, usize)>,
}

/// Compares two tags.
///
/// # Errors
/// When one of the folders is not a knowledge base or cannot be read.
pub fn diff(old: &Path, new: &Path) -> Result<Difference, KnowledgeError> {
    let (old, new) = (Compared::open(old)?, Compared::open(new)?);
    let (mut documents, mut unchanged) = (Vec::new(), 0);
    let mut gone: HashMap<&str, Vec<&DocumentEntry>> = HashMap::new();
    for (file, (entry, _)) in &old.documents {
        if !new.documents.contains_key(file) {
            gone.entry(&entry.sha256).or_default().push(entry);
        }
    }
    for (file, (entry, at)) in &new.documents {
        let change = match old.documents.get(file) {
            Some((before, before_at)) => match changed(&old, before, *before_at, &new, entry, *at)?
            {
                Some(change) => change,
                None => {
                    unchanged += 1;
                    continue;
                }
            },
            None => match gone.get_mut(&*entry.sha256).and_then(Vec::pop) {
                Some(before) => DocumentChange::Renamed {
                    file: file.clone(),
                    from: before.file.clone(),
                    passages: entry.passages,
                },
                None => DocumentChange::Added { file: file.clone(), passages: entry.passages },
            },
        };
        documents.push(change);
    }
    let failed: HashMap<&str, &str> =
        new.manifest.failed.iter().map(|f| (&*f.file, &*f.reason)).collect();
    for entry in gone.into_values().flatten() {
        documents.push(match failed.get(&*entry.file) {
            Some(reason) => {
                DocumentChange::Failed { file: entry.file.clone(), reason: (*reason).to_owned() }
            }
            None => DocumentChange::Removed { file: entry.file.clone(), passages: entry.passages },
        });
    }
    documents.sort_by(|a, b| a.file().cmp(b.file()));
    let settings = settings(&old.manifest, &new.manifest);
    Ok(Difference { old: old.side, new: new.side, settings, documents, unchanged })
}

impl Compared {
    fn open(folder: &Path) -> Result<Self, KnowledgeError> {
        let manifest = Manifest::read(folder)?;
        let mut at = 0;
        let mut documents = BTreeMap::new();
        for entry in &manifest.documents {
            documents.insert(entry.file.clone(), (entry.clone(), at));
            at += entry.passages;
        }
        let side = Side {
            tag: Report::read(folder)?.tag,
            fingerprint: fingerprint::declared(folder)?,
            documents: manifest.counts.documents,
            passages: manifest.counts.passages,
        };
        let passages = PassageFile::open(&folder.join(layout::PASSAGES))?;
        Ok(Self { side, manifest, passages, documents })
    }

    /// The passages of a document.
    fn passages(&self, entry: &DocumentEntry, at: usize) -> Result<Vec<Passage>, KnowledgeError> {
        (at..at + entry.passages).map(|at| self.passages.get(at).map(Passage::from)).collect()
    }
}

/// How a document of both tags differs; nothing when it does not.
fn changed(
    old: &Compared,
    before: &DocumentEntry,
    before_at: usize,
    new: &Compared,
    after: &DocumentEntry,
    after_at: usize,
) -> Result<Option<DocumentChange>, KnowledgeError> {
    let content = before.sha256 != after.sha256;
    let was = old.passages(before, before_at)?;
    let is = new.passages(after, after_at)?;
    if !content && was == is {
        return Ok(None);
    }
    let texts = |of: &[Passage]| -> HashSet<String> {
        of.iter().map(|passage| passage.text.clone()).collect()
    };
    let (was, is) = (texts(&was), texts(&is));
    Ok(Some(DocumentChange::Changed {
        file: after.file.clone(),
        content,
        passages: after.passages,
        passages_before: before.passages,
        passages_added: is.difference(&was).count(),
        passages_removed: was.difference(&is).count(),
    }))
}

fn settings(old: &Manifest, new: &Manifest) -> Vec<(String, String, String)> {
    let embedding = |m: &Manifest| format!("{} {}", m.embedding.name, m.embedding.version);
    let embedding_files = |m: &Manifest| m.embedding.model_sha256.clone();
    let splitter = |m: &Manifest| {
        let s = &m.splitter;
        let option = |name: &str, value: Option<usize>| {
            value.map(|value| format!(", {name} {value}")).unwrap_or_default()
        };
        format!(
            "{}, size {}, overlap {}{}{}{}{}",
            s.strategy,
            s.size,
            s.overlap,
            option("sentences", s.sentences),
            option("around", s.around),
            option("parent size", s.parent_size),
            option("headings embedded", s.headings_embedded),
        )
    };
    let index =
        |m: &Manifest| format!("{} {}, {}", m.index.library, m.index.version, m.index.scalar);
    let lexical = |m: &Manifest| {
        format!("{} {}, {}", m.lexical.library, m.lexical.version, m.lexical.tokenizer)
    };
    let reading = |m: &Manifest| m.reading.to_string();
    type Shown<'a> = (&'a str, &'a dyn Fn(&Manifest) -> String);
    let all: [Shown<'_>; 6] = [
        ("embedding", &embedding),
        ("embedding model file", &embedding_files),
        ("reading", &reading),
        ("splitter", &splitter),
        ("index", &index),
        ("lexical index", &lexical),
    ];
    all.into_iter()
        .map(|(name, show)| (name.to_owned(), show(old), show(new)))
        .filter(|(_, old, new)| old != new)
        .collect()
}
