//! One worker: whether it may get requests, and how many it is answering.

mod counters;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use switch_core::{Release, Slot};
use telemetry::gateway::GatewayMetrics;

use crate::breaker::{Breaker, State};
use crate::identity::Identity;
use crate::settings::{Passive, WorkerSettings};
use counters::Children;

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
    /// Which start of it is known: verdicts about an earlier one say nothing. Only probes and keepers take the lock.
    start: Mutex<u64>,
    /// It says itself that it will not become ready.
    failed: AtomicBool,
    identity: ArcSwapOption<Identity>,
    detail: ArcSwap<String>,
    pub breaker: Breaker,
    /// Its part of the requests, compared with the others' weights.
    weight: AtomicU32,
    /// The most requests at once; 0 when there is no limit.
    max_requests: AtomicU32,
    /// Gets requests only while no other worker can.
    backup: AtomicBool,
    /// Never gets requests; set by the operator.
    down: AtomicBool,
    /// Its address as a number, for hashing.
    pub hash: u64,
    slow_start: AtomicU64,
    ready_at: AtomicU64,
    pub counters: Children,
}

impl Worker {
    pub(crate) fn new(
        slot: Slot,
        settings: WorkerSettings,
        passive: &Passive,
        slow_start: Duration,
        metrics: &GatewayMetrics,
    ) -> Self {
        let counters = Children::of(metrics, slot, &settings.name);
        Self {
            slot,
            name: settings.name,
            address: settings.address,
            in_flight: AtomicU32::new(0),
            healthy: AtomicBool::new(false),
            judged: AtomicBool::new(false),
            mismatch: AtomicBool::new(false),
            start: Mutex::new(0),
            failed: AtomicBool::new(false),
            identity: ArcSwapOption::empty(),
            detail: ArcSwap::from_pointee("not probed yet".to_owned()),
            breaker: Breaker::new(passive),
            weight: AtomicU32::new(settings.weight),
            max_requests: AtomicU32::new(settings.max_requests),
            backup: AtomicBool::new(settings.backup),
            down: AtomicBool::new(settings.down),
            hash: crate::conversations::stable(settings.address.to_string().as_bytes()),
            slow_start: AtomicU64::new(millis(slow_start)),
            ready_at: AtomicU64::new(0),
            counters,
        }
    }

    /// Takes over changed settings; what is known about the worker stays.
    pub(crate) fn set(&self, settings: &WorkerSettings, passive: &Passive, slow_start: Duration) {
        self.weight.store(settings.weight, Ordering::Relaxed);
        self.max_requests.store(settings.max_requests, Ordering::Relaxed);
        self.backup.store(settings.backup, Ordering::Relaxed);
        self.down.store(settings.down, Ordering::Relaxed);
        self.slow_start.store(millis(slow_start), Ordering::Relaxed);
        self.breaker.set(passive);
    }

    pub(crate) fn is_backup(&self) -> bool {
        self.backup.load(Ordering::Relaxed)
    }

    /// Whether the operator has taken it out.
    pub(crate) fn is_disabled(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Whether it has as many requests as it may have.
    pub(crate) fn is_full(&self) -> bool {
        let most = self.max_requests.load(Ordering::Relaxed);
        most > 0 && self.in_flight.load(Ordering::Relaxed) >= most
    }

    /// Its weight as the settings say it.
    pub(crate) fn whole_weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Its weight in thousandths: during a slow start it grows from a tenth to the whole.
    pub(crate) fn weight(&self, now: impl Fn() -> u64) -> u64 {
        let whole = u64::from(self.weight.load(Ordering::Relaxed)) * 1000;
        let slow_start = self.slow_start.load(Ordering::Relaxed);
        if slow_start == 0 {
            return whole;
        }
        let since = self.ready_at.load(Ordering::Relaxed).max(self.breaker.closed_at());
        let age = now().saturating_sub(since);
        if since == 0 || age >= slow_start {
            return whole;
        }
        (whole * age / slow_start).max(whole / 10)
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
        self.breaker.state(now_millis()) == State::Open
    }

    pub(crate) fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.load_full()
    }

    /// The word for `status`.
    pub(crate) fn state(&self) -> &'static str {
        if self.is_disabled() {
            "disabled"
        } else if !self.is_judged() {
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

    /// Which start of it is the last one that is known.
    pub(crate) fn start(&self) -> u64 {
        *self.start.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It was started again, or stopped: it gets no requests before it has proven itself anew. Says whether that changes
    /// anything for the switch.
    pub(crate) fn forget(&self, why: &str) -> bool {
        let mut start = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        *start += 1;
        self.failed.store(false, Ordering::Relaxed);
        self.detail.store(Arc::new(why.to_owned()));
        self.counters.ready.set(0);
        self.healthy.swap(false, Ordering::AcqRel)
    }

    /// Whether it says that it will not become ready.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn set_failed(&self, start: u64, failed: bool) {
        let known = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == start {
            self.failed.store(failed, Ordering::Relaxed);
        }
    }

    /// Takes in a verdict of the probe about a start of it. Says whether anything a switch cares about changed.
    pub(crate) fn judge(
        &self,
        start: u64,
        healthy: bool,
        identity: Option<Identity>,
        detail: String,
    ) -> bool {
        let known = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != start {
            return false;
        }
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
        let judged_before = self.judged.swap(true, Ordering::AcqRel);
        changed |= !judged_before;
        let was_healthy = self.healthy.swap(healthy, Ordering::AcqRel);
        // The first verdict of all is no recovery: a gateway that starts must not starve its workers.
        if healthy && !was_healthy && judged_before {
            self.ready_at.store(now_millis(), Ordering::Relaxed);
        }
        changed |= was_healthy != healthy;
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
    pub(crate) fn failed(&self) -> bool {
        let opened = self.breaker.failed(now_millis());
        if opened {
            self.counters.ejections.inc();
        }
        opened
    }

    /// A request was answered; `true` when that ends its being set aside.
    pub(crate) fn succeeded(&self) -> bool {
        self.breaker.succeeded(now_millis)
    }
}

/// Milliseconds since the program first asked; never goes back, and is never 0.
pub(crate) fn now_millis() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
