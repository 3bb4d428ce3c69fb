//! The workers of one slot, and the count of answers running on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use serde_json::Value;
use switch_core::{Identity as SlotIdentity, Release, Slot, SlotReport};
use tokio::sync::Notify;

use crate::breaker::State;
use crate::identity::Identity;
use crate::routing::Assignment;
use crate::settings::{Balance, Mismatch};
use crate::worker::{Worker, now_millis};

/// How long a drain waits for news before it looks at the count itself.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Where requests are answered that this process does not carry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Elsewhere {
    /// In an old process that this one took over from.
    Predecessor,
    /// In old processes of the proxy that is driven.
    Driven,
}

/// One slot as the request path sees it.
pub(crate) struct SlotPool {
    pub slot: Slot,
    members: ArcSwap<Members>,
    in_flight: AtomicU64,
    /// By [`Elsewhere`].
    elsewhere: [AtomicU64; 2],
    draining: AtomicBool,
    emptied: Notify,
    expected: ArcSwapOption<Release>,
    /// Its workers are to be stopped until they are woken.
    asleep: AtomicBool,
    turn: AtomicUsize,
}

/// The workers of a slot, and how its requests are spread over them.
pub(crate) struct Members {
    pub workers: Vec<Arc<Worker>>,
    pub mismatch: Mismatch,
    pub balance: Balance,
}

/// What choosing a worker came to.
pub(crate) enum Chosen {
    /// The worker's number in the slot, and the request counted in on it.
    Worker(usize, Assignment),
    /// Every worker that could answer has as many requests as it may have.
    Busy,
    Nobody,
}

impl SlotPool {
    pub(crate) fn new(slot: Slot, members: Members) -> Self {
        Self {
            slot,
            members: ArcSwap::from_pointee(members),
            in_flight: AtomicU64::new(0),
            elsewhere: Default::default(),
            draining: AtomicBool::new(false),
            emptied: Notify::new(),
            expected: ArcSwapOption::empty(),
            asleep: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
        }
    }

    /// The workers of this moment.
    pub(crate) fn members(&self) -> Arc<Members> {
        self.members.load_full()
    }

    /// New requests go to these workers from now on; running ones finish where they are.
    pub(crate) fn set_members(&self, members: Members) {
        self.members.store(Arc::new(members));
    }

    /// Requests being answered, here and elsewhere.
    pub(crate) fn in_flight(&self) -> u64 {
        let counts = std::iter::once(&self.in_flight).chain(&self.elsewhere);
        counts.map(|count| count.load(Ordering::SeqCst)).sum()
    }

    /// What others still answer; the count only falls while the slot is drained.
    pub(crate) fn set_elsewhere(&self, whose: Elsewhere, in_flight: u64) {
        if let Some(count) = self.elsewhere.get(whose as usize) {
            count.store(in_flight, Ordering::SeqCst);
        }
        if in_flight == 0 {
            self.emptied.notify_one();
        }
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

    /// Whether its workers are to be stopped until they are woken: then nobody is alarmed that they do not answer.
    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }

    pub(crate) fn set_asleep(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::Relaxed);
    }

    /// What the slot was recorded to serve; only the live slot is held to it.
    pub(crate) fn expect(&self, release: Option<Release>) {
        self.expected.store(release.map(Arc::new));
    }

    pub(crate) fn expected(&self) -> Option<Arc<Release>> {
        self.expected.load_full()
    }

    /// Chooses a worker that may serve and is not in `tried` (one bit per worker), and counts the request in on it.
    pub(crate) fn choose(&self, tried: u64, conversation: Option<u64>) -> Chosen {
        let members = self.members.load();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut busy = false;
        // nginx: when every server is set aside, they are tried all the same, rather than answering nobody.
        for last_resort in [false, true] {
            for backup in [false, true] {
                let chosen = members.pick(turn, tried, conversation, &mut busy, |worker| {
                    worker.is_backup() == backup
                        && (last_resort || worker.breaker.lets_through(now_millis()))
                });
                if let Some((index, worker)) = chosen {
                    let trial = worker.breaker.state(now_millis()) == State::HalfOpen
                        && worker.breaker.begin_trial();
                    return Chosen::Worker(index, Assignment::new(worker, trial));
                }
            }
            if busy {
                return Chosen::Busy;
            }
        }
        Chosen::Nobody
    }

    /// Whether a request would find a worker, now or as soon as one is no longer full.
    pub(crate) fn can_serve(&self) -> bool {
        let members = self.members.load();
        members.workers.iter().any(|worker| members.is_servable(worker))
    }

    /// Whether every worker's probes have reached a verdict.
    pub(crate) fn is_judged(&self) -> bool {
        self.members.load().enabled().all(|worker| worker.is_judged())
    }

    /// What the switch is told: proven workers, and what they agree to serve.
    pub(crate) fn report(&self) -> SlotReport {
        let mut ready = 0;
        let mut silent = false;
        let mut releases: Vec<Release> = Vec::new();
        let members = self.members.load();
        for worker in members.enabled().filter(|worker| worker.is_healthy()) {
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
        let total = u32::try_from(members.enabled().count()).unwrap_or(u32::MAX);
        SlotReport { ready, total, judged: self.is_judged(), identity }
    }

    /// The word for `status`.
    pub(crate) fn state(&self) -> &'static str {
        let members = self.members.load();
        let count =
            |state: &str| members.enabled().filter(|worker| worker.state() == state).count();
        let ready = count("ready");
        if members.enabled().next().is_none() {
            "empty"
        } else if self.is_asleep() {
            "asleep"
        } else if ready == members.enabled().count() {
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

    /// The word for one of its workers in `status`.
    pub(crate) fn state_of(&self, worker: &Worker) -> &'static str {
        match worker.state() {
            "down" | "unproven" if self.is_asleep() => "asleep",
            state => state,
        }
    }

    /// A ready worker's `/health`, whole; null while none has answered.
    pub(crate) fn health(&self) -> Value {
        self.identity().map_or(Value::Null, |identity| identity.health.clone())
    }

    /// What a ready worker serves.
    pub(crate) fn release(&self) -> Option<Release> {
        self.identity().and_then(|identity| identity.release.clone())
    }

    /// Who a ready worker says it is; one that serves what is recorded, if there is one.
    pub(crate) fn identity(&self) -> Option<Arc<Identity>> {
        let members = self.members.load();
        let workers = &members.workers;
        let ready = workers.iter().find(|worker| worker.is_healthy() && !worker.is_mismatch());
        ready
            .or_else(|| workers.iter().find(|worker| worker.is_healthy()))
            .and_then(|worker| worker.identity())
    }
}

impl Members {
    /// Among equals they are taken in turn, by weight, so that one worker does not get every quiet moment.
    fn pick(
        &self,
        turn: usize,
        tried: u64,
        conversation: Option<u64>,
        busy: &mut bool,
        may: impl Fn(&Worker) -> bool,
    ) -> Option<(usize, &Arc<Worker>)> {
        let mut candidates = 0_u64;
        for (index, worker) in self.workers.iter().enumerate() {
            if tried & (1 << index) != 0 || !self.is_servable(worker) || !may(worker) {
                continue;
            }
            if worker.is_full() {
                *busy = true;
                continue;
            }
            candidates |= 1 << index;
        }
        let alone = candidates.is_power_of_two();
        let mut best: Option<((u64, u64), usize, &Arc<Worker>)> = None;
        for (index, worker) in self.workers.iter().enumerate() {
            if candidates & (1 << index) == 0 {
                continue;
            }
            if alone {
                return Some((index, worker));
            }
            let cost = match self.balance {
                Balance::RoundRobin => (0, self.distance(turn, index, candidates)),
                Balance::LeastInFlight | Balance::Conversation => {
                    (self.cost(worker, conversation), self.distance(turn, index, candidates))
                }
            };
            if best.is_none_or(|(least, ..)| cost < least) {
                best = Some((cost, index, worker));
            }
        }
        best.map(|(_, index, worker)| (index, worker))
    }

    /// In turn, by weight: each candidate (one bit each) has as many places in a circle as its weight, and a turn goes to
    /// the worker that has its place.
    fn distance(&self, turn: usize, index: usize, candidates: u64) -> u64 {
        let weights = || {
            self.workers.iter().enumerate().map(|(index, worker)| match candidates & (1 << index) {
                0 => 0,
                _ => worker.weight(now_millis).div_ceil(1000),
            })
        };
        let circle: u64 = weights().sum::<u64>().max(1);
        // A stride coprime to most circles keeps a heavy worker's places from following each other.
        let place = (turn as u64).wrapping_mul(7_919) % circle;
        let first: u64 = weights().take(index).sum();
        let last = first + weights().nth(index).unwrap_or(1);
        if (first..last).contains(&place) { 0 } else { (first + circle - place) % circle }
    }

    /// The least is taken.
    fn cost(&self, worker: &Worker, conversation: Option<u64>) -> u64 {
        match (self.balance, conversation) {
            // Rendezvous hashing (Thaler and Ravishankar 1998), weighted: when a worker comes or goes, only its own
            // conversations move.
            (Balance::Conversation, Some(number)) => {
                let drawn = crate::canary::mixed(number ^ worker.hash);
                // A logarithm of a number in (0, 1], turned around so that the least wins.
                let unit = (drawn >> 11) as f64 / (1u64 << 53) as f64;
                let score = -(unit.max(f64::MIN_POSITIVE)).ln() / worker.weight(now_millis) as f64;
                (score * 1e12) as u64
            }
            (Balance::LeastInFlight | Balance::RoundRobin | Balance::Conversation, _) => {
                let running = u64::from(worker.in_flight.load(Ordering::Relaxed));
                running.saturating_mul(1_000_000) / worker.weight(now_millis).max(1)
            }
        }
    }

    fn is_servable(&self, worker: &Worker) -> bool {
        worker.is_healthy()
            && !worker.is_disabled()
            && (!worker.is_mismatch() || self.mismatch == Mismatch::LastResort && !self.has_match())
    }

    fn has_match(&self) -> bool {
        self.workers
            .iter()
            .any(|worker| worker.is_healthy() && !worker.is_disabled() && !worker.is_mismatch())
    }

    /// The workers that the operator has not disabled.
    fn enabled(&self) -> impl Iterator<Item = &Arc<Worker>> {
        self.workers.iter().filter(|worker| !worker.is_disabled())
    }
}

#[cfg(test)]
impl SlotPool {
    /// A slot with one worker that is always ready, for tests of what is above it.
    pub(crate) fn always_ready(slot: Slot, mismatch: Mismatch) -> Self {
        let metrics = telemetry::gateway::GatewayMetrics::new(&["blue", "green"]).unwrap();
        let passive = crate::settings::Passive::default();
        let settings =
            crate::settings::WorkerSettings::plain("127.0.0.1:1", ([127, 0, 0, 1], 1).into());
        let worker = Worker::new(slot, settings, &passive, Duration::ZERO, &metrics);
        worker.judge(0, true, None, String::new());
        let workers = vec![Arc::new(worker)];
        Self::new(slot, Members { workers, mismatch, balance: Balance::LeastInFlight })
    }
}
