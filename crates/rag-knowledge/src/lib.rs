//! A knowledge base as a versioned artifact: build, fingerprint, open, compare, remove.
//!
//! A serving worker takes the default features and only opens; the `build` feature adds the
//! document readers and the embedding models.

#[cfg(feature = "build")]
pub mod build;
pub mod collect;
pub mod diff;
mod error;
mod files;
pub mod fingerprint;
mod knowledge_base;
mod layout;
mod lines;
mod lock;
pub mod manifest;
mod passages;
pub mod report;
mod retrieve;
pub mod root;
#[cfg(feature = "sync")]
pub mod sync;
pub mod tag;
mod vectors;
mod verify;

pub use error::{EmbeddingDifference, KnowledgeError};
pub use files::all as files_of;
pub use knowledge_base::{KnowledgeBase, open_unread, open_verified};
pub use manifest::Manifest;
pub use report::Report;
pub use retrieve::RetrieveError;
pub use verify::{Verdict, verify, verify_with};

/// The document readers a build uses.
#[cfg(feature = "build")]
pub use rag_documents as documents;
/// The embedding models a build uses.
#[cfg(feature = "build")]
pub use rag_embedder as embedding;
/// The index a knowledge base holds.
pub use rag_index as index;
