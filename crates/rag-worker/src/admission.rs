//! The bounded queues in front of the engines: who is over the limit is told at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets a bounded number of requests in.
#[derive(Debug)]
pub(crate) struct Admission {
    permits: Arc<Semaphore>,
    limit: usize,
}

impl Admission {
    /// At most `limit` requests at a time, running and waiting together.
    pub(crate) fn new(limit: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(limit)), limit }
    }

    /// So many places, held until they are dropped; `None` when there are not as many.
    pub(crate) fn enter(&self, places: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_many_owned(places).ok()
    }

    /// How many places there are.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many are taken.
    pub(crate) fn inside(&self) -> usize {
        self.limit - self.permits.available_permits()
    }
}
