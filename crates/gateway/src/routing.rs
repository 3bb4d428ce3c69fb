//! Which slot a request goes to: one table, swapped whole, read without a lock.
//!
//! A request reads the table, counts itself in, and reads the table's epoch again. When it has changed between the two
//! the request counts itself out and chooses again. Both sides use sequentially consistent operations, so after the
//! driver has swapped the table and looked at the old slot's count, every request on that slot is in the count: from
//! then on it only falls.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use http::HeaderMap;
use serde_json::Value;
use switch_core::{Canary, Slot};

use crate::canary::Tried;
use crate::slot_pool::SlotPool;
use crate::worker::Worker;

/// The two slots, and which requests go where.
pub(crate) struct Routing {
    /// The table's number: changes with every table.
    epoch: AtomicU64,
    table: ArcSwap<Table>,
    slots: [Arc<SlotPool>; 2],
}

/// Where new requests go.
struct Table {
    epoch: u64,
    live: Slot,
    /// The attempt that led here.
    attempt: u64,
    canary: Option<Tried>,
    /// The slot on which conversations stay although it is no longer live.
    pinned: Option<Slot>,
}

/// What a request is routed by.
pub(crate) struct Asked<'a> {
    pub headers: &'a HeaderMap,
    pub path: &'a str,
    pub client: Option<IpAddr>,
    /// The claims of the caller's verified token.
    pub claims: Option<&'a Value>,
    /// The slot the caller has named, and may name.
    pub named: Option<Slot>,
    /// A number that is the same for every request of one conversation.
    pub conversation: Option<u64>,
    /// The slot on which the conversation began.
    pub home: Option<Slot>,
}

/// Why a request went to its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Live,
    Canary,
    Conversation,
    Named,
}

impl Routing {
    pub(crate) fn new(
        slots: [Arc<SlotPool>; 2],
        live: Slot,
        attempt: u64,
        canary: Option<&Canary>,
        pinned: Option<Slot>,
    ) -> Self {
        let canary = canary.map(Tried::new);
        let table = Table { epoch: 0, live, attempt, canary, pinned };
        Self { epoch: AtomicU64::new(0), table: ArcSwap::from_pointee(table), slots }
    }

    pub(crate) fn slot(&self, slot: Slot) -> &Arc<SlotPool> {
        &self.slots[slot.index()]
    }

    pub(crate) fn live(&self) -> Slot {
        self.table.load().live
    }

    /// New requests go by this as soon as it returns. One caller at a time: the driver.
    pub(crate) fn route_to(
        &self,
        live: Slot,
        attempt: u64,
        canary: Option<&Canary>,
        pinned: Option<Slot>,
    ) {
        self.swap(Table { epoch: 0, live, attempt, canary: canary.map(Tried::new), pinned });
    }

    /// Conversations no longer stay on the slot they began on.
    pub(crate) fn unpin(&self) {
        let table = self.table.load_full();
        let canary = table.canary.clone();
        self.swap(Table {
            epoch: 0,
            live: table.live,
            attempt: table.attempt,
            canary,
            pinned: None,
        });
    }

    fn swap(&self, mut table: Table) {
        table.epoch = self.epoch.load(Ordering::SeqCst).wrapping_add(1);
        let epoch = table.epoch;
        self.table.store(Arc::new(table));
        self.epoch.store(epoch, Ordering::SeqCst);
    }

    /// Counts a request in on the slot it goes to.
    pub(crate) fn admit(&self, asked: &Asked<'_>) -> Admission {
        loop {
            let epoch = self.epoch.load(Ordering::SeqCst);
            let table = self.table.load();
            if table.epoch != epoch {
                // Between the two stores of `swap`.
                std::hint::spin_loop();
                continue;
            }
            let (slot, way) = self.choose(&table, asked);
            let pool = Arc::clone(self.slot(slot));
            pool.enter();
            // Bounded by the number of switches that happen during this loop.
            if way == Way::Named || self.epoch.load(Ordering::SeqCst) == epoch {
                return Admission { pool, attempt: table.attempt, way };
            }
            pool.leave();
        }
    }

    fn choose(&self, table: &Table, asked: &Asked<'_>) -> (Slot, Way) {
        if let Some(slot) = asked.named {
            return (slot, Way::Named);
        }
        if table.canary.is_none() && table.pinned.is_none() {
            return (table.live, Way::Live);
        }
        let tried = table.canary.as_ref();
        // A slot that cannot serve gets nothing that the live slot could answer.
        let fit = |slot: Slot| self.slot(slot).can_serve();
        if let Some(tried) = tried
            && tried.names(asked)
            && fit(tried.slot)
        {
            return (tried.slot, Way::Canary);
        }
        if let Some(home) = asked.home {
            let open = home == table.live
                || table.pinned == Some(home)
                || tried.is_some_and(|tried| tried.slot == home);
            if open && (home == table.live || fit(home)) {
                return (home, Way::Conversation);
            }
            return (table.live, Way::Live);
        }
        match tried {
            Some(tried) if tried.draws(asked.conversation) && fit(tried.slot) => {
                (tried.slot, Way::Canary)
            }
            Some(_) | None => (table.live, Way::Live),
        }
    }
}

/// A request counted in on a slot; counted out when dropped, however the request ends.
pub(crate) struct Admission {
    pub pool: Arc<SlotPool>,
    /// The attempt that led to the table in force.
    pub attempt: u64,
    pub way: Way,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.pool.leave();
    }
}

/// A request counted in on a worker; counted out when dropped.
pub(crate) struct Assignment {
    pub worker: Arc<Worker>,
    /// It is the one request that a half open breaker lets through.
    trial: bool,
}

impl Assignment {
    pub(crate) fn new(worker: &Arc<Worker>, trial: bool) -> Self {
        worker.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { worker: Arc::clone(worker), trial }
    }
}

impl Drop for Assignment {
    fn drop(&mut self) {
        self.worker.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.trial {
            self.worker.breaker.end_trial();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::AtomicBool;

    use switch_core::{Rule, Share};

    use super::*;
    use crate::settings::Mismatch;

    pub(crate) fn plain(headers: &HeaderMap) -> Asked<'_> {
        Asked {
            headers,
            path: "/",
            client: None,
            claims: None,
            named: None,
            conversation: None,
            home: None,
        }
    }

    fn routing() -> Arc<Routing> {
        let pool = |slot| Arc::new(SlotPool::always_ready(slot, Mismatch::Refuse));
        let slots = [pool(Slot::Blue), pool(Slot::Green)];
        Arc::new(Routing::new(slots, Slot::Blue, 0, None, None))
    }

    fn canary(thousandths: u16, rules: Vec<Rule>) -> Canary {
        let share = Share::per_mille(thousandths).unwrap();
        Canary { slot: Slot::Green, share, rules, release: None }
    }

    #[test]
    fn after_the_swap_the_old_slots_count_only_falls() {
        let routing = routing();
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (routing, stop) = (Arc::clone(&routing), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let headers = HeaderMap::new();
                    while !stop.load(Ordering::Relaxed) {
                        drop(routing.admit(&plain(&headers)));
                    }
                })
            })
            .collect();
        for attempt in 1..2_000 {
            let old = routing.live();
            routing.route_to(old.other(), attempt, None, None);
            let mut before = routing.slot(old).in_flight();
            // A request may count itself in and find the table changed; it was never admitted.
            for _ in 0..50 {
                let now = routing.slot(old).in_flight();
                assert!(now <= before.max(4));
                before = now;
            }
        }
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().unwrap();
        }
        assert_eq!(routing.slot(Slot::Blue).in_flight() + routing.slot(Slot::Green).in_flight(), 0);
    }

    #[test]
    fn a_request_is_counted_out_however_it_ends() {
        let routing = routing();
        let headers = HeaderMap::new();
        let admission = routing.admit(&plain(&headers));
        assert_eq!(routing.slot(Slot::Blue).in_flight(), 1);
        drop(admission);
        assert_eq!(routing.slot(Slot::Blue).in_flight(), 0);
    }

    #[test]
    fn a_canary_gets_its_share_to_the_thousandth() {
        let headers = HeaderMap::new();
        for thousandths in [0, 1, 50, 333, 1000] {
            let routing = routing();
            routing.route_to(Slot::Blue, 1, Some(&canary(thousandths, Vec::new())), None);
            let tried =
                (0..10_000).filter(|_| routing.admit(&plain(&headers)).way == Way::Canary).count();
            assert_eq!(tried, usize::from(thousandths) * 10, "{thousandths} thousandths");
        }
    }

    #[test]
    fn a_conversation_stays_where_it_began() {
        let routing = routing();
        let headers = HeaderMap::new();
        let ask = |conversation, home| {
            let asked = Asked { conversation: Some(conversation), home, ..plain(&headers) };
            routing.admit(&asked).pool.slot
        };
        routing.route_to(Slot::Blue, 1, Some(&canary(300, Vec::new())), None);
        // Without a known home the number decides, the same way every time.
        let first: Vec<Slot> = (0..200).map(|number| ask(number, None)).collect();
        let again: Vec<Slot> = (0..200).map(|number| ask(number, None)).collect();
        assert_eq!(first, again);
        assert!(first.contains(&Slot::Green) && first.contains(&Slot::Blue));
        // A larger share takes more, and takes none back.
        routing.route_to(Slot::Blue, 2, Some(&canary(600, Vec::new())), None);
        for (number, before) in (0..200).zip(first) {
            if before == Slot::Green {
                assert_eq!(ask(number, None), Slot::Green, "conversation {number}");
            }
        }
        // What began on blue stays there during the canary, and after the promotion while blue is pinned.
        assert_eq!(ask(7, Some(Slot::Blue)), Slot::Blue);
        routing.route_to(Slot::Green, 3, None, Some(Slot::Blue));
        assert_eq!(ask(7, Some(Slot::Blue)), Slot::Blue);
        assert_eq!(ask(8, None), Slot::Green);
        routing.unpin();
        assert_eq!(ask(7, Some(Slot::Blue)), Slot::Green);
    }

    #[test]
    fn rules_choose_the_canary_whatever_the_share() {
        let routing = routing();
        let rule = Rule::Header { name: "x-team".into(), value: "qa".into() };
        routing.route_to(Slot::Blue, 1, Some(&canary(0, vec![rule])), None);
        let mut headers = HeaderMap::new();
        assert_eq!(routing.admit(&plain(&headers)).way, Way::Live);
        headers.insert("x-team", http::HeaderValue::from_static("qa"));
        assert_eq!(routing.admit(&plain(&headers)).way, Way::Canary);
    }
}
