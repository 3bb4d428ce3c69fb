//! Every answer that is running, so that a drain can be watched, and ended at a deadline.
//!
//! A request writes itself into one of many shards, each behind a lock that is held for some nanoseconds and almost
//! never met by another thread; nobody holds one while waiting for anything.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use http::{HeaderValue, Method, Uri};
use slab::Slab;
use switch_core::Slot;
use tokio::sync::Notify;

use crate::worker::Worker;

const SHARDS: usize = 64;

/// What runs, and the connections it runs on.
pub(crate) struct Running {
    turn: AtomicUsize,
    answers: Vec<Mutex<Slab<Arc<Answer>>>>,
    connections: Vec<Mutex<HashMap<SocketAddr, Arc<Notify>>>>,
}

/// One answer that is running.
pub(crate) struct Answer {
    pub started: Instant,
    pub slot: Slot,
    pub worker: ArcSwapOption<Worker>,
    pub request_id: Option<HeaderValue>,
    /// The other end of the connection, which is the client or a proxy in front.
    pub peer: Option<SocketAddr>,
    pub client: Option<IpAddr>,
    pub method: Method,
    pub target: Uri,
    pub bytes: AtomicU64,
}

impl Running {
    pub(crate) fn new() -> Self {
        Self {
            turn: AtomicUsize::new(0),
            answers: (0..SHARDS).map(|_| Mutex::default()).collect(),
            connections: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Notes an answer until the entry is dropped.
    pub(crate) fn enter(self: &Arc<Self>, answer: Answer) -> Entry {
        let shard = self.turn.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let answer = Arc::new(answer);
        let key = locked(&self.answers, shard).insert(Arc::clone(&answer));
        Entry { shard, key, answer, running: Arc::clone(self) }
    }

    /// Notes a connection until the entry is dropped; the entry says when it must end.
    pub(crate) fn connect(self: &Arc<Self>, peer: SocketAddr) -> Connection {
        let cut = Arc::new(Notify::new());
        locked(&self.connections, usize::from(peer.port())).insert(peer, Arc::clone(&cut));
        Connection { peer, cut, running: Arc::clone(self) }
    }

    /// The answers running on a slot, the oldest first.
    pub(crate) fn on(&self, slot: Slot) -> Vec<Arc<Answer>> {
        let mut found: Vec<Arc<Answer>> = Vec::new();
        for index in 0..SHARDS {
            let answers = locked(&self.answers, index);
            found.extend(
                answers
                    .iter()
                    .map(|(_, answer)| answer)
                    .filter(|answer| answer.slot == slot)
                    .cloned(),
            );
        }
        found.sort_by_key(|answer| answer.started);
        found
    }

    /// Ends the connections of everything that runs on a slot. Gives how many answers that were.
    pub(crate) fn cut(&self, slot: Slot) -> usize {
        let answers = self.on(slot);
        for peer in answers.iter().filter_map(|answer| answer.peer) {
            if let Some(cut) = locked(&self.connections, usize::from(peer.port())).get(&peer) {
                cut.notify_one();
            }
        }
        answers.len()
    }
}

fn locked<T>(shards: &[Mutex<T>], key: usize) -> std::sync::MutexGuard<'_, T> {
    // A thread that panicked in here left a whole value: each change is one call.
    shards[key % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer that is running; forgotten when dropped.
pub(crate) struct Entry {
    shard: usize,
    key: usize,
    pub answer: Arc<Answer>,
    running: Arc<Running>,
}

impl Entry {
    pub(crate) fn add(&self, bytes: u64) {
        self.answer.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        locked(&self.running.answers, self.shard).remove(self.key);
    }
}

/// A connection; forgotten when dropped.
pub(crate) struct Connection {
    peer: SocketAddr,
    cut: Arc<Notify>,
    running: Arc<Running>,
}

impl Connection {
    /// Completes when the connection must end.
    pub(crate) async fn must_end(&self) {
        self.cut.notified().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut connections = locked(&self.running.connections, usize::from(self.peer.port()));
        // The address may belong to a newer connection already.
        if connections.get(&self.peer).is_some_and(|cut| Arc::ptr_eq(cut, &self.cut)) {
            connections.remove(&self.peer);
        }
    }
}
