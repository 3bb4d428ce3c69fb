//! One task for each worker (or for all of a slot that are started together): brings it into the mode that was
//! recorded, and starts it again when it has ended by itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use switch_core::{Mode, Timestamp};
use switch_journal::{Note, Who};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::state::{Stage, all_reached};
use super::{Driver, DriverError, Found, Order, SlotStandby, Stopped};
use crate::driver::Message;
use crate::events;
use crate::shared::Shared;

/// What ran for so long has not failed at its start: the pauses begin anew.
const STABLE: Duration = Duration::from_secs(60);

/// Keeps what one driver starts.
pub(super) struct Keeper {
    standby: Arc<SlotStandby>,
    /// Which of the slot's posts it has.
    index: usize,
    driver: Box<dyn Driver>,
    orders: watch::Receiver<Order>,
    shared: Shared,
    news: mpsc::Sender<Message>,
}

/// Why a keeper leaves an order alone.
enum Done {
    /// There is a newer one.
    Newer,
    /// Nobody can give one any more.
    Gone,
}

impl Keeper {
    pub(super) fn new(
        standby: Arc<SlotStandby>,
        index: usize,
        driver: Box<dyn Driver>,
        shared: Shared,
        news: mpsc::Sender<Message>,
    ) -> Self {
        let orders = standby.orders.subscribe();
        Self { standby, index, driver, orders, shared, news }
    }

    /// Runs until nobody can give orders any more. What was started lives on.
    pub(super) async fn run(mut self) {
        loop {
            let order = *self.orders.borrow_and_update();
            let done = if order.asked || self.driver.starts_unasked() {
                self.keep(order).await
            } else {
                self.wait().await
            };
            if let Done::Gone = done {
                return;
            }
        }
    }

    async fn wait(&mut self) -> Done {
        match self.orders.changed().await {
            Ok(()) => Done::Newer,
            Err(_) => Done::Gone,
        }
    }

    /// Carries an order out, and keeps it so until there is a newer one.
    async fn keep(&mut self, order: Order) -> Done {
        let restart = self.standby.rule.restart;
        let (mut pause, mut tries) = (restart.first, 0);
        loop {
            let how = match self.reach(order).await {
                Ok(()) if order.mode == Mode::Asleep => {
                    self.reached(order);
                    return self.wait().await;
                }
                Ok(()) => {
                    self.reached(order);
                    let began = Instant::now();
                    let how = tokio::select! {
                        done = wait(&mut self.orders) => return done,
                        how = self.driver.ended() => how,
                    };
                    if began.elapsed() >= STABLE {
                        (pause, tries) = (restart.first, 0);
                    }
                    how
                }
                // What cannot be started at all is not tried again by itself; what ran already is.
                Err(error) if tries > 0 => error.to_string(),
                Err(error) => {
                    self.failed(order, error);
                    return self.wait().await;
                }
            };
            self.forget("it has ended").await;
            tries += 1;
            if tries > restart.most {
                let cause = format!("it has ended {tries} times in a row: {how}");
                let hint = self.look_at_log();
                self.failed(order, DriverError { cause, hint });
                return self.wait().await;
            }
            self.starts_again(order, &how, tries, pause);
            tokio::select! {
                done = wait(&mut self.orders) => return done,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(restart.longest);
        }
    }

    async fn reach(&mut self, order: Order) -> Result<(), DriverError> {
        match self.driver.find().await? {
            Found::Runs(mode) if mode == order.mode => return Ok(()),
            Found::Stopped => {}
            Found::Runs(_) | Found::Stopping => {
                self.under_way(order, "is being stopped");
                let stopped = self.driver.stop().await;
                self.forget("it was stopped").await;
                self.stopped(stopped?);
            }
        }
        if order.mode == Mode::Asleep {
            return Ok(());
        }
        self.under_way(order, "is being started");
        // Nothing that was known of the last one holds for the next.
        self.forget("it is being started").await;
        let told = self.driver.start(order.mode).await?;
        self.tell(&told);
        Ok(())
    }

    /// The workers have to prove themselves anew, and get no requests before.
    async fn forget(&self, why: &str) {
        let (_, names) = &self.standby.posts[self.index];
        for worker in &self.shared.routing.slot(self.standby.slot).members().workers {
            if names.contains(&worker.name) && worker.forget(why) {
                let news = Message::WorkerChanged { worker: Arc::clone(worker), mismatch: false };
                // A driver that is gone needs no news.
                let _ = self.news.send(news).await;
            }
        }
    }

    fn show(&self, order: Order, stage: Stage, detail: Option<String>, hint: Option<String>) {
        self.standby.shown[self.index].show(order, stage, detail, hint);
    }

    /// The worker, or all of them.
    fn name(&self) -> String {
        self.standby.posts[self.index].1.join(", ")
    }

    fn under_way(&self, order: Order, what: &str) {
        self.show(order, Stage::UnderWay, Some(format!("{} {what}", self.name())), None);
    }

    fn reached(&self, order: Order) {
        self.show(order, Stage::Reached, None, None);
        // Once for each order, however many keepers carry it out.
        if all_reached(&self.standby, order)
            && self.standby.counted.fetch_max(order.number, Ordering::Relaxed) < order.number
        {
            self.count(order, "done");
        }
    }

    fn count(&self, order: Order, outcome: &str) {
        let (slot, mode) = (self.standby.slot.as_str(), order.mode.as_str());
        self.shared.metrics.mode_change(slot, mode, outcome);
    }

    fn failed(&self, order: Order, error: DriverError) {
        let DriverError { cause, hint } = error;
        let text = format!("{}: {cause}", self.name());
        tracing::error!(
            slot = %self.standby.slot, worker = self.name(), mode = %order.mode, cause, "the worker could not be brought into its mode"
        );
        self.show(order, Stage::Failed, Some(text.clone()), Some(hint));
        self.count(order, "failed");
        self.tell(&format!("could not be set to {}: {cause}", order.mode));
        self.note(text);
    }

    fn starts_again(&self, order: Order, how: &str, tries: u32, pause: Duration) {
        let slot = self.standby.slot;
        let pause = humantime::format_duration(pause);
        tracing::error!(%slot, worker = self.name(), how, tries, %pause, "a worker has ended by itself: it is started again");
        let text =
            format!("{}: it has ended ({how}), and is started again in {pause}", self.name());
        let most = self.standby.rule.restart.most;
        let detail = format!("{text} (try {tries} of {most})");
        self.show(order, Stage::Restarting, Some(detail), Some(self.look_at_log()));
        for name in &self.standby.posts[self.index].1 {
            self.shared.metrics.worker_restarts(slot.as_str(), name).inc();
        }
        self.shared.events.tell("restart", text, Some(slot.as_str()), None);
    }

    fn look_at_log(&self) -> String {
        format!("read its log, correct the cause, then: switchctl wake {}", self.standby.slot)
    }

    fn tell(&self, what: &str) {
        let slot = self.standby.slot;
        tracing::info!(%slot, worker = self.name(), what, "standby");
        let text = format!("{} in {slot} {what}", self.name());
        self.shared.events.tell("standby", text, Some(slot.as_str()), None);
    }

    fn stopped(&self, how: Stopped) {
        match how {
            Stopped::ByItself => self.tell("is stopped"),
            Stopped::Killed { after } => {
                let after = humantime::format_duration(after);
                let what = format!("did not stop within {after} and was killed");
                self.tell(&what);
                self.note(format!("{} in {} {what}", self.name(), self.standby.slot));
            }
        }
    }

    /// What went otherwise than it should is found in `switchctl history --notes`.
    fn note(&self, text: String) {
        self.shared.journal.note_in_passing(Note {
            at: Timestamp(events::now()),
            kind: "worker".to_owned(),
            who: Who { name: "switchyard".to_owned(), uid: None, pid: None },
            text,
            detail: None,
        });
    }
}

async fn wait(orders: &mut watch::Receiver<Order>) -> Done {
    match orders.changed().await {
        Ok(()) => Done::Newer,
        Err(_) => Done::Gone,
    }
}
