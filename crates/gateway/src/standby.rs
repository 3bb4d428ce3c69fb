//! What starts and stops the workers of a slot: the switch has decided and recorded in which mode they are to be, and
//! here they are brought into it and kept in it.
//!
//! Each worker has a keeper (`keeper.rs`), a task that hears the newest order for its slot and asks a driver to start
//! and stop: processes of the gateway, units of systemd, or commands of the user's. What a driver has started lives on
//! when the gateway ends, however it ends; the next gateway finds it again.

mod command;
mod keeper;
pub(crate) mod note;
mod process;
mod record;
mod state;
mod systemd;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use switch_core::{Mode, Slot};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::driver::Message;
use crate::settings::{Place, Settings, Standby as Rule, StandbyDriver, places};
use crate::shared::Shared;
use crate::slot_pool::SlotPool;
use keeper::Keeper;
use note::Recorded;
use state::Shown;

/// Starts and stops one worker, or all of a slot at once.
#[async_trait]
trait Driver: Send + Sync {
    /// What is there now.
    async fn find(&mut self) -> Result<Found, DriverError>;

    /// Starts what [`find`](Self::find) says is stopped. What it gives is told to operators.
    async fn start(&mut self, mode: Mode) -> Result<String, DriverError>;

    /// Stops what is there, and returns when it is gone.
    async fn stop(&mut self) -> Result<Stopped, DriverError>;

    /// Completes with a sentence when what was started has ended by itself. Never, where somebody else looks after that.
    async fn ended(&mut self) -> String {
        std::future::pending().await
    }

    /// Whether workers are started that no operator has asked for: where nobody else would.
    fn starts_unasked(&self) -> bool {
        false
    }
}

/// What a driver found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Stopped,
    Runs(Mode),
    /// It was told to stop and has not ended.
    Stopping,
}

/// How a worker came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    ByItself,
    Killed { after: Duration },
}

/// Why a worker was not started or stopped.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
struct DriverError {
    cause: String,
    hint: String,
}

/// What the keepers of a slot are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    mode: Mode,
    /// Grows with each order.
    number: u64,
    /// Whether it was recorded: otherwise it is only what holds where nobody has said anything.
    asked: bool,
}

/// Both slots.
pub(crate) struct Standby {
    slots: [Option<Arc<SlotStandby>>; 2],
    /// Where processes are written down.
    directory: PathBuf,
    keepers: Mutex<Vec<JoinHandle<()>>>,
}

/// One slot whose workers are started and stopped.
struct SlotStandby {
    slot: Slot,
    rule: Rule,
    /// For each keeper, where its driver acts and the workers that this concerns, by name.
    posts: Vec<(Place, Vec<String>)>,
    orders: watch::Sender<Order>,
    shown: Vec<Shown>,
    /// The last order whose outcome was counted.
    counted: AtomicU64,
    /// The last order after which every worker was ready.
    awake: AtomicU64,
}

impl Standby {
    /// Nothing is started before [`begin`](Self::begin).
    pub(crate) fn new(settings: &Settings, recorded: &Recorded) -> Self {
        let slots = Slot::ALL.map(|slot| {
            let typed = &settings.slots[slot.index()];
            let rule = typed.standby.clone()?;
            let posts = posts(&rule.driver, places(slot, &typed.workers));
            let mode = recorded.modes[slot.index()];
            let (asked, mode) = (mode.is_some(), mode.unwrap_or_default());
            let order = Order { mode, number: 1, asked };
            Some(Arc::new(SlotStandby {
                slot,
                rule,
                shown: posts.iter().map(|_| Shown::default()).collect(),
                posts,
                orders: watch::Sender::new(order),
                counted: AtomicU64::new(1),
                awake: AtomicU64::new(0),
            }))
        });
        let directory = settings.state.with_file_name("workers");
        Self { slots, directory, keepers: Mutex::default() }
    }

    /// Why a slot cannot be brought into a mode: the setting that is missing.
    pub(crate) fn missing_setting(&self, slot: Slot, mode: Mode) -> Option<String> {
        let Some(standby) = &self.slots[slot.index()] else {
            return Some(format!("slots.{slot}.standby"));
        };
        let missing = standby.rule.driver.missing_for_cpu().filter(|_| mode == Mode::Cpu);
        missing.map(|key| format!("slots.{slot}.standby.{key}"))
    }

    /// The workers of a slot that are started and stopped here, by address as written, sorted.
    pub(crate) fn workers(&self, slot: Slot) -> Option<Vec<&str>> {
        let standby = self.slots[slot.index()].as_ref()?;
        let mut names: Vec<&str> =
            standby.posts.iter().flat_map(|(_, names)| names).map(String::as_str).collect();
        names.sort_unstable();
        Some(names)
    }

    /// From now on this process starts and stops workers.
    pub(crate) fn begin(&self, shared: &Shared, driver: &mpsc::Sender<Message>) {
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        for standby in self.slots.iter().flatten() {
            for index in 0..standby.posts.len() {
                let hands = self.driver(standby, index, shared);
                let keeper =
                    Keeper::new(Arc::clone(standby), index, hands, shared.clone(), driver.clone());
                keepers.push(tokio::spawn(keeper.run()));
            }
        }
    }

    /// Nothing is started or stopped from now on: another process may do so. What was begun is found as it is by it.
    pub(crate) async fn pause(&self) {
        let keepers =
            std::mem::take(&mut *self.keepers.lock().unwrap_or_else(PoisonError::into_inner));
        for keeper in &keepers {
            keeper.abort();
        }
        for keeper in keepers {
            // It ends at its next wait; the error says only that it was told to.
            let _ = keeper.await;
        }
    }

    /// The recorded mode of a slot is another one.
    pub(crate) fn set(&self, slot: Slot, mode: Mode) {
        if let Some(standby) = &self.slots[slot.index()] {
            standby.orders.send_modify(|order| {
                *order = Order { mode, number: order.number + 1, asked: true };
            });
        }
    }

    /// For which slots somebody has asked for a mode, in the order of [`Slot::ALL`].
    pub(crate) fn asked(&self) -> [bool; 2] {
        [&self.slots[0], &self.slots[1]]
            .map(|standby| standby.as_ref().is_some_and(|standby| standby.orders.borrow().asked))
    }

    /// Every worker of a slot is ready.
    pub(crate) fn is_awake(&self, slot: Slot) {
        if let Some(standby) = &self.slots[slot.index()] {
            let order = *standby.orders.borrow();
            if state::all_reached(standby, order) {
                standby.awake.fetch_max(order.number, Ordering::Relaxed);
            }
        }
    }

    /// For `status`; `None` for a slot whose workers are not started and stopped here.
    pub(crate) fn told(&self, pool: &SlotPool) -> Option<switch_api::Standby> {
        Some(state::told(self.slots[pool.slot.index()].as_ref()?, pool))
    }

    fn driver(&self, standby: &SlotStandby, index: usize, shared: &Shared) -> Box<dyn Driver> {
        let (place, names) = standby.posts[index].clone();
        match &standby.rule.driver {
            StandbyDriver::Process { .. } => {
                let members = shared.routing.slot(standby.slot).members();
                let worker = members.workers.iter().find(|worker| names.contains(&worker.name));
                let address = worker.map(|worker| worker.address);
                Box::new(process::Process::new(&self.directory, &standby.rule, place, address))
            }
            StandbyDriver::Systemd { .. } => Box::new(systemd::Systemd::new(&standby.rule, &place)),
            StandbyDriver::Command { .. } => Box::new(command::Commands::new(&standby.rule, place)),
        }
    }
}

/// Workers for which a driver would do the very same are one post.
fn posts(driver: &StandbyDriver, places: Vec<Place>) -> Vec<(Place, Vec<String>)> {
    let same = |place: &Place| match driver {
        StandbyDriver::Process { .. } => vec![vec![place.worker.clone()]],
        StandbyDriver::Systemd { unit, .. } => vec![vec![place.fill(unit, None)]],
        StandbyDriver::Command { start, stop, status, .. } => {
            [start, stop, status].map(|texts| place.fill_all(texts, None)).into()
        }
    };
    let mut posts: Vec<(Place, Vec<String>)> = Vec::new();
    for place in places {
        let name = place.worker.clone();
        match posts.iter_mut().find(|(known, _)| same(known) == same(&place)) {
            Some((_, names)) => names.push(name),
            None => posts.push((place, vec![name])),
        }
    }
    posts
}
