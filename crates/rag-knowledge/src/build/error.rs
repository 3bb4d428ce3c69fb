//! Why nothing was built.

use std::path::{Path, PathBuf};

use rag_core::{EmbedError, IndexError};

use crate::error::KnowledgeError;

/// Building failed, and no tag was made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The tag cannot be one.
    #[error("{0}")]
    Tag(String),
    /// There is one already.
    #[error("{}: the tag {tag} exists", folder.display())]
    Exists {
        /// Its folder.
        folder: PathBuf,
        /// The tag.
        tag: String,
    },
    /// There is nothing to build from.
    #[error("{}: {cause}", folder.display())]
    Documents {
        /// The folder of documents.
        folder: PathBuf,
        /// What is wrong with it, one clause.
        cause: String,
    },
    /// A document could not be read, and the build is strict.
    #[error("{file}: {reason}")]
    Strict {
        /// The document, relative to the folder of documents.
        file: String,
        /// Why it cannot be read.
        reason: String,
    },
    /// All documents together gave no passage.
    #[error("the documents hold no text: {documents} were read, {failed} could not be")]
    NoPassages {
        /// Documents read.
        documents: usize,
        /// Documents that could not be.
        failed: usize,
        /// The first reasons, each beginning with its document.
        reasons: Vec<String>,
    },
    /// A file of the build could not be written.
    #[error("{}: {cause}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The earlier tag has vectors of another embedding.
    #[error(
        "{}: it was built with the embedding {built}, and {loaded} is loaded: nothing can be taken over",
        folder.display()
    )]
    OtherEmbedding {
        /// The earlier tag's folder.
        folder: PathBuf,
        /// Its embedding.
        built: String,
        /// The embedding of this build.
        loaded: String,
    },
    /// The indexes cannot be made; [`BuildError::Index`] says why, where it is known.
    #[error("making the indexes stopped unexpectedly")]
    IndexesStopped,
    /// The embedding model failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The index could not be made.
    #[error("making the index: {0}")]
    Index(#[from] IndexError),
    /// A file just written could not be read back.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// Somebody stopped it.
    #[error("the build was stopped; no tag was made")]
    Cancelled,
}

impl BuildError {
    pub(crate) fn disk(path: &Path, cause: impl ToString) -> Self {
        Self::Disk { path: path.to_owned(), cause: cause.to_string() }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tag(_) => Some("for example --tag v20261123-2".to_owned()),
            Self::Exists { tag, .. } => {
                Some(format!("a tag is never overwritten; choose another: --tag {tag}-2"))
            }
            Self::Documents { .. } => {
                Some("--documents names a folder with PDF and DOCX files".to_owned())
            }
            Self::Strict { .. } => {
                Some("without --strict the build goes on and reports the document".to_owned())
            }
            Self::NoPassages { reasons, .. } => (!reasons.is_empty()).then(|| reasons.join("; ")),
            Self::Disk { .. } => {
                Some("check free space and permissions; no half-made tag was left".to_owned())
            }
            Self::OtherEmbedding { .. } => {
                Some("leave --from out: everything is embedded anew".to_owned())
            }
            Self::Cancelled => Some("the same command goes on where this one stopped".to_owned()),
            Self::Knowledge(error) => Some(error.hint().to_owned()),
            Self::Embed(_) | Self::Index(_) | Self::IndexesStopped => None,
        }
    }
}
