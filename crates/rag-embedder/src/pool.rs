//! A few loaded copies of a model, lent out one at a time.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Values that can be used by one caller at a time. There are as many as were put in at the start;
/// a caller who finds none waits.
pub(crate) struct Pool<T> {
    idle: Mutex<Vec<T>>,
    returned: Condvar,
    size: usize,
}

impl<T> Pool<T> {
    /// As many values as `threads`, at least one, that `load` makes.
    pub(crate) fn loaded<E>(threads: usize, load: impl FnMut() -> Result<T, E>) -> Result<Self, E> {
        let size = threads.max(1);
        let values = std::iter::repeat_with(load).take(size).collect::<Result<_, E>>()?;
        Ok(Self { idle: Mutex::new(values), returned: Condvar::new(), size })
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

impl<T: Send> Pool<T> {
    /// What `work` makes of each item, in their order: one after the other with one value, at the same time
    /// with several. Nothing when a thread stopped early.
    ///
    /// # Errors
    /// The first error of `work`; then nothing new is begun.
    pub(crate) fn map<I: Sync, O: Send, E: Send>(
        &self,
        items: &[I],
        work: impl Fn(&mut T, &I) -> Result<O, E> + Sync,
    ) -> Result<Option<Vec<O>>, E> {
        let threads = self.size.min(items.len());
        if threads <= 1 {
            let mut value = self.borrow();
            return items.iter().map(|item| work(&mut value, item).map(Some)).collect();
        }
        let slots: Vec<Mutex<Option<Result<O, E>>>> =
            items.iter().map(|_| Mutex::new(None)).collect();
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut value = self.borrow();
                    while !failed.load(Ordering::Relaxed) {
                        let position = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(item), Some(slot)) = (items.get(position), slots.get(position))
                        else {
                            break;
                        };
                        let made = work(&mut value, item);
                        failed.fetch_or(made.is_err(), Ordering::Relaxed);
                        if let Ok(mut slot) = slot.lock() {
                            *slot = Some(made);
                        }
                    }
                });
            }
        });
        // Items are begun in their order, so that an error stands before all that was not begun.
        slots.into_iter().map(|slot| slot.into_inner().ok().flatten().transpose()).collect()
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
