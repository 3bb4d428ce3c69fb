//! A few loaded copies of a model, lent out one at a time.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};

/// Values that can be used by one caller at a time. There are as many as were put in at the start;
/// a caller who finds none waits.
pub(crate) struct Pool<T> {
    idle: Mutex<Vec<T>>,
    returned: Condvar,
    size: usize,
}

impl<T> Pool<T> {
    pub(crate) fn new(values: Vec<T>) -> Self {
        let size = values.len();
        Self { idle: Mutex::new(values), returned: Condvar::new(), size }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Waits for a value; it goes back on drop.
    pub(crate) fn borrow(&self) -> Borrowed<'_, T> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(value) = idle.pop() {
                return Borrowed { pool: self, value: Some(value) };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

pub(crate) struct Borrowed<'a, T> {
    pool: &'a Pool<T>,
    value: Option<T>,
}

impl<T> Deref for Borrowed<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("a borrowed value is there until drop")
    }
}

impl<T> DerefMut for Borrowed<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("a borrowed value is there until drop")
    }
}

impl<T> Drop for Borrowed<'_, T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(value);
            self.pool.returned.notify_one();
        }
    }
}
