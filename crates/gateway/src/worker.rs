//! One worker: whether it may get requests, and how many it is answering.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use prometheus_children::Children;
use switch_core::{Release, Slot};
use telemetry::gateway::GatewayMetrics;

use crate::identity::Identity;
use crate::settings::Passive;

/// A worker of a slot. Read by every request without a lock; written by its probe and by failed requests.
pub(crate) struct Worker {
    pub slot: Slot,
    /// As written in the settings.
    pub name: String,
    pub address: SocketAddr,
    pub in_flight: AtomicU32,
    /// Proven by its probes.
    healthy: AtomicBool,
    /// Whether any verdict about it has been reached since the start.
    judged: AtomicBool,
    /// Serves another release than the one recorded for its slot.
    mismatch: AtomicBool,
    identity: ArcSwapOption<Identity>,
    detail: ArcSwap<String>,
    passive: Passive,
    fails: AtomicU32,
    first_fail: AtomicU64,
    ejected_until: AtomicU64,
    pub counters: Children,
}

mod prometheus_children {
    //! The worker's metrics, looked up once.

    use switch_core::Slot;
    use telemetry::gateway::{Counter, GatewayMetrics, Gauge};

    pub(crate) struct Children {
        pub probe_ready: Counter,
        pub probe_not_ready: Counter,
        pub probe_failed: Counter,
        pub ejections: Counter,
        pub mismatches: Counter,
        pub ready: Gauge,
    }

    impl Children {
        pub(crate) fn of(metrics: &GatewayMetrics, slot: Slot, worker: &str) -> Self {
            let slot = slot.as_str();
            Self {
                probe_ready: metrics.probe(slot, worker, "ready"),
                probe_not_ready: metrics.probe(slot, worker, "not_ready"),
                probe_failed: metrics.probe(slot, worker, "failed"),
                ejections: metrics.ejection(slot, worker),
                mismatches: metrics.mismatch(slot, worker),
                ready: metrics.worker_ready(slot, worker),
            }
        }
    }
}

impl Worker {
    pub(crate) fn new(
        slot: Slot,
        name: String,
        address: SocketAddr,
        passive: Passive,
        metrics: &GatewayMetrics,
    ) -> Self {
        let counters = Children::of(metrics, slot, &name);
        Self {
            slot,
            name,
            address,
            in_flight: AtomicU32::new(0),
            healthy: AtomicBool::new(false),
            judged: AtomicBool::new(false),
            mismatch: AtomicBool::new(false),
            identity: ArcSwapOption::empty(),
            detail: ArcSwap::from_pointee("not probed yet".to_owned()),
            passive,
            fails: AtomicU32::new(0),
            first_fail: AtomicU64::new(0),
            ejected_until: AtomicU64::new(0),
            counters,
        }
    }

    /// Proven by its probes, whatever it serves.
    pub(crate) fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Acquire)
    }

    /// Whether its probes have reached a verdict since the start.
    pub(crate) fn is_judged(&self) -> bool {
        self.judged.load(Ordering::Acquire)
    }

    pub(crate) fn is_mismatch(&self) -> bool {
        self.mismatch.load(Ordering::Acquire)
    }

    /// Set aside because requests to it failed.
    pub(crate) fn is_ejected(&self) -> bool {
        self.ejected_until.load(Ordering::Acquire) > now_millis()
    }

    pub(crate) fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.load_full()
    }

    /// The word for `status`.
    pub(crate) fn state(&self) -> &'static str {
        if !self.is_judged() {
            "unproven"
        } else if !self.is_healthy() {
            "down"
        } else if self.is_mismatch() {
            "mismatch"
        } else if self.is_ejected() {
            "ejected"
        } else {
            "ready"
        }
    }

    /// Why it is not ready; empty when it is.
    pub(crate) fn detail(&self) -> Arc<String> {
        self.detail.load_full()
    }

    /// Takes in a verdict of the probe. Says whether anything a switch cares about changed.
    pub(crate) fn judge(&self, healthy: bool, identity: Option<Identity>, detail: String) -> bool {
        if **self.detail.load() != detail {
            self.detail.store(Arc::new(detail));
        }
        let mut changed = false;
        if let Some(identity) = identity {
            let before = self.identity.load();
            if before.as_deref() != Some(&identity) {
                changed = before.as_ref().map(|before| &before.release) != Some(&identity.release);
                drop(before);
                self.identity.store(Some(Arc::new(identity)));
            }
        }
        changed |= !self.judged.swap(true, Ordering::AcqRel);
        changed |= self.healthy.swap(healthy, Ordering::AcqRel) != healthy;
        changed
    }

    /// Compares what it serves with what its slot was recorded to serve. `true` when it has just become a mismatch.
    pub(crate) fn compare(&self, expected: Option<&Release>) -> bool {
        let identity = self.identity.load();
        let serves = identity.as_ref().and_then(|identity| identity.release.as_ref());
        let mismatch = match (expected, serves) {
            (Some(expected), Some(serves)) => expected.fingerprint != serves.fingerprint,
            // It was proven to serve a release and no longer says which: not proven any more.
            (Some(_), None) => identity.is_some(),
            (None, _) => false,
        };
        let fresh = !self.mismatch.swap(mismatch, Ordering::AcqRel) && mismatch;
        if fresh {
            self.counters.mismatches.inc();
        }
        self.counters.ready.set(i64::from(self.is_healthy() && !mismatch));
        fresh
    }

    /// Counts a failed request; `true` when that sets the worker aside.
    ///
    /// nginx: `max_fails` failures within `fail_timeout` make a server unavailable for `fail_timeout`.
    pub(crate) fn failed(&self) -> bool {
        if self.passive.max_fails == 0 {
            return false;
        }
        let now = now_millis();
        let window = u64::try_from(self.passive.fail_timeout.as_millis()).unwrap_or(u64::MAX);
        let first = self.first_fail.load(Ordering::Acquire);
        if now.saturating_sub(first) > window || self.fails.load(Ordering::Acquire) == 0 {
            self.first_fail.store(now, Ordering::Release);
            self.fails.store(0, Ordering::Release);
        }
        if self.fails.fetch_add(1, Ordering::AcqRel) + 1 < self.passive.max_fails {
            return false;
        }
        self.fails.store(0, Ordering::Release);
        self.ejected_until.store(now.saturating_add(window), Ordering::Release);
        self.counters.ejections.inc();
        true
    }

    /// A request was answered: failures before it no longer count.
    pub(crate) fn succeeded(&self) {
        if self.fails.load(Ordering::Relaxed) != 0 {
            self.fails.store(0, Ordering::Release);
        }
    }
}

/// Milliseconds since the program first asked; never goes back, and is never 0.
pub(crate) fn now_millis() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}
