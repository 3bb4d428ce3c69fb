//! What a build tells while it works, and how it is told to stop.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::BuildError;

/// Something that happened in a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// The documents to read were counted.
    Found {
        /// How many.
        documents: usize,
    },
    /// One document was read.
    Read {
        /// Its relative name.
        file: &'a str,
        /// The passages it gave.
        passages: usize,
    },
    /// One document could not be read.
    Failed {
        /// Its relative name.
        file: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// Reading is done and embedding begins.
    Embedding {
        /// The passages to embed.
        passages: usize,
    },
    /// So many passages are embedded.
    Embedded {
        /// How many in all.
        done: usize,
    },
    /// The index is being made.
    Indexing,
}

/// Hears what a build does.
pub trait Observer: Sync {
    /// Called on the build's thread; it must not block for long.
    fn event(&self, event: Event<'_>);
}

impl Observer for () {
    fn event(&self, _: Event<'_>) {}
}

/// The observer and the stop signal of a build.
pub(super) struct Control<'a> {
    pub(super) observer: &'a dyn Observer,
    pub(super) cancelled: &'a AtomicBool,
}

impl Control<'_> {
    pub(super) fn check(&self) -> Result<(), BuildError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(BuildError::Cancelled) } else { Ok(()) }
    }
}
