//! How many walks there may be at once, and the memory each of them is lent.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::graph::Memory;

/// So many memories, lent to one search at a time; further searches wait for one.
pub(crate) struct Memories {
    free: Mutex<Vec<Memory>>,
    returned: Condvar,
}

impl Memories {
    pub(crate) fn new(count: usize) -> Self {
        let free = std::iter::repeat_with(Memory::default).take(count).collect();
        Self { free: Mutex::new(free), returned: Condvar::new() }
    }

    /// Gives one to `search`, as soon as there is one.
    pub(crate) fn lend<T>(&self, search: impl FnOnce(&mut Memory) -> T) -> T {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = loop {
            if let Some(memory) = free.pop() {
                break memory;
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        };
        drop(free);
        let mut lent = Lent { memory, of: self };
        search(&mut lent.memory)
    }
}

/// A memory that goes back, also when the search panics.
struct Lent<'a> {
    memory: Memory,
    of: &'a Memories,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        self.of.free.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        self.of.returned.notify_one();
    }
}
