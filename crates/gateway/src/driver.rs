//! The one task that owns the switch: hears of probes, operators and timers, and carries out effects in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switch_api::{Drain, Outcome, SlotStatus, Status, WorkerStatus};
use switch_core::{
    Attempt, Decision, Effect, Event, Kind, News, Phase, Refusal, Slot, Switch, Timestamp,
};
use switch_journal::{JournalError, Outcome as Noted, Who};
use telemetry::gateway::GatewayMetrics;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::events::{self, Events};
use crate::journal_desk::JournalDesk;
use crate::routing::Routing;
use crate::worker::Worker;

/// News for the driver.
pub(crate) enum Message {
    WorkerChanged { worker: Arc<Worker>, mismatch: bool },
    Ask(Ask),
    Status { reply: oneshot::Sender<Status> },
    Recorded { attempt: Attempt, result: Result<(), RecordError> },
    Drained { attempt: Attempt },
}

/// Where an operator waits for the outcome.
pub(crate) type Reply = oneshot::Sender<Result<Outcome, No>>;

/// An operator's wish.
pub(crate) struct Ask {
    pub event: Event,
    pub who: Who,
    pub dry_run: bool,
    pub wait_drained: bool,
    pub reply: Reply,
}

/// Why an operator's wish was not carried out.
#[derive(Debug)]
pub(crate) enum No {
    Refused(Refusal),
    /// The decision could not be written: traffic stayed where it was.
    NotRecorded {
        stays: Slot,
        cause: RecordError,
    },
    /// Too many operators are waiting for a drain.
    Busy,
}

/// Why a decision is not on disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{0}")]
    Slow(&'static str),
    #[error("the state file's thread has ended")]
    Gone,
}

/// How many operators may wait for a drain at once.
const MAX_WAITING: usize = 256;

/// The driver's belongings.
pub(crate) struct Driver {
    pub switch: Switch,
    pub routing: Arc<Routing>,
    pub metrics: Arc<GatewayMetrics>,
    pub events: Events,
    pub journal: JournalDesk,
    pub inbox: mpsc::Receiver<Message>,
    pub own: mpsc::Sender<Message>,
    pub listen: SocketAddr,
    asked: Option<Asked>,
    drain: Option<AbortHandle>,
    waiting: Vec<(Attempt, Outcome, Reply)>,
    cause: Option<RecordError>,
}

/// The wish whose decision is being recorded.
struct Asked {
    accepted: Instant,
    who: Who,
    wait_drained: bool,
    effects: Vec<String>,
    reply: Reply,
}

impl Driver {
    pub(crate) fn new(
        switch: Switch,
        routing: Arc<Routing>,
        metrics: Arc<GatewayMetrics>,
        events: Events,
        journal: JournalDesk,
        (own, inbox): (mpsc::Sender<Message>, mpsc::Receiver<Message>),
        listen: SocketAddr,
    ) -> Self {
        Self {
            switch,
            routing,
            metrics,
            events,
            journal,
            inbox,
            own,
            listen,
            asked: None,
            drain: None,
            waiting: Vec::new(),
            cause: None,
        }
    }

    /// Runs until nobody can send it news any more.
    pub(crate) async fn run(mut self) {
        self.show_live();
        loop {
            let tick = match self.switch.next_wakeup() {
                Some(due) => Duration::from_millis(due.0.saturating_sub(events::now())),
                None => Duration::from_secs(3600),
            };
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.hear(message),
                    None => return,
                },
                () = tokio::time::sleep(tick) => self.tell(Event::Tick),
            }
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::WorkerChanged { worker, mismatch } => self.worker_changed(&worker, mismatch),
            Message::Ask(ask) => self.ask(ask),
            Message::Status { reply } => {
                let _ = reply.send(self.status());
            }
            Message::Recorded { attempt, result } => match result {
                Ok(()) => self.tell(Event::Recorded { attempt }),
                Err(error) => {
                    let cause = error.to_string();
                    self.cause = Some(error);
                    self.tell(Event::RecordFailed { attempt, cause });
                }
            },
            Message::Drained { attempt } => self.tell(Event::Drained { attempt }),
        }
    }

    fn worker_changed(&mut self, worker: &Worker, mismatch: bool) {
        let pool = Arc::clone(self.routing.slot(worker.slot));
        let slot = worker.slot.as_str();
        self.events.tell(
            "worker",
            format!("{} in {slot} is {}", worker.name, worker.state()),
            Some(slot),
            None,
        );
        if mismatch {
            let label =
                |identity: Option<&str>| identity.unwrap_or("an unnamed release").to_owned();
            let serves = worker.identity();
            let serves = serves.as_ref().and_then(|identity| identity.release.as_ref());
            let recorded = pool.expected();
            let text = format!(
                "{} in {slot} serves {} instead of the recorded {}",
                worker.name,
                label(serves.map(|release| release.label.as_str())),
                label(recorded.as_ref().map(|release| release.label.as_str())),
            );
            tracing::error!(
                slot,
                worker = worker.name,
                serves = serves.map_or("-", |release| release.fingerprint.as_str()),
                recorded = recorded.as_ref().map_or("-", |release| release.fingerprint.as_str()),
                "worker taken out: it does not serve the recorded release"
            );
            self.events.tell("mismatch", text, Some(slot), None);
        }
        let report = pool.report();
        if *self.switch.report(worker.slot) != report {
            let text = format!("{slot}: {} of {} workers ready", report.ready, report.total);
            self.tell(Event::Report { slot: worker.slot, report });
            self.events.tell("slot", text, Some(slot), None);
        }
    }

    fn ask(&mut self, ask: Ask) {
        let accepted = Instant::now();
        let now = Timestamp(events::now());
        // The reports were told as they changed; what the pools say this very moment is what counts.
        for slot in Slot::ALL {
            let report = self.routing.slot(slot).report();
            self.tell(Event::Report { slot, report });
        }
        let plan = match self.switch.plan(ask.event.clone(), now) {
            Ok(plan) => plan,
            Err(refusal) => {
                self.refused(&ask, &refusal);
                let _ = ask.reply.send(Err(No::Refused(refusal)));
                return;
            }
        };
        let effects: Vec<String> = plan.iter().map(ToString::to_string).collect();
        if ask.dry_run {
            let outcome = plan.iter().find_map(|effect| match effect {
                Effect::Record(decision) => Some(outcome(decision, effects.clone(), false)),
                Effect::RouteTo { .. }
                | Effect::Drain { .. }
                | Effect::Retire { .. }
                | Effect::Notify(_) => None,
            });
            let _ = ask.reply.send(outcome.ok_or(No::Busy));
            return;
        }
        if ask.wait_drained && self.waiting.len() >= MAX_WAITING {
            let _ = ask.reply.send(Err(No::Busy));
            return;
        }
        match self.switch.handle(ask.event, now) {
            Ok(todo) => {
                self.asked = Some(Asked {
                    accepted,
                    who: ask.who,
                    wait_drained: ask.wait_drained,
                    effects,
                    reply: ask.reply,
                });
                self.carry_out(todo);
            }
            // The plan was made a line above, from the same switch at the same moment.
            Err(refusal) => {
                let _ = ask.reply.send(Err(No::Refused(refusal)));
            }
        }
    }

    fn refused(&self, ask: &Ask, refusal: &Refusal) {
        let reason = refusal.reason();
        tracing::info!(who = ask.who.name, reason, %refusal, dry_run = ask.dry_run, "refused");
        if ask.dry_run {
            return;
        }
        self.events.tell("refused", format!("{}: {refusal}", ask.who.name), None, None);
        match &ask.event {
            Event::Promote { to, .. } => {
                let to = to.unwrap_or(self.switch.live().other());
                self.metrics.promotion(to.as_str(), "refused");
            }
            Event::Rollback { .. } => {
                self.metrics.rollback(self.switch.live().other().as_str(), "refused")
            }
            Event::Report { .. }
            | Event::Recorded { .. }
            | Event::RecordFailed { .. }
            | Event::Drained { .. }
            | Event::Tick => {}
        }
    }

    fn tell(&mut self, event: Event) {
        // Only operators are refused; news is taken in or ignored.
        if let Ok(effects) = self.switch.handle(event, Timestamp(events::now())) {
            self.carry_out(effects);
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Record(decision) => self.record(decision),
                Effect::RouteTo { attempt, slot, release } => {
                    let pool = self.routing.slot(slot);
                    self.routing.slot(slot.other()).expect(None);
                    pool.expect(release.clone());
                    for worker in self
                        .routing
                        .slot(Slot::Blue)
                        .workers
                        .iter()
                        .chain(&self.routing.slot(Slot::Green).workers)
                    {
                        worker.compare(self.routing.slot(worker.slot).expected().as_deref());
                    }
                    self.routing.route_to(slot, attempt.0);
                    self.show_live();
                }
                Effect::Drain { attempt, slot } => {
                    let pool = Arc::clone(self.routing.slot(slot));
                    let own = self.own.clone();
                    let drain = tokio::spawn(async move {
                        pool.drained().await;
                        let _ = own.send(Message::Drained { attempt }).await;
                    });
                    // A drain that this switch overtook would wait on a slot that is live again.
                    if let Some(overtaken) = self.drain.replace(drain.abort_handle()) {
                        overtaken.abort();
                    }
                }
                Effect::Retire { slot, .. } => {
                    tracing::info!(%slot, "slot retired: it is no longer kept for a rollback")
                }
                Effect::Notify(news) => self.notify(news),
            }
        }
    }

    fn record(&mut self, decision: Decision) {
        let attempt = decision.attempt;
        let who = self.asked.as_ref().map_or_else(
            || Who { name: "switchyard".to_owned(), uid: None, pid: None },
            |asked| asked.who.clone(),
        );
        tracing::info!(
            %attempt, kind = decision.kind.as_str(), from = %decision.from, to = %decision.to, who = who.name,
            forced = decision.forced, reason = decision.reason.as_deref().unwrap_or("-"), "recording a decision"
        );
        let handed_in = self.journal.record(decision, who, Timestamp(events::now()));
        let own = self.own.clone();
        tokio::spawn(async move {
            let result = match handed_in {
                Ok(answer) => match answer.await {
                    Ok(result) => result.map_err(RecordError::from),
                    Err(_) => Err(RecordError::Gone),
                },
                Err(slow) => Err(RecordError::Slow(slow)),
            };
            let _ = own.send(Message::Recorded { attempt, result }).await;
        });
    }

    fn notify(&mut self, news: News) {
        match news {
            News::Switched(decision) => self.switched(&decision),
            News::Stayed { decision, cause } => {
                let text = format!(
                    "{} stays live: attempt {} could not be recorded: {cause}",
                    decision.from, decision.attempt
                );
                tracing::error!(attempt = %decision.attempt, stays = %decision.from, cause, "decision not recorded, traffic stays");
                self.events.tell(
                    "stayed",
                    text,
                    Some(decision.from.as_str()),
                    Some(decision.attempt.0),
                );
                self.count(&decision, "failed");
                let cause = self.cause.take().unwrap_or(RecordError::Gone);
                if let Some(asked) = self.asked.take() {
                    let _ = asked.reply.send(Err(No::NotRecorded { stays: decision.from, cause }));
                }
            }
            News::Drained { attempt, slot } => {
                self.journal.finish(attempt, Noted::Drained);
                tracing::info!(%attempt, %slot, "slot drained");
                self.events.tell(
                    "drained",
                    format!("{slot} is drained"),
                    Some(slot.as_str()),
                    Some(attempt.0),
                );
                self.answer_waiting(|waiting| waiting == attempt, true);
            }
            News::Retired { attempt, slot } => {
                let text = format!("{slot} is no longer kept for a rollback");
                self.events.tell("retired", text, Some(slot.as_str()), Some(attempt.0));
            }
        }
    }

    fn switched(&mut self, decision: &Decision) {
        let attempt = decision.attempt;
        self.journal.finish(attempt, Noted::Routed);
        // A drain that this attempt overtook will not be heard of any more.
        self.answer_waiting(|waiting| waiting != attempt, false);
        let mut text = format!(
            "{} is live: {} by attempt {attempt}",
            decision.to,
            match decision.kind {
                Kind::Promote => "promoted",
                Kind::Rollback => "rolled back to",
            }
        );
        if let Some(reason) = &decision.reason {
            text.push_str(&format!(" ({reason})"));
        }
        self.events.tell("switched", text, Some(decision.to.as_str()), Some(attempt.0));
        self.count(decision, "done");
        let Some(asked) = self.asked.take() else { return };
        let took = asked.accepted.elapsed();
        tracing::info!(%attempt, live = %decision.to, took_us = took.as_micros(), "switched");
        let mut outcome = outcome(decision, asked.effects, true);
        outcome.took_ms = Some((took.as_secs_f64() * 1e6).round() / 1e3);
        outcome.drained =
            self.routing.slot(decision.from).in_flight() == 0 || decision.from == decision.to;
        if asked.wait_drained && !outcome.drained {
            self.waiting.push((attempt, outcome, asked.reply));
        } else {
            let _ = asked.reply.send(Ok(outcome));
        }
    }

    fn answer_waiting(&mut self, which: impl Fn(Attempt) -> bool, drained: bool) {
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(attempt, ..)| which(*attempt));
        self.waiting = waiting;
        let ready: Vec<_> = ready;
        for (_, mut outcome, reply) in ready {
            outcome.drained = drained;
            let _ = reply.send(Ok(outcome));
        }
    }

    fn count(&self, decision: &Decision, how: &str) {
        match decision.kind {
            Kind::Promote => self.metrics.promotion(decision.to.as_str(), how),
            Kind::Rollback => self.metrics.rollback(decision.to.as_str(), how),
        }
    }

    fn show_live(&self) {
        for (slot, metrics) in Slot::ALL.into_iter().zip(&self.metrics.slots) {
            metrics.live.set(i64::from(slot == self.routing.live()));
        }
    }

    fn status(&self) -> Status {
        let slots: BTreeMap<String, SlotStatus> =
            Slot::ALL.into_iter().map(|slot| (slot.to_string(), self.slot_status(slot))).collect();
        let (phase, drain) = match self.switch.phase() {
            Phase::Steady => ("steady", None),
            Phase::Recording(_) => ("recording", None),
            Phase::Draining { attempt, slot } => {
                let left = self.routing.slot(slot).in_flight();
                ("draining", Some(Drain { slot: slot.to_string(), attempt: attempt.0, left }))
            }
        };
        Status {
            live: self.switch.live().to_string(),
            attempt: self.switch.attempt().0,
            phase: phase.to_owned(),
            slots,
            kept: self.switch.kept().map(|kept| switch_api::Kept {
                slot: kept.slot.to_string(),
                until: events::rfc3339(kept.until.0),
                rollback: kept.left_by == Kind::Promote,
            }),
            drain,
            listen: self.listen.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn slot_status(&self, slot: Slot) -> SlotStatus {
        let pool = self.routing.slot(slot);
        let workers = pool.workers.iter().map(|worker| WorkerStatus {
            address: worker.name.clone(),
            state: worker.state().to_owned(),
            in_flight: u64::from(worker.in_flight.load(std::sync::atomic::Ordering::Relaxed)),
            detail: Some(worker.detail().to_string()).filter(|detail| !detail.is_empty()),
        });
        let release = pool.health();
        let release_name =
            crate::identity::Identity::read(release.clone()).release.map(|release| release.label);
        SlotStatus {
            state: pool.state().to_owned(),
            in_flight: pool.in_flight(),
            workers: workers.collect(),
            release,
            release_name,
            retired: self.switch.is_retired(slot),
        }
    }
}

fn outcome(decision: &Decision, effects: Vec<String>, done: bool) -> Outcome {
    Outcome {
        attempt: decision.attempt.0,
        from: decision.from.to_string(),
        to: decision.to.to_string(),
        done,
        forced: decision.forced,
        effects,
        drained: false,
        took_ms: None,
    }
}
