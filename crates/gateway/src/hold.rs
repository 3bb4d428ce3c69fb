//! Requests that nobody can answer at the moment may wait, in bounded number and for a bounded time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::settings;

/// Where requests wait.
pub(crate) struct Hold {
    pub wait: Duration,
    pub heartbeat: Duration,
    most: usize,
    waiting: AtomicUsize,
    news: Notify,
}

impl Hold {
    pub(crate) fn new(settings: &settings::Hold) -> Self {
        Self {
            wait: settings.wait,
            heartbeat: settings.heartbeat,
            most: settings.most,
            waiting: AtomicUsize::new(0),
            news: Notify::new(),
        }
    }

    /// A place to wait in; `None` when all are taken.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let place = Place(Arc::clone(self));
        (self.waiting.fetch_add(1, Ordering::SeqCst) < self.most).then_some(place)
    }

    /// Something changed that may let a request through.
    pub(crate) fn tell(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.news.notify_waiters();
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }
}

/// A place in the waiting room; free again when dropped.
pub(crate) struct Place(Arc<Hold>);

impl Place {
    /// Completes with the next change. What changes after this call is not missed.
    pub(crate) fn news(&self) -> Notified<'_> {
        self.0.news.notified()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
