//! A circuit breaker per worker, with nginx's `max_fails` and `fail_timeout` as its numbers.
//!
//! ```text
//!            max_fails failures within fail_timeout          fail_timeout is over
//!   closed ───────────────────────────────────────► open ─────────────────────────► half open
//!     ▲                                               ▲                                 │
//!     └───────────── the one trial succeeds ──────────┼─────────────────────────────────┤
//!                                                     └──────── the one trial fails ────┘
//! ```

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::settings::Passive;

/// Decides whether requests go through. Every moment is an argument, in milliseconds, and none is 0.
#[derive(Debug)]
pub(crate) struct Breaker {
    max_fails: AtomicU32,
    window: AtomicU64,
    fails: AtomicU32,
    first_fail: AtomicU64,
    /// 0 while closed.
    open_until: AtomicU64,
    /// A trial is under way.
    trial: AtomicBool,
    closed_at: AtomicU64,
}

/// What a breaker does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Closed,
    Open,
    HalfOpen,
}

impl State {
    /// The word for `status`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl Breaker {
    pub(crate) fn new(passive: &Passive) -> Self {
        Self {
            max_fails: AtomicU32::new(passive.max_fails),
            window: AtomicU64::new(millis(passive.fail_timeout)),
            fails: AtomicU32::new(0),
            first_fail: AtomicU64::new(0),
            open_until: AtomicU64::new(0),
            trial: AtomicBool::new(false),
            closed_at: AtomicU64::new(0),
        }
    }

    /// Takes over changed numbers; what was counted stays.
    pub(crate) fn set(&self, passive: &Passive) {
        self.max_fails.store(passive.max_fails, Ordering::Relaxed);
        self.window.store(millis(passive.fail_timeout), Ordering::Relaxed);
    }

    pub(crate) fn state(&self, now: u64) -> State {
        match self.open_until.load(Ordering::Acquire) {
            0 => State::Closed,
            until if now < until => State::Open,
            _ => State::HalfOpen,
        }
    }

    /// Whether a request may go through: always while closed, one at a time while half open.
    pub(crate) fn lets_through(&self, now: u64) -> bool {
        match self.state(now) {
            State::Closed => true,
            State::Open => false,
            State::HalfOpen => !self.trial.load(Ordering::Acquire),
        }
    }

    /// Takes the one trial of a half open breaker. `false` when another request was faster.
    pub(crate) fn begin_trial(&self) -> bool {
        !self.trial.swap(true, Ordering::AcqRel)
    }

    /// A trial ended, whatever came of it.
    pub(crate) fn end_trial(&self) {
        self.trial.store(false, Ordering::Release);
    }

    /// Counts a failed request; `true` when that opens the breaker.
    pub(crate) fn failed(&self, now: u64) -> bool {
        let max_fails = self.max_fails.load(Ordering::Relaxed);
        let window = self.window.load(Ordering::Relaxed);
        if max_fails == 0 {
            return false;
        }
        if self.state(now) != State::HalfOpen {
            let first = self.first_fail.load(Ordering::Acquire);
            if now.saturating_sub(first) > window || self.fails.load(Ordering::Acquire) == 0 {
                self.first_fail.store(now, Ordering::Release);
                self.fails.store(0, Ordering::Release);
            }
            if self.fails.fetch_add(1, Ordering::AcqRel) + 1 < max_fails {
                return false;
            }
        }
        self.fails.store(0, Ordering::Release);
        self.open_until.store(now.saturating_add(window), Ordering::Release);
        true
    }

    /// A request was answered: failures before it no longer count. `true` when that closes the breaker.
    pub(crate) fn succeeded(&self, now: impl Fn() -> u64) -> bool {
        if self.fails.load(Ordering::Relaxed) != 0 {
            self.fails.store(0, Ordering::Release);
        }
        if self.open_until.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let now = now();
        // Answers to requests from before it opened prove nothing.
        if self.state(now) != State::HalfOpen {
            return false;
        }
        self.open_until.store(0, Ordering::Release);
        self.closed_at.store(now, Ordering::Release);
        true
    }

    /// When it closed last; 0 when it never opened.
    pub(crate) fn closed_at(&self) -> u64 {
        self.closed_at.load(Ordering::Relaxed)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(max_fails: u32) -> Breaker {
        Breaker::new(&Passive { max_fails, fail_timeout: Duration::from_millis(100) })
    }

    #[test]
    fn failures_within_the_window_open_it_and_one_trial_closes_it() {
        let breaker = breaker(2);
        assert!(!breaker.failed(1_000));
        assert!(breaker.failed(1_050));
        assert_eq!(breaker.state(1_100), State::Open);
        assert!(!breaker.lets_through(1_100));
        assert!(!breaker.succeeded(|| 1_100), "an old answer proves nothing");
        assert_eq!(breaker.state(1_150), State::HalfOpen);
        assert!(breaker.lets_through(1_150) && breaker.begin_trial());
        assert!(!breaker.lets_through(1_150) && !breaker.begin_trial());
        assert!(breaker.succeeded(|| 1_160));
        breaker.end_trial();
        assert_eq!((breaker.state(1_160), breaker.closed_at()), (State::Closed, 1_160));
    }

    #[test]
    fn a_failed_trial_opens_it_again_for_as_long() {
        let breaker = breaker(1);
        assert!(breaker.failed(1_000));
        assert!(breaker.failed(1_200), "one failure is enough while half open");
        breaker.end_trial();
        assert_eq!((breaker.state(1_299), breaker.state(1_300)), (State::Open, State::HalfOpen));
    }

    #[test]
    fn failures_far_apart_and_failures_with_successes_between_do_not_count() {
        let two = breaker(2);
        assert!(!two.failed(1_000) && !two.failed(1_200));
        two.succeeded(|| 1_210);
        assert!(!two.failed(1_220));
        assert!(!breaker(0).failed(1), "0 never opens");
    }
}
