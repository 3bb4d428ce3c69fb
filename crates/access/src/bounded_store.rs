//! Remembers how far ahead of time each caller is, for a bounded number of callers, in parts with a lock each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;

/// Callers in different parts never wait for each other.
const PARTS: usize = 64;

/// A caller, as the hash of what names it. 64 bits with a secret seed: two callers are one by accident only.
pub(crate) type CallerHash = u64;

/// One time for each caller: when its allowance will be whole again. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct BoundedStore {
    parts: Arc<[Mutex<HashMap<CallerHash, u64>>]>,
    most_in_a_part: usize,
}

impl BoundedStore {
    /// Room for about `most` callers.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            most_in_a_part: most.div_ceil(PARTS).max(1),
        }
    }

    fn part(&self, caller: CallerHash) -> MutexGuard<'_, HashMap<CallerHash, u64>> {
        // The lock is held for a few instructions, never across a wait.
        self.parts[caller as usize % PARTS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caller's time, in nanoseconds; `None` for one that is not remembered.
    pub(crate) fn get(&self, caller: CallerHash) -> Option<u64> {
        self.part(caller).get(&caller).copied()
    }

    /// Replaces the caller's time. When its part is full, the caller who would be forgotten soonest goes.
    pub(crate) fn update<T, E>(
        &self,
        caller: CallerHash,
        change: impl FnOnce(Option<u64>) -> Result<(T, u64), E>,
    ) -> Result<T, E> {
        let mut part = self.part(caller);
        let known = part.get(&caller).copied();
        let (result, time) = change(known)?;
        if known.is_none() && part.len() >= self.most_in_a_part {
            let soonest = part.iter().min_by_key(|(_, time)| **time).map(|(caller, _)| *caller);
            soonest.map(|caller| part.remove(&caller));
        }
        part.insert(caller, time);
        Ok(result)
    }

    /// Forgets callers whose allowance is whole at `now`: for them, nothing changes.
    pub(crate) fn forget_idle(&self, now: u64) {
        for part in self.parts.iter() {
            part.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, time| *time > now);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.parts
            .iter()
            .map(|part| part.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }
}

impl StateStore for BoundedStore {
    type Key = CallerHash;

    fn measure_and_replace<T, F, E>(&self, key: &CallerHash, change: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.update(*key, |known| {
            change(known.map(Nanos::new)).map(|(result, time)| (result, time.as_u64()))
        })
    }
}
