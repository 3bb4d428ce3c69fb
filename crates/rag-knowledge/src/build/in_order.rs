//! Work done by several threads whose results are taken in the order of the items.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

/// Runs `work` on every item, `threads` at a time, and gives the results to `take` on this thread in
/// the order of the items. At most `ahead` items are worked on or waiting to be taken, so that memory
/// is bounded also when the first item takes longest. Stops at the first error of `take`.
pub(super) fn in_order<T: Sync, R: Send, E>(
    items: &[T],
    threads: usize,
    ahead: usize,
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(&T, R) -> Result<(), E>,
) -> Result<(), E> {
    let window = Window { state: Mutex::default(), moved: Condvar::new(), ahead: ahead.max(1) };
    let (send, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, items.len().max(1)) {
            let (send, window, work) = (send.clone(), &window, &work);
            scope.spawn(move || {
                while let Some((at, item)) =
                    window.next(items.len()).and_then(|at| Some((at, items.get(at)?)))
                {
                    if send.send((at, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        // Whatever happens here, a waiting thread must not wait for ever.
        let _open = CloseOnDrop(&window);
        let mut waiting = BTreeMap::new();
        for (at, item) in items.iter().enumerate() {
            let result = loop {
                if let Some(result) = waiting.remove(&at) {
                    break result;
                }
                // A thread that panicked makes the scope panic; nothing is lost in silence.
                let Ok((done, result)) = results.recv() else { return Ok(()) };
                waiting.insert(done, result);
            };
            take(item, result)?;
            window.taken();
        }
        Ok(())
    })
}

struct Window {
    state: Mutex<State>,
    moved: Condvar,
    ahead: usize,
}

#[derive(Default)]
struct State {
    next: usize,
    taken: usize,
    closed: bool,
}

impl Window {
    /// The next item to work on, when the window reaches it; nothing when there is none.
    fn next(&self, items: usize) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.closed && state.next < items && state.next >= state.taken + self.ahead {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed || state.next >= items {
            return None;
        }
        state.next += 1;
        Some(state.next - 1)
    }

    fn taken(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).taken += 1;
        self.moved.notify_all();
    }
}

struct CloseOnDrop<'a>(&'a Window);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.0.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::in_order;

    #[test]
    fn results_come_in_order_and_few_are_ahead() {
        let items: Vec<usize> = (0..200).collect();
        let (begun, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut order = Vec::new();
        let work = |item: &usize| {
            let ahead = begun.fetch_add(1, Ordering::SeqCst) + 1 - taken.load(Ordering::SeqCst);
            if item.is_multiple_of(7) {
                std::thread::yield_now();
            }
            (*item * 2, ahead)
        };
        in_order(&items, 4, 6, work, |item, (doubled, ahead)| {
            assert!(ahead <= 6, "{ahead} ahead");
            order.push((*item, doubled));
            taken.fetch_add(1, Ordering::SeqCst);
            Ok::<(), ()>(())
        })
        .unwrap();
        assert_eq!(order, items.iter().map(|i| (*i, i * 2)).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_ends_it() {
        let items: Vec<usize> = (0..1000).collect();
        let begun = AtomicUsize::new(0);
        let work = |_: &usize| begun.fetch_add(1, Ordering::SeqCst);
        let end =
            in_order(&items, 3, 4, work, |item, _| if *item == 5 { Err("five") } else { Ok(()) });
        assert_eq!(end, Err("five"));
        assert!(begun.load(Ordering::SeqCst) <= 5 + 4 + 1);
    }
}
