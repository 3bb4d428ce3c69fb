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
        /// Their bytes.
        bytes: u64,
    },
    /// An earlier build that ended early has made vectors that need not be made again.
    TakenUp {
        /// Of how many passages.
        passages: usize,
    },
    /// One document was read; its passages are embedded next.
    Read {
        /// Its relative name.
        file: &'a str,
        /// Its size.
        bytes: u64,
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
    /// So many passages have their vectors and are written.
    Embedded {
        /// How many in all.
        done: usize,
        /// Those of them whose vectors an earlier build has made.
        taken_over: usize,
    },
    /// The indexes are being finished.
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
