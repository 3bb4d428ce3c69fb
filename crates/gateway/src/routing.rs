//! Which slot a request goes to: one table, swapped whole, read without a lock.
//!
//! A request reads the table, counts itself in, and reads the table again. When the live slot has changed between the
//! two it counts itself out and chooses again. Both sides use sequentially consistent operations, so after the driver
//! has swapped the table and looked at the old slot's count, every request on that slot is in the count: from then on
//! it only falls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use switch_core::Slot;

use crate::slot_pool::SlotPool;
use crate::worker::Worker;

/// The two slots, and which of them is live.
pub(crate) struct Routing {
    /// Attempt number times two, plus the live slot's index: one word says both, and changes with every switch.
    word: AtomicU64,
    slots: [Arc<SlotPool>; 2],
}

impl Routing {
    pub(crate) fn new(slots: [Arc<SlotPool>; 2], live: Slot, attempt: u64) -> Self {
        Self { word: AtomicU64::new(word(live, attempt)), slots }
    }

    pub(crate) fn slot(&self, slot: Slot) -> &Arc<SlotPool> {
        &self.slots[slot.index()]
    }

    pub(crate) fn live(&self) -> Slot {
        live_of(self.word.load(Ordering::SeqCst))
    }

    /// New requests go to `slot` as soon as this returns.
    pub(crate) fn route_to(&self, slot: Slot, attempt: u64) {
        self.word.store(word(slot, attempt), Ordering::SeqCst);
    }

    /// Counts a request in on the live slot, or on the one it names.
    pub(crate) fn admit(&self, named: Option<Slot>) -> Admission {
        loop {
            let before = self.word.load(Ordering::SeqCst);
            let pool = Arc::clone(self.slot(named.unwrap_or(live_of(before))));
            pool.enter();
            let admission = Admission { pool, attempt: before >> 1 };
            // Bounded by the number of switches that happen during this loop.
            if named.is_some() || self.word.load(Ordering::SeqCst) == before {
                return admission;
            }
        }
    }
}

fn word(live: Slot, attempt: u64) -> u64 {
    (attempt << 1) | live.index() as u64
}

fn live_of(word: u64) -> Slot {
    if word & 1 == 0 { Slot::Blue } else { Slot::Green }
}

/// A request counted in on a slot; counted out when dropped, however the request ends.
pub(crate) struct Admission {
    pub pool: Arc<SlotPool>,
    /// The attempt that made the slot live.
    pub attempt: u64,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.pool.leave();
    }
}

/// A request counted in on a worker; counted out when dropped.
pub(crate) struct Assignment {
    pub worker: Arc<Worker>,
}

impl Assignment {
    pub(crate) fn new(worker: &Arc<Worker>) -> Self {
        worker.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { worker: Arc::clone(worker) }
    }
}

impl Drop for Assignment {
    fn drop(&mut self) {
        self.worker.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::settings::Mismatch;

    fn routing() -> Arc<Routing> {
        let pool = |slot| Arc::new(SlotPool::new(slot, Vec::new(), Mismatch::Refuse));
        Arc::new(Routing::new([pool(Slot::Blue), pool(Slot::Green)], Slot::Blue, 0))
    }

    #[test]
    fn after_a_switch_the_old_slots_count_only_falls() {
        let routing = routing();
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (routing, stop) = (Arc::clone(&routing), Arc::clone(&stop));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        drop(routing.admit(None));
                    }
                })
            })
            .collect();
        for attempt in 1..2_000 {
            let old = routing.live();
            routing.route_to(old.other(), attempt);
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
        let admission = routing.admit(None);
        assert_eq!(routing.slot(Slot::Blue).in_flight(), 1);
        drop(admission);
        assert_eq!(routing.slot(Slot::Blue).in_flight(), 0);
    }
}
