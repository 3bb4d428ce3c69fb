//! Why a knowledge base cannot be used.

use std::fmt;
use std::path::{Path, PathBuf};

/// Opening or checking failed; the message names the file and the cause.
#[derive(Debug, thiserror::Error)]
pub enum KnowledgeError {
    /// The folder is not a knowledge base.
    #[error("{}: not a knowledge base: it has no {missing}", folder.display())]
    NotOne {
        /// The folder.
        folder: PathBuf,
        /// The file it lacks.
        missing: &'static str,
    },
    /// A file cannot be read.
    #[error("{}: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// A file does not hold what it must.
    #[error("{}: {cause}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong, one clause.
        cause: String,
    },
    /// The knowledge base was changed after it was built.
    #[error("{}: {}", folder.display(), differences.join("; "))]
    Changed {
        /// The folder.
        folder: PathBuf,
        /// Each difference, naming its file.
        differences: Vec<String>,
    },
    /// It was built with another embedding than the one loaded.
    #[error("{}: {difference}", folder.display())]
    OtherEmbedding {
        /// The folder.
        folder: PathBuf,
        /// Both embeddings, and where they differ.
        difference: Box<EmbeddingDifference>,
    },
}

/// The embedding of a knowledge base beside another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingDifference {
    /// Name and version in the manifest.
    pub built: String,
    /// Name and version of the loaded model.
    pub loaded: String,
    /// The first field that differs.
    pub field: &'static str,
    /// The field's value in the manifest.
    pub ours: String,
    /// The field's value in the loaded model.
    pub theirs: String,
}

impl fmt::Display for EmbeddingDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { built, loaded, field, ours, theirs } = self;
        write!(
            f,
            "it was built with the embedding {built} and {loaded} is loaded: the {field} is \
             {theirs}, not {ours}"
        )
    }
}

impl KnowledgeError {
    pub(crate) fn unreadable(file: &Path, cause: impl ToString) -> Self {
        Self::Unreadable { file: file.to_owned(), cause: cause.to_string() }
    }

    pub(crate) fn malformed(file: &Path, cause: impl ToString) -> Self {
        Self::Malformed { file: file.to_owned(), cause: cause.to_string() }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotOne { .. } => "name the tag's own folder, for example data/blue/v20261123",
            Self::Unreadable { .. } => "check that the file exists and may be read",
            Self::Malformed { .. } | Self::Changed { .. } => {
                "copy the knowledge base again from where it was built, or build it again"
            }
            Self::OtherEmbedding { .. } => {
                "load the embedding it was built with, or build the knowledge base with this one"
            }
        }
    }
}
