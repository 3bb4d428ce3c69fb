//! Limits: requests a period, and tokens a minute, for each address, user or key.
//!
//! Requests are counted by governor (GCRA). Tokens are known only when the answer is complete, so they are charged
//! afterwards: a caller may go into debt with one answer, and the debt holds up the next request.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock, Reference as _};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};

use crate::bounded_store::BoundedStore;

/// Callers remembered for each limit, unless the limit says otherwise.
pub const DEFAULT_CALLERS: usize = 65_536;
const MINUTE: Duration = Duration::from_secs(60);

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    /// The client's address; of IPv6 addresses, the /64 network, which one household has to itself.
    Address,
    /// The user a token names.
    User,
    /// The API key.
    Key,
}

/// So many requests a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    pub count: NonZeroU32,
    pub period: Duration,
    /// How many may come at once.
    pub burst: NonZeroU32,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub name: String,
    pub per: Per,
    pub requests: Option<Requests>,
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Callers that are remembered at most; beyond, the one that is nearest to a whole allowance is forgotten.
    pub callers: usize,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Requests,
    Tokens,
}

/// Where a caller stands with one count of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub unit: Unit,
    /// The whole allowance.
    pub limit: u32,
    /// What is left of it now.
    pub remaining: u32,
    /// Until the allowance is whole again.
    pub reset: Duration,
}

/// The caller has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    pub standing: Standing,
    /// Until the next request will be let through, if nobody else comes before.
    pub retry_after: Duration,
}

/// Where a caller stands with both counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standings {
    pub requests: Option<Standing>,
    pub tokens: Option<Standing>,
}

/// Holds callers to one limit. Callers in different parts of its memory do not wait for each other.
pub struct Limiter<C: Clock = MonotonicClock> {
    pub limit: Limit,
    requests: Option<RequestCount<C>>,
    tokens: Option<Ledger>,
    clock: C,
    start: C::Instant,
    hasher: RandomState,
}

type Governor<C> = RateLimiter<u64, BoundedStore, C, StateInformationMiddleware>;

struct RequestCount<C: Clock> {
    governor: Governor<C>,
    store: BoundedStore,
    burst: u32,
    /// Time in which one request of the allowance comes back.
    every: Duration,
}

impl Limiter {
    /// A limiter with nobody in it.
    pub fn new(limit: Limit) -> Self {
        Self::with_clock(limit, MonotonicClock)
    }
}

impl<C: Clock + Clone> Limiter<C> {
    /// A limiter whose time is that of `clock`.
    pub fn with_clock(limit: Limit, clock: C) -> Self {
        let requests = limit.requests.map(|requests| {
            let every = (requests.period / requests.count.get()).max(Duration::from_nanos(1));
            // Such a period is not zero, which is the only one that is refused.
            let quota = Quota::with_period(every).unwrap_or(Quota::per_second(requests.count));
            let store = BoundedStore::new(limit.callers);
            let quota = quota.allow_burst(requests.burst);
            RequestCount {
                governor: Governor::new(quota, store.clone(), clock.clone()),
                store,
                burst: requests.burst.get(),
                every,
            }
        });
        let tokens = limit.tokens_per_minute.map(|tokens| Ledger::new(tokens, limit.callers));
        let start = clock.now();
        Self { limit, requests, tokens, clock, start, hasher: RandomState::new() }
    }

    /// The caller's place in this limiter's memory. The same for the same caller, in this process only.
    pub fn caller(&self, caller: impl Hash) -> u64 {
        self.hasher.hash_one(caller)
    }

    /// Lets a request through, or says how long to wait. A caller in debt for tokens waits, and the request is not
    /// counted.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn admit(&self, caller: u64) -> Result<Standings, Exceeded> {
        let tokens = match &self.tokens {
            Some(ledger) => Some(ledger.standing(caller, self.now())?),
            None => None,
        };
        let Some(count) = &self.requests else {
            return Ok(Standings { requests: None, tokens });
        };
        let standing = |remaining: u32, reset: Duration| Standing {
            unit: Unit::Requests,
            limit: count.burst,
            remaining,
            reset,
        };
        match count.governor.check_key(&caller) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity().min(count.burst);
                let requests = Some(standing(remaining, count.every * (count.burst - remaining)));
                Ok(Standings { requests, tokens })
            }
            Err(not_until) => {
                let retry_after = not_until.wait_time_from(self.clock.now());
                let reset = retry_after + count.every * (count.burst - 1);
                Err(Exceeded { standing: standing(0, reset), retry_after })
            }
        }
    }

    /// Charges a caller for the tokens of a finished answer.
    pub fn charge(&self, caller: u64, tokens: u64) {
        if let Some(ledger) = &self.tokens {
            ledger.charge(caller, tokens, self.now());
        }
    }

    /// Forgets callers whose allowance is whole.
    pub fn forget_idle(&self) {
        let now = self.now();
        if let Some(count) = &self.requests {
            count.store.forget_idle(now);
        }
        if let Some(ledger) = &self.tokens {
            ledger.store.forget_idle(now);
        }
    }

    /// How many callers are remembered.
    pub fn callers(&self) -> usize {
        self.requests.as_ref().map_or(0, |count| count.store.len())
            + self.tokens.as_ref().map_or(0, |ledger| ledger.store.len())
    }

    /// Nanoseconds since the limiter began.
    fn now(&self) -> u64 {
        self.clock.now().duration_since(self.start).as_u64()
    }
}

/// Tokens of the last minute, as a bucket that refills evenly and may be overdrawn.
struct Ledger {
    per_minute: NonZeroU32,
    /// For each caller, when the bucket will be full again, in nanoseconds.
    store: BoundedStore,
}

impl Ledger {
    fn new(per_minute: NonZeroU32, callers: usize) -> Self {
        Self { per_minute, store: BoundedStore::new(callers) }
    }

    /// Nanoseconds in which `tokens` come back.
    fn time_for(&self, tokens: u64) -> u64 {
        let time = u128::from(tokens) * MINUTE.as_nanos() / u128::from(self.per_minute.get());
        // A debt of more than an hour is forgiven down to an hour: one answer must not shut a team out for a day.
        time.min(60 * MINUTE.as_nanos()) as u64
    }

    fn standing(&self, caller: u64, now: u64) -> Result<Standing, Exceeded> {
        let minute = MINUTE.as_nanos() as u64;
        let limit = self.per_minute.get();
        let until_full = self.store.get(caller).map_or(0, |full| full.saturating_sub(now));
        let left = u128::from(minute.saturating_sub(until_full)) * u128::from(limit);
        let standing = Standing {
            unit: Unit::Tokens,
            limit,
            remaining: (left / u128::from(minute)) as u32,
            reset: Duration::from_nanos(until_full),
        };
        if standing.remaining > 0 {
            return Ok(standing);
        }
        // Until one token is left.
        let wait = (until_full + self.time_for(1)).saturating_sub(minute).max(1);
        Err(Exceeded { standing, retry_after: Duration::from_nanos(wait) })
    }

    fn charge(&self, caller: u64, tokens: u64, now: u64) {
        if tokens == 0 {
            return;
        }
        let hour = 60 * MINUTE.as_nanos() as u64;
        let charged = self.store.update(caller, |full| {
            let full = full.unwrap_or(0).max(now) + self.time_for(tokens);
            Ok::<_, std::convert::Infallible>(((), full.min(now + hour)))
        });
        match charged {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
}

/// The part of an address that stands for one client.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn some(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    fn limiter(limit: Limit) -> (Limiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limiter::with_clock(limit, clock.clone()), clock)
    }

    fn requests(count: u32, period: Duration, burst: u32) -> Limit {
        Limit {
            name: "requests".to_owned(),
            per: Per::Address,
            requests: Some(Requests { count: some(count), period, burst: some(burst) }),
            tokens_per_minute: None,
            callers: 1024,
        }
    }

    fn tokens(per_minute: u32) -> Limit {
        let tokens_per_minute = Some(some(per_minute));
        Limit { requests: None, tokens_per_minute, ..requests(1, SECOND, 1) }
    }

    #[test]
    fn a_burst_is_let_through_then_one_each_time_its_share_comes_back() {
        let (limiter, clock) = limiter(requests(60, MINUTE, 3));
        let caller = limiter.caller("ada");
        for left in [2, 1, 0] {
            let standing = limiter.admit(caller).unwrap().requests.unwrap();
            assert_eq!((standing.limit, standing.remaining), (3, left));
            assert_eq!(standing.reset, SECOND * (3 - left));
        }
        let exceeded = limiter.admit(caller).unwrap_err();
        assert_eq!(exceeded.retry_after, SECOND);
        assert_eq!(exceeded.standing.remaining, 0);
        assert!(limiter.admit(limiter.caller("bob")).is_ok(), "callers are counted apart");
        clock.advance(SECOND);
        assert!(limiter.admit(caller).is_ok());
        assert!(limiter.admit(caller).is_err());
    }

    #[test]
    fn tokens_are_charged_afterwards_and_a_debt_holds_up_the_next_request() {
        let (limiter, clock) = limiter(tokens(600));
        let caller = limiter.caller("ada");
        let standing = limiter.admit(caller).unwrap().tokens.unwrap();
        assert_eq!(
            (standing.limit, standing.remaining, standing.reset),
            (600, 600, Duration::ZERO)
        );
        limiter.charge(caller, 200);
        assert_eq!(limiter.admit(caller).unwrap().tokens.unwrap().remaining, 400);
        // One answer may take more than is left.
        limiter.charge(caller, 500);
        let exceeded = limiter.admit(caller).unwrap_err();
        assert_eq!(exceeded.standing.unit, Unit::Tokens);
        assert_eq!(exceeded.standing.remaining, 0);
        // 100 in debt and one to have: 101 tokens at 10 a second.
        assert_eq!(exceeded.retry_after, Duration::from_millis(10_100));
        clock.advance(Duration::from_secs(10));
        assert!(limiter.admit(caller).is_err());
        clock.advance(Duration::from_millis(100));
        assert_eq!(limiter.admit(caller).unwrap().tokens.unwrap().remaining, 1);
        clock.advance(MINUTE);
        assert_eq!(limiter.admit(caller).unwrap().tokens.unwrap().remaining, 600);
    }

    #[test]
    fn a_debt_ends_within_an_hour_whatever_the_worker_claims() {
        let (limiter, clock) = limiter(tokens(1));
        let caller = limiter.caller("ada");
        limiter.charge(caller, u64::MAX);
        limiter.charge(caller, u64::MAX);
        assert!(limiter.admit(caller).unwrap_err().retry_after <= 60 * MINUTE);
        clock.advance(60 * MINUTE);
        assert!(limiter.admit(caller).is_ok());
    }

    #[test]
    fn a_caller_in_debt_does_not_use_up_requests() {
        let both = Limit { tokens_per_minute: Some(some(60)), ..requests(1, MINUTE, 1) };
        let (limiter, clock) = limiter(both);
        let caller = limiter.caller("ada");
        limiter.charge(caller, 65);
        assert_eq!(limiter.admit(caller).unwrap_err().standing.unit, Unit::Tokens);
        clock.advance(SECOND * 6);
        let standings = limiter.admit(caller).unwrap();
        assert_eq!(standings.requests.unwrap().remaining, 0);
        assert_eq!(limiter.admit(caller).unwrap_err().standing.unit, Unit::Requests);
    }

    #[test]
    fn memory_is_bounded_and_those_who_owe_most_are_remembered() {
        let few = Limit { callers: 512, ..requests(1, MINUTE, 2) };
        let (limiter, clock) = limiter(few);
        let heavy = limiter.caller("heavy");
        limiter.admit(heavy).unwrap();
        limiter.admit(heavy).unwrap();
        for other in 0..10_000 {
            let _ = limiter.admit(limiter.caller(other));
            assert!(limiter.callers() <= 512);
        }
        assert!(limiter.admit(heavy).is_err());
        clock.advance(2 * MINUTE);
        limiter.forget_idle();
        assert_eq!(limiter.callers(), 0);
    }

    #[test]
    fn one_household_is_one_address() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8:1:2:a::1"), address("2001:db8:1:2:ffff::9"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
        assert_ne!(address("10.0.0.1"), address("10.0.0.2"));
    }
}
