//! The workers of one slot, and the count of answers running on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use serde_json::Value;
use switch_core::{Identity as SlotIdentity, Release, Slot, SlotReport};
use tokio::sync::Notify;

use crate::settings::Mismatch;
use crate::worker::Worker;

/// How long a drain waits for news before it looks at the count itself.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// One slot as the request path sees it.
pub(crate) struct SlotPool {
    pub slot: Slot,
    pub workers: Vec<Arc<Worker>>,
    in_flight: AtomicU64,
    draining: AtomicBool,
    emptied: Notify,
    expected: ArcSwapOption<Release>,
    mismatch: Mismatch,
    turn: AtomicUsize,
}

impl SlotPool {
    pub(crate) fn new(slot: Slot, workers: Vec<Arc<Worker>>, mismatch: Mismatch) -> Self {
        Self {
            slot,
            workers,
            in_flight: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            emptied: Notify::new(),
            expected: ArcSwapOption::empty(),
            mismatch,
            turn: AtomicUsize::new(0),
        }
    }

    /// Requests being answered.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Counts a request in. Sequentially consistent with the routing table: see `routing.rs`.
    pub(crate) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn leave(&self) {
        // The waker's lock is touched only by the last answer of a drain.
        if self.in_flight.fetch_sub(1, Ordering::SeqCst) == 1
            && self.draining.load(Ordering::SeqCst)
        {
            self.emptied.notify_one();
        }
    }

    /// Returns once no request is being answered. One drain at a time: the driver starts them.
    pub(crate) async fn drained(&self) {
        self.draining.store(true, Ordering::SeqCst);
        while self.in_flight() > 0 {
            // Looks again by itself, too: a drain that was just given up may have taken the news.
            let _ = tokio::time::timeout(LOOK_AGAIN, self.emptied.notified()).await;
        }
        self.draining.store(false, Ordering::SeqCst);
    }

    /// What the slot was recorded to serve; only the live slot is held to it.
    pub(crate) fn expect(&self, release: Option<Release>) {
        self.expected.store(release.map(Arc::new));
    }

    pub(crate) fn expected(&self) -> Option<Arc<Release>> {
        self.expected.load_full()
    }

    /// The worker with the fewest requests that may serve and is not in `tried` (one bit per worker).
    pub(crate) fn choose(&self, tried: u64) -> Option<(usize, &Arc<Worker>)> {
        self.choose_from(self.turn.fetch_add(1, Ordering::Relaxed), tried)
    }

    /// Among equals the first one at or after `turn` is taken, so that one worker does not get every quiet moment.
    fn choose_from(&self, turn: usize, tried: u64) -> Option<(usize, &Arc<Worker>)> {
        let pick = |may: &dyn Fn(&Worker) -> bool| {
            let count = self.workers.len();
            (0..count)
                .map(|step| turn.wrapping_add(step) % count)
                .filter(|index| tried & (1 << index) == 0)
                .filter_map(|index| self.workers.get(index).map(|worker| (index, worker)))
                .filter(|(_, worker)| worker.is_healthy() && may(worker))
                .min_by_key(|(_, worker)| worker.in_flight.load(Ordering::Relaxed))
        };
        // nginx: when every server is set aside, they are tried all the same, rather than answering nobody.
        pick(&|worker| !worker.is_mismatch() && !worker.is_ejected())
            .or_else(|| pick(&|worker| !worker.is_mismatch()))
            .or_else(|| (self.mismatch == Mismatch::LastResort).then(|| pick(&|_| true)).flatten())
    }

    /// Whether a request would find a worker.
    pub(crate) fn can_serve(&self) -> bool {
        self.choose_from(0, 0).is_some()
    }

    /// Whether every worker's probes have reached a verdict.
    pub(crate) fn is_judged(&self) -> bool {
        self.workers.iter().all(|worker| worker.is_judged())
    }

    /// What the switch is told: proven workers, and what they agree to serve.
    pub(crate) fn report(&self) -> SlotReport {
        let mut ready = 0;
        let mut silent = false;
        let mut releases: Vec<Release> = Vec::new();
        for worker in self.workers.iter().filter(|worker| worker.is_healthy()) {
            ready += 1;
            match worker.identity().and_then(|identity| identity.release.clone()) {
                Some(release)
                    if releases.iter().any(|known| known.fingerprint == release.fingerprint) => {}
                Some(release) => releases.push(release),
                None => silent = true,
            }
        }
        let identity = match (releases.pop(), silent) {
            (None, _) | (_, true) => SlotIdentity::Unknown,
            (Some(only), false) if releases.is_empty() => SlotIdentity::Agreed(only),
            (Some(last), false) => {
                releases.push(last);
                SlotIdentity::Divided(releases)
            }
        };
        SlotReport { ready, total: u32::try_from(self.workers.len()).unwrap_or(u32::MAX), identity }
    }

    /// The word for `status`.
    pub(crate) fn state(&self) -> &'static str {
        let count =
            |state: &str| self.workers.iter().filter(|worker| worker.state() == state).count();
        let ready = count("ready");
        if self.workers.is_empty() {
            "empty"
        } else if ready == self.workers.len() {
            "ready"
        } else if ready > 0 || count("ejected") > 0 {
            "degraded"
        } else if count("mismatch") > 0 {
            "mismatch"
        } else if count("unproven") > 0 {
            "unproven"
        } else {
            "down"
        }
    }

    /// A ready worker's `/health`, whole; null while none has answered.
    pub(crate) fn health(&self) -> Value {
        let ready = self.workers.iter().find(|worker| worker.is_healthy() && !worker.is_mismatch());
        ready
            .or_else(|| self.workers.iter().find(|worker| worker.is_healthy()))
            .and_then(|worker| worker.identity())
            .map_or(Value::Null, |identity| identity.health.clone())
    }
}
