//! How far the workers of a slot have come into its mode, as operators see it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use switch_core::Mode;

use super::{Order, SlotStandby};
use crate::slot_pool::SlotPool;

/// How far one keeper has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was asked for.
    #[default]
    Left,
    UnderWay,
    Reached,
    /// It has ended by itself, and is started again after a pause.
    Restarting,
    Failed,
}

/// What one keeper shows.
#[derive(Default)]
pub(super) struct Shown(Mutex<Now>);

#[derive(Clone, Default)]
struct Now {
    /// The number of the order it is about.
    order: u64,
    stage: Stage,
    detail: Option<String>,
    hint: Option<String>,
}

impl Shown {
    pub(super) fn show(
        &self,
        order: Order,
        stage: Stage,
        detail: Option<String>,
        hint: Option<String>,
    ) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Now { order: order.number, stage, detail, hint };
    }

    fn now(&self, order: Order) -> Now {
        let now = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if now.order == order.number {
            return now;
        }
        let stage = if order.asked { Stage::UnderWay } else { Stage::Left };
        Now { order: order.number, stage, detail: None, hint: None }
    }

    /// Whether the order was carried out.
    pub(super) fn has_reached(&self, order: Order) -> bool {
        self.now(order).stage == Stage::Reached
    }
}

/// The whole slot, for `status`.
pub(super) fn told(standby: &SlotStandby, pool: &SlotPool) -> switch_api::Standby {
    let order = *standby.orders.borrow();
    let keepers: Vec<Now> = standby.shown.iter().map(|shown| shown.now(order)).collect();
    let any = |stage: Stage| keepers.iter().any(|now| now.stage == stage);
    let ready = pool.state() == "ready";
    let mut detail: Vec<String> = keepers.iter().filter_map(|now| now.detail.clone()).collect();
    let mut hint = keepers.iter().find_map(|now| now.hint.clone());
    let state = if any(Stage::Failed) {
        "failed"
    } else if any(Stage::Restarting) {
        "restarting"
    } else if order.mode == Mode::Asleep {
        if any(Stage::UnderWay) { "stopping" } else { "asleep" }
    } else if any(Stage::UnderWay) {
        "waking"
    } else if any(Stage::Left) {
        "left"
    } else if ready || standby.awake.load(Ordering::Relaxed) == order.number {
        "awake"
    } else {
        let members = pool.members();
        let failed = members.workers.iter().filter(|worker| worker.has_failed());
        let failed: Vec<String> =
            failed.map(|worker| format!("{}: {}", worker.name, worker.detail())).collect();
        let state = if failed.is_empty() { "waking" } else { "failed" };
        if state == "failed" {
            hint = Some(format!(
                "correct the cause, then: switchctl sleep {slot} && switchctl wake {slot}",
                slot = standby.slot
            ));
        }
        detail.extend(failed);
        state
    };
    switch_api::Standby {
        mode: order.mode.as_str().to_owned(),
        state: state.to_owned(),
        driver: standby.rule.driver.as_str().to_owned(),
        detail,
        hint,
    }
}

/// Shared by the keepers of a slot.
pub(super) fn all_reached(standby: &Arc<SlotStandby>, order: Order) -> bool {
    standby.shown.iter().all(|shown| shown.has_reached(order))
}
