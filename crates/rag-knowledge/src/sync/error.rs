//! Why a tag did not arrive.

use std::path::{Path, PathBuf};

use crate::error::KnowledgeError;

/// Copying failed; the tag is not visible at its destination, or what was there is untouched.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// A place that is neither a folder nor a bucket.
    #[error(
        "`{0}://` is not a place that can be copied to or from: a folder or s3://BUCKET/PREFIX is"
    )]
    Scheme(String),
    /// `s3://` alone.
    #[error("`{0}` names no bucket: write s3://BUCKET/PREFIX")]
    NoBucket(String),
    /// The last part of a place is not a tag.
    #[error("{place}: its last part must be a tag: {cause}")]
    NoTag {
        /// The place.
        place: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Both sides are buckets.
    #[error("one side of a sync must be a folder")]
    TwoBuckets,
    /// Another tag of the same name is there.
    #[error("{place}: the tag is there with another fingerprint: {there}, not {ours}")]
    Other {
        /// Where.
        place: String,
        /// Its fingerprint.
        there: String,
        /// The fingerprint of the tag to copy.
        ours: String,
    },
    /// The tag is not in the bucket.
    #[error("{place}: no such tag")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// The object store did not do what it was asked.
    #[error("{place}: {cause}")]
    Store {
        /// The object.
        place: String,
        /// What it said.
        cause: String,
    },
    /// A piece is not what its name says.
    #[error("{place}: its bytes have another hash")]
    Damaged {
        /// The piece.
        place: String,
    },
    /// A file could not be written.
    #[error("{}: {cause}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// Another process copies the same tag to the same place.
    #[error("{}: another sync of this tag is running", .0.display())]
    Busy(PathBuf),
    /// The knowledge base cannot be used.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// Somebody stopped it.
    #[error("the sync was stopped")]
    Cancelled,
}

impl SyncError {
    pub(super) fn disk(path: &Path, cause: impl ToString) -> Self {
        Self::Disk { path: path.to_owned(), cause: cause.to_string() }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store { .. } => Some(
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, for a store of your own, \
                 AWS_ENDPOINT_URL say where and who; the same command goes on where this one stopped"
                    .to_owned(),
            ),
            Self::Other { .. } => Some("a tag is never overwritten: build it under a new name".to_owned()),
            Self::Disk { .. } | Self::Cancelled => {
                Some("the same command goes on where this one stopped".to_owned())
            }
            Self::Damaged { .. } => {
                Some("copy the tag to the bucket again from where it was built".to_owned())
            }
            Self::Knowledge(error) => Some(error.hint().to_owned()),
            Self::Scheme(_)
            | Self::NoBucket(_)
            | Self::NoTag { .. }
            | Self::TwoBuckets
            | Self::Missing { .. }
            | Self::Busy(_) => None,
        }
    }
}
