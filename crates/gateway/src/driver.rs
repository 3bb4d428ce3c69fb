//! The one task that owns the switch: hears of probes, operators and timers, and carries out effects in order.

mod modes;
mod news;
mod recording;

use std::sync::Arc;
use std::time::{Duration, Instant};

use switch_api::{Outcome, Running, Status};
use switch_core::{
    Attempt, Canary, Decision, Effect, Event, Mode, Phase, Refusal, Release, Rules, Slot, Switch,
    Timestamp,
};
use switch_journal::{JournalError, Note, Who};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

pub(crate) use self::modes::SetMode;
use self::modes::Setter;
use crate::drive::DriveError;
use crate::events;
use crate::handover::{DrainUnderWay, Ended, Halt, HandOver};
use crate::requested::Requested;
use crate::shared::Shared;
use crate::status;
use crate::worker::Worker;

/// News for the driver.
pub(crate) enum Message {
    WorkerChanged {
        worker: Arc<Worker>,
        mismatch: bool,
    },
    Ask(Ask),
    /// An operator wants a slot in another mode.
    SetMode(SetMode),
    ModeRecorded {
        number: u64,
        result: Result<(), RecordError>,
    },
    Status {
        reply: oneshot::Sender<Status>,
    },
    Running {
        slot: Option<Slot>,
        reply: oneshot::Sender<Running>,
    },
    /// An operator's deadline for the drain under way is on disk.
    Deadline {
        attempt: Attempt,
        at: Timestamp,
    },
    Recorded {
        attempt: Attempt,
        result: Result<(), RecordError>,
    },
    Drained {
        attempt: Attempt,
    },
    /// What was asked for is on disk; `None` takes it back.
    Requested {
        requested: Option<Requested>,
    },
    /// The settings were read again: other rules hold, and slots may have other workers.
    Reloaded {
        rules: Rules,
    },
    /// A successor is there.
    HandOver(HandOver),
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
    /// The mode of a slot could not be written: it stays as it was.
    ModeNotRecorded {
        slot: Slot,
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
    /// The decision was recorded, the proxy did not follow, and the decision was withdrawn.
    #[error("the proxy did not follow")]
    NotFollowed(#[source] DriveError),
}

/// How many operators may wait for a drain at once.
const MAX_WAITING: usize = 256;

/// The driver's belongings.
pub(crate) struct Driver {
    pub switch: Switch,
    pub shared: Shared,
    pub inbox: mpsc::Receiver<Message>,
    pub own: mpsc::Sender<Message>,
    /// Where the front door listens, for `status`.
    pub listen: String,
    /// When the drain of an attempt ends what still runs.
    deadline: Option<(Attempt, Timestamp)>,
    asked: Option<Asked>,
    drain: Option<AbortHandle>,
    waiting: Vec<(Attempt, Outcome, Reply)>,
    cause: Option<RecordError>,
    /// A successor that waits until no decision is being recorded.
    successor: Option<HandOver>,
    /// A promotion that was asked for.
    requested: Option<Requested>,
    /// The last attempt that changed the live slot.
    moved: Attempt,
    /// The operator who waits until a change of a mode is recorded.
    setter: Option<Setter>,
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
        shared: Shared,
        (own, inbox): (mpsc::Sender<Message>, mpsc::Receiver<Message>),
        listen: String,
        deadline: Option<(Attempt, Timestamp)>,
        requested: Option<Requested>,
    ) -> Self {
        let moved = switch.kept().map_or(Attempt(0), |kept| kept.attempt);
        Self {
            switch,
            shared,
            inbox,
            own,
            listen,
            deadline,
            asked: None,
            drain: None,
            waiting: Vec::new(),
            cause: None,
            successor: None,
            requested: requested.filter(|requested| requested.is_open(moved)),
            moved,
            setter: None,
        }
    }

    /// Runs until nobody can send it news any more, or until a successor decides.
    pub(crate) async fn run(mut self) {
        self.show_live();
        self.begin_standby();
        self.resume_drain();
        if let Some(drive) = self.shared.drive.clone() {
            drive.begin(self.recorded()).await;
            self.catch_up();
        }
        loop {
            if !matches!(self.switch.phase(), Phase::Recording(_))
                && !self.switch.is_changing_mode()
                && let Some(successor) = self.successor.take()
                && self.halt(successor).await == Ended::HandedOver
            {
                // Wishes that nobody has looked at are answered "ask again" by being dropped with the inbox.
                self.answer_waiting(|_| true, false);
                return;
            }
            let due = self.switch.next_wakeup().into_iter().chain(self.deadline.map(|(_, at)| at));
            let tick = match due.min() {
                Some(due) => Duration::from_millis(due.0.saturating_sub(events::now())),
                None => Duration::from_secs(3600),
            };
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.hear(message),
                    None => return,
                },
                () = tokio::time::sleep(tick) => {
                    self.end_what_is_overdue();
                    self.tell(Event::Tick);
                }
            }
        }
    }

    /// Decides nothing until the handover has ended: what happens meanwhile waits in the inbox.
    async fn halt(&mut self, successor: HandOver) -> Ended {
        let drive = self.shared.drive.clone();
        let mut turn = match &drive {
            Some(drive) => Some(drive.pause().await),
            None => None,
        };
        self.shared.standby.pause().await;
        let (back, comes_back) = oneshot::channel();
        if !self.shared.journal.lend(comes_back).await {
            let _ = successor.halted.send(Halt::Busy);
            self.begin_standby();
            return Ended::GoOn;
        }
        let drain = match self.switch.phase() {
            Phase::Draining { attempt, slot } => Some(DrainUnderWay {
                attempt: attempt.0,
                slot: slot.to_string(),
                deadline: self.deadline.filter(|(of, _)| *of == attempt).map(|(_, at)| at.0),
            }),
            Phase::Steady | Phase::Recording(_) => None,
        };
        let _ = successor.halted.send(Halt::Halted(drain));
        let ended = successor.ended.await.unwrap_or(Ended::GoOn);
        let _ = back.send(ended == Ended::GoOn);
        if ended == Ended::GoOn {
            self.begin_standby();
        }
        if ended == Ended::HandedOver
            && let Some(decided) = &mut turn
        {
            decided.take();
        }
        ended
    }

    /// Goes on waiting for the answers that an old process is finishing.
    fn resume_drain(&mut self) {
        if let Phase::Draining { attempt, slot } = self.switch.phase()
            && self.switch.pinned().is_none_or(|pinned| pinned.slot != slot)
        {
            self.carry_out(vec![Effect::Drain { attempt, slot }]);
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::HandOver(successor) => self.successor = Some(successor),
            Message::WorkerChanged { worker, mismatch } => self.worker_changed(&worker, mismatch),
            Message::Ask(ask) => self.ask(ask),
            Message::SetMode(wish) => self.set_mode(wish),
            Message::ModeRecorded { number, result } => self.mode_recorded(number, result),
            Message::Status { reply } => {
                let _ = reply.send(self.status());
            }
            Message::Running { slot, reply } => {
                let slot = slot.unwrap_or(self.switch.live().other());
                let deadline = self.deadline.map(|(_, at)| at);
                let _ = reply.send(status::running(&self.switch, &self.shared, slot, deadline));
            }
            Message::Deadline { attempt, at } => self.deadline = Some((attempt, at)),
            Message::Requested { requested } => {
                self.requested = requested.filter(|requested| requested.is_open(self.moved));
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
            Message::Reloaded { rules } => {
                self.switch.set_rules(rules);
                for slot in Slot::ALL {
                    let report = self.shared.routing.slot(slot).report();
                    self.tell(Event::Report { slot, report });
                }
                self.tell_the_waiting();
                self.catch_up();
            }
        }
    }

    fn worker_changed(&mut self, worker: &Worker, mismatch: bool) {
        let pool = Arc::clone(self.shared.routing.slot(worker.slot));
        let slot = worker.slot.as_str();
        self.shared.events.tell(
            "worker",
            format!("{} in {slot} is {}", worker.name, pool.state_of(worker)),
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
            self.shared.events.tell("mismatch", text, Some(slot), None);
        }
        let report = pool.report();
        if *self.switch.report(worker.slot) != report {
            let text = format!("{slot}: {} of {} workers ready", report.ready, report.total);
            self.tell(Event::Report { slot: worker.slot, report });
            self.shared.events.tell("slot", text, Some(slot), None);
        }
        if pool.state() == "ready" {
            self.shared.standby.is_awake(pool.slot);
        }
        self.tell_the_waiting();
    }

    /// Requests that wait for a worker look again.
    fn tell_the_waiting(&self) {
        if let Some(hold) = &self.shared.hold {
            hold.tell();
        }
    }

    /// Ends the answers of a drain whose deadline has come. It was recorded when it was set.
    fn end_what_is_overdue(&mut self) {
        let now = Timestamp(events::now());
        let Some((attempt, _)) = self.deadline.take_if(|(_, at)| now >= *at) else { return };
        let slot = match self.switch.phase() {
            Phase::Draining { attempt: draining, slot } if draining == attempt => slot,
            Phase::Draining { .. } | Phase::Steady | Phase::Recording(_) => return,
        };
        let before = self.shared.predecessor.on(slot).len();
        self.shared.predecessor.cut(slot);
        let ended = before + self.shared.running.cut(slot);
        self.shared.metrics.deadlines.inc_by(ended as u64);
        tracing::warn!(%slot, %attempt, ended, "the drain's deadline has come: running answers were ended");
        let text = format!("the deadline has come: {ended} answers on {slot} were ended");
        self.shared.events.tell("deadline", text, Some(slot.as_str()), Some(attempt.0));
    }

    fn ask(&mut self, ask: Ask) {
        let accepted = Instant::now();
        let now = Timestamp(events::now());
        // The reports were told as they changed; what the pools say this very moment is what counts.
        for slot in Slot::ALL {
            let report = self.shared.routing.slot(slot).report();
            self.tell(Event::Report { slot, report });
        }
        let plan = match self.switch.plan(ask.event.clone(), now) {
            Ok(plan) => plan,
            Err(refusal) => {
                self.refused(&ask.event, &ask.who, ask.dry_run, &refusal);
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
                | Effect::Unpin { .. }
                | Effect::RecordMode(_)
                | Effect::SetMode { .. }
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

    fn refused(&self, event: &Event, who: &Who, dry_run: bool, refusal: &Refusal) {
        let reason = refusal.reason();
        tracing::info!(who = who.name, reason, %refusal, dry_run, "refused");
        if dry_run {
            return;
        }
        self.shared.events.tell("refused", format!("{}: {refusal}", who.name), None, None);
        self.shared.journal.note_in_passing(Note {
            at: Timestamp(events::now()),
            kind: "refused".to_owned(),
            who: who.clone(),
            text: format!("{}: {refusal}", wish(event)),
            detail: Some(serde_json::json!({ "reason": reason }).to_string()),
        });
        match event {
            Event::Canary { .. } => {
                self.shared.metrics.promotion(self.switch.live().other().as_str(), "refused");
            }
            Event::Promote { to, .. } => {
                let to = to.unwrap_or(self.switch.live().other());
                self.shared.metrics.promotion(to.as_str(), "refused");
            }
            Event::Rollback { .. } => {
                self.shared.metrics.rollback(self.switch.live().other().as_str(), "refused")
            }
            Event::Standby { slot, mode, .. } => {
                let slot = slot.unwrap_or(self.switch.live().other());
                self.shared.metrics.mode_change(slot.as_str(), mode.as_str(), "refused");
            }
            Event::Report { .. }
            | Event::Recorded { .. }
            | Event::RecordFailed { .. }
            | Event::ModeRecorded { .. }
            | Event::ModeRecordFailed { .. }
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
                Effect::RouteTo { attempt, slot, release, canary, pinned } => {
                    self.route_to(attempt, slot, release, canary.as_ref(), pinned);
                }
                Effect::Unpin { slot, .. } => {
                    self.shared.routing.unpin();
                    let text = format!("conversations no longer stay on {slot}");
                    tracing::info!(%slot, "conversations no longer stay there");
                    self.shared.events.tell("unpinned", text, Some(slot.as_str()), None);
                }
                Effect::Drain { attempt, slot } => {
                    let pool = Arc::clone(self.shared.routing.slot(slot));
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
                Effect::RecordMode(change) => self.record_mode(change),
                Effect::SetMode { slot, mode } => self.bring_into(slot, mode),
                Effect::Notify(news) => self.notify(news),
            }
        }
    }

    fn route_to(
        &mut self,
        attempt: Attempt,
        slot: Slot,
        release: Option<Release>,
        canary: Option<&Canary>,
        pinned: Option<Slot>,
    ) {
        let routing = &self.shared.routing;
        let tried = canary.and_then(|canary| canary.release.clone());
        routing.slot(slot.other()).expect(tried);
        routing.slot(slot).expect(release);
        for pool in Slot::ALL.map(|slot| routing.slot(slot)) {
            for worker in &pool.members().workers {
                worker.compare(pool.expected().as_deref());
            }
        }
        routing.route_to(slot, attempt.0, canary, pinned);
        self.deadline = None;
        self.show_live();
        self.tell_the_waiting();
    }

    fn status(&self) -> Status {
        let deadline = self.deadline.map(|(_, at)| at);
        status::status(&self.switch, &self.shared, &self.listen, deadline, self.requested.as_ref())
    }
}

/// What an operator asked for, in a word.
fn wish(event: &Event) -> &'static str {
    match event {
        Event::Promote { .. } => "promote",
        Event::Rollback { .. } => "rollback",
        Event::Canary { .. } => "canary",
        Event::Standby { mode: Mode::Full, .. } => "wake",
        Event::Standby { .. } => "sleep",
        Event::Report { .. }
        | Event::Recorded { .. }
        | Event::RecordFailed { .. }
        | Event::ModeRecorded { .. }
        | Event::ModeRecordFailed { .. }
        | Event::Drained { .. }
        | Event::Tick => "-",
    }
}

fn outcome(decision: &Decision, effects: Vec<String>, done: bool) -> Outcome {
    Outcome {
        attempt: decision.attempt.0,
        kind: decision.kind.as_str().to_owned(),
        from: decision.from.to_string(),
        to: decision.to.to_string(),
        done,
        forced: decision.forced,
        effects,
        canary: decision
            .canary
            .as_ref()
            .map(|canary| status::canary(canary, decision.stages.as_ref())),
        drained: false,
        took_ms: None,
    }
}
