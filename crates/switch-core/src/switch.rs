//! The switch itself: what is live, what is being recorded, and what is kept for a rollback.

mod canary;
mod proof;
mod standby;

use std::time::Duration;

use proof::{agreed, is_dead, one_release, ready_enough};

use crate::modes::{Mode, ModeChange};
use crate::refusal::Refusal;
use crate::words::{
    Attempt, Canary, Decision, Effect, Event, Identity, Kind, News, Release, Share, Slot,
    SlotReport, Stages, Timestamp,
};

/// A decision that was made by itself and could not be recorded is made again no sooner than this.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What a slot must prove before it takes traffic, and how long the old one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Every worker of the slot is ready.
    pub require_ready: bool,
    /// Every ready worker names the same fingerprint.
    pub require_fingerprint: bool,
    pub keep_old: Duration,
    /// How long after a promotion conversations stay on the slot where they began; zero when they do not.
    pub pin: Duration,
    /// How long the live slot may be without a ready worker before the idle one takes its place; never when absent.
    pub failover: Option<Duration>,
    /// The mode a slot goes into by itself once it is no longer kept, in the order of [`Slot::ALL`].
    pub after_keep: [Mode; 2],
}

/// Where the switch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is under way.
    Steady,
    /// A decision is on its way to disk; traffic has not moved.
    Recording(Box<Decision>),
    /// Traffic has moved; answers are still running on the old slot.
    Draining { attempt: Attempt, slot: Slot },
}

/// The slot that was live before, while it can be rolled back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub slot: Slot,
    pub attempt: Attempt,
    pub until: Timestamp,
    /// What it served when it was live.
    pub release: Option<Release>,
    /// A slot left by a rollback is drained like any other, but not rolled back to: that would bring back what was
    /// just taken away. `promote` does it on purpose.
    pub left_by: Kind,
}

/// What survives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub live: Slot,
    /// The last attempt number handed out.
    pub attempt: Attempt,
    /// What the live slot was recorded to serve.
    pub release: Option<Release>,
    pub kept: Option<Kept>,
    pub canary: Option<Canary>,
    pub stages: Option<Stages>,
    /// The slot whose answers another process of this gateway is still finishing, and the attempt that left it.
    pub draining: Option<(Attempt, Slot)>,
    /// In the order of [`Slot::ALL`].
    pub modes: [Mode; 2],
    /// See [`ModeChange::given_up`].
    pub given_up: Attempt,
}

/// The slot left by a promotion, while conversations stay on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned {
    pub slot: Slot,
    pub attempt: Attempt,
    pub until: Timestamp,
}

/// Decides; does nothing.
#[derive(Clone, Debug)]
pub struct Switch {
    rules: Rules,
    live: Slot,
    attempt: Attempt,
    recorded_release: Option<Release>,
    recording: Option<Decision>,
    draining: Option<(Attempt, Slot)>,
    kept: Option<Kept>,
    /// The slot that was retired last, until it is promoted again.
    retired: Option<Slot>,
    canary: Option<Canary>,
    stages: Option<Stages>,
    pinned: Option<Pinned>,
    /// Since when the live slot has had no ready worker.
    down_since: Option<Timestamp>,
    modes: [Mode; 2],
    /// The change of a mode that is on its way to disk.
    changing: Option<ModeChange>,
    /// How many changes of modes there were.
    changes: u64,
    given_up: Attempt,
    /// The last attempt that left a slot, and that slot.
    left: Option<(Attempt, Slot)>,
    reports: [SlotReport; 2],
}

impl Switch {
    /// A switch that continues from what was remembered, knowing nothing about the workers yet.
    ///
    /// Answers that ran before a restart are gone with the process that carried them: something is draining only when
    /// that process still runs.
    pub fn new(rules: Rules, remembered: Remembered, workers: [u32; 2]) -> Self {
        let left = remembered.kept.as_ref().map(|kept| (kept.attempt, kept.slot));
        let retired = left.filter(|(attempt, _)| *attempt <= remembered.given_up);
        let kept = remembered.kept.filter(|kept| kept.attempt > remembered.given_up);
        // The promotion was `keep_old` before the end of what is kept.
        let pinned = kept
            .as_ref()
            .filter(|kept| kept.left_by == Kind::Promote && !rules.pin.is_zero())
            .filter(|kept| kept.slot != remembered.live)
            .map(|kept| Pinned {
                slot: kept.slot,
                attempt: kept.attempt,
                until: kept.until.before(rules.keep_old).after(rules.pin),
            });
        Self {
            rules,
            live: remembered.live,
            attempt: remembered.attempt,
            recorded_release: remembered.release,
            recording: None,
            draining: remembered.draining,
            kept,
            retired: retired.map(|(_, slot)| slot),
            canary: remembered.canary,
            stages: remembered.stages,
            pinned,
            down_since: None,
            modes: remembered.modes,
            changing: None,
            changes: 0,
            given_up: remembered.given_up,
            left,
            reports: workers.map(SlotReport::unproven),
        }
    }

    /// Other rules hold from now on; what is under way goes on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Takes in what happened and says what is to be done, in order.
    ///
    /// # Errors
    /// A [`Refusal`] when an operator asks for something that may not happen; the switch is then unchanged.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        match event {
            Event::Report { slot, report } => Ok(self.reported(slot, report, now)),
            Event::Promote { to, reason, force, seen, stages, every } => {
                self.may_start(force, reason.as_ref())?;
                if let Some(seen) = seen.filter(|seen| *seen != self.attempt) {
                    return Err(Refusal::Overtaken { seen, now: self.attempt });
                }
                if matches!(stages.as_slice(), [] | [Share::ALL]) {
                    self.promote(to, reason, force)
                } else {
                    self.promote_in_stages(to, reason, force, stages, every, now)
                }
            }
            Event::Canary { share, rules, reason, force } => {
                self.set_canary(share, rules, reason, force)
            }
            Event::Rollback { reason, force } => self.roll_back(reason, force, now),
            Event::Standby { slot, mode, reason, force } => {
                self.set_mode(slot, mode, reason, force)
            }
            Event::ModeRecorded { number } => Ok(self.mode_recorded(number)),
            Event::ModeRecordFailed { number, cause } => Ok(self.mode_record_failed(number, cause)),
            Event::Recorded { attempt } => Ok(self.recorded(attempt, now)),
            Event::RecordFailed { attempt, cause } => Ok(self.record_failed(attempt, cause, now)),
            Event::Drained { attempt } => Ok(self.drained(attempt, now)),
            Event::Tick => Ok(self.time_passed(now)),
        }
    }

    /// What `event` would lead to if every effect succeeded, changing nothing.
    ///
    /// # Errors
    /// The [`Refusal`] that [`Switch::handle`] would give.
    pub fn plan(&self, event: Event, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        let mut rehearsal = self.clone();
        let mut effects = rehearsal.handle(event, now)?;
        if let Some(decision) = rehearsal.recording.clone() {
            effects.extend(rehearsal.handle(Event::Recorded { attempt: decision.attempt }, now)?);
        }
        if let Some(change) = rehearsal.changing.clone()
            && self.changing.is_none()
        {
            effects.extend(rehearsal.handle(Event::ModeRecorded { number: change.number }, now)?);
        }
        Ok(effects)
    }

    /// When [`Event::Tick`] should come next, if nothing else happens before.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        if self.recording.is_some() {
            return None;
        }
        let unpin = self.pinned.map(|pinned| pinned.until);
        [self.retire_due(), unpin, self.stage_due(), self.failover_due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn retire_due(&self) -> Option<Timestamp> {
        let kept = self.kept.as_ref()?;
        let still_draining = self.draining.is_some_and(|(_, slot)| slot == kept.slot);
        let tried = self.canary.as_ref().is_some_and(|canary| canary.slot == kept.slot);
        let pinned = self.pinned.is_some_and(|pinned| pinned.slot == kept.slot);
        (!still_draining && !tried && !pinned).then_some(kept.until)
    }

    fn failover_due(&self) -> Option<Timestamp> {
        let due = self.down_since?.after(self.rules.failover?);
        let idle = self.live.other();
        // A slow slot is better than none.
        let fit = self.awake(idle, true).is_ok()
            && ready_enough(idle, self.report(idle), 1).is_ok()
            && (!self.rules.require_fingerprint || one_release(idle, self.report(idle)).is_ok());
        fit.then_some(due)
    }

    pub fn live(&self) -> Slot {
        self.live
    }

    /// The last attempt number handed out.
    pub fn attempt(&self) -> Attempt {
        self.attempt
    }

    pub fn phase(&self) -> Phase {
        match (&self.recording, self.draining) {
            (Some(decision), _) => Phase::Recording(Box::new(decision.clone())),
            (None, Some((attempt, slot))) => Phase::Draining { attempt, slot },
            (None, None) => Phase::Steady,
        }
    }

    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// What goes to the idle slot.
    pub fn canary(&self) -> Option<&Canary> {
        self.canary.as_ref()
    }

    /// What is still to come of a promotion in stages.
    pub fn stages(&self) -> Option<&Stages> {
        self.stages.as_ref()
    }

    /// The slot on which conversations stay although it is no longer live.
    pub fn pinned(&self) -> Option<Pinned> {
        self.pinned
    }

    /// Whether `slot` was live once, and is no longer kept for a rollback.
    pub fn is_retired(&self, slot: Slot) -> bool {
        self.retired == Some(slot)
    }

    /// What the live slot was recorded to serve.
    pub fn recorded_release(&self) -> Option<&Release> {
        self.recorded_release.as_ref()
    }

    pub fn report(&self, slot: Slot) -> &SlotReport {
        &self.reports[slot.index()]
    }

    fn reported(&mut self, slot: Slot, report: SlotReport, now: Timestamp) -> Vec<Effect> {
        let dead = is_dead(&report);
        self.reports[slot.index()] = report;
        let mut effects = Vec::new();
        if slot == self.live {
            if !dead {
                self.down_since = None;
            } else if self.down_since.is_none() {
                self.down_since = Some(now);
                effects.push(Effect::Notify(News::LiveDown { slot }));
            }
        } else if dead && self.stages.is_some() && self.recording.is_none() {
            effects.extend(self.halt(&format!("no worker of {slot} is ready")));
        }
        effects.extend(self.fail_over_when_due(now));
        effects
    }

    fn time_passed(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.recording.is_some() {
            return Vec::new();
        }
        let mut effects = Vec::new();
        if let Some(Pinned { slot, attempt, .. }) =
            self.pinned.take_if(|pinned| now >= pinned.until)
        {
            effects.push(Effect::Unpin { attempt, slot });
            if let Some((attempt, _)) = self.draining.filter(|(_, draining)| *draining == slot) {
                effects.push(Effect::Drain { attempt, slot });
            }
        }
        effects.extend(self.fail_over_when_due(now));
        effects.extend(self.next_stage_when_due(now));
        effects.extend(self.retire_when_due(now));
        effects
    }

    fn fail_over_when_due(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.recording.is_some() || self.failover_due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        let reason = format!("{} has no ready worker", self.live);
        self.begin(Kind::Failover, self.live.other(), Some(reason), false, None, None)
    }

    /// Whether `slot` has proven what the rules require.
    fn fit(&self, slot: Slot) -> Result<(), Refusal> {
        let report = self.report(slot);
        if self.rules.require_ready {
            ready_enough(slot, report, report.total)?;
        }
        if self.rules.require_fingerprint {
            one_release(slot, report)?;
        }
        Ok(())
    }

    fn promote(
        &mut self,
        to: Option<Slot>,
        reason: Option<String>,
        force: bool,
    ) -> Result<Vec<Effect>, Refusal> {
        let reason = meaningful(reason);
        let to = to.unwrap_or_else(|| self.live.other());
        // Promoting the live slot is how an operator accepts a release that was deployed in place.
        if to == self.live && !self.live_release_changed() {
            return Err(Refusal::AlreadyLive { slot: to });
        }
        self.awake(to, force)?;
        if !force {
            self.fit(to)?;
        }
        let stays = to == self.live;
        let canary = self.canary.clone().filter(|_| stays);
        let stages = self.stages.clone().filter(|_| stays);
        Ok(self.begin(Kind::Promote, to, reason, force, canary, stages))
    }

    fn roll_back(
        &mut self,
        reason: Option<String>,
        force: bool,
        now: Timestamp,
    ) -> Result<Vec<Effect>, Refusal> {
        let reason = meaningful(reason);
        self.may_start(force, reason.as_ref())?;
        // The last change is what is taken back: a canary first.
        if self.canary.is_some() {
            return Ok(self.begin(Kind::Canary, self.live, reason, force, None, None));
        }
        let Some(kept) = self.kept.clone().filter(|kept| {
            matches!(kept.left_by, Kind::Promote | Kind::Failover) && kept.slot != self.live
        }) else {
            return Err(match self.retired {
                Some(slot) if slot != self.live => {
                    self.awake(slot, force)?;
                    Refusal::RollbackWindowOver { slot }
                }
                Some(_) | None => Refusal::NothingToRollBack { live: self.live },
            });
        };
        // Answers may still drain there after the time is over: the slot is then kept until the last one ended.
        let still_draining = self.draining.is_some_and(|(_, slot)| slot == kept.slot);
        if now >= kept.until && !still_draining {
            return Err(Refusal::RollbackWindowOver { slot: kept.slot });
        }
        self.awake(kept.slot, true)?;
        if !force {
            // One ready worker is enough: a rollback is asked for in trouble.
            let report = self.report(kept.slot);
            ready_enough(kept.slot, report, 1)?;
            if let (Some(was), Identity::Agreed(is)) = (&kept.release, &report.identity)
                && was.fingerprint != is.fingerprint
            {
                return Err(Refusal::ReleaseChanged {
                    slot: kept.slot,
                    was: was.label.clone(),
                    is: is.label.clone(),
                });
            }
        }
        Ok(self.begin(Kind::Rollback, kept.slot, reason, force, None, None))
    }

    fn may_start(&self, force: bool, reason: Option<&String>) -> Result<(), Refusal> {
        if let Some(decision) = &self.recording {
            return Err(Refusal::AttemptInProgress { running: decision.attempt });
        }
        if force && reason.is_none_or(|reason| reason.trim().is_empty()) {
            return Err(Refusal::ForceNeedsReason);
        }
        Ok(())
    }

    fn live_release_changed(&self) -> bool {
        match (&self.recorded_release, &self.report(self.live).identity) {
            (Some(recorded), Identity::Agreed(now)) => recorded.fingerprint != now.fingerprint,
            (Some(_) | None, Identity::Agreed(_) | Identity::Unknown | Identity::Divided(_)) => {
                false
            }
        }
    }

    fn begin(
        &mut self,
        kind: Kind,
        to: Slot,
        reason: Option<String>,
        forced: bool,
        canary: Option<Canary>,
        stages: Option<Stages>,
    ) -> Vec<Effect> {
        self.attempt = Attempt(self.attempt.0 + 1);
        let from_release = self.recorded_release.clone().or_else(|| agreed(self.report(self.live)));
        let to_release = match kind {
            // The live slot stays, and what it was recorded to serve with it.
            Kind::Canary => self.recorded_release.clone(),
            Kind::Promote | Kind::Rollback | Kind::Failover => agreed(self.report(to)),
        };
        let decision = Decision {
            attempt: self.attempt,
            kind,
            from: self.live,
            to,
            reason,
            forced,
            to_release,
            from_release,
            canary,
            stages,
        };
        self.recording = Some(decision.clone());
        vec![Effect::Record(decision)]
    }

    fn recorded(&mut self, attempt: Attempt, now: Timestamp) -> Vec<Effect> {
        let Some(decision) = self.recording.take_if(|decision| decision.attempt == attempt) else {
            return Vec::new();
        };
        let Decision { from, to, kind, .. } = decision;
        self.live = to;
        self.recorded_release.clone_from(&decision.to_release);
        let tried = std::mem::replace(&mut self.canary, decision.canary.clone());
        self.stages.clone_from(&decision.stages);
        let in_use = |slot: Slot| {
            slot == to || decision.canary.as_ref().is_some_and(|canary| canary.slot == slot)
        };
        if self.retired.is_some_and(in_use) {
            self.retired = None;
        }
        if self.draining.is_some_and(|(_, slot)| in_use(slot)) {
            self.draining = None;
        }
        // Whoever left a slot in trouble does not want its conversations to stay there.
        if kind != Kind::Canary {
            self.pinned = None;
        }
        if from != to {
            self.down_since = is_dead(self.report(to)).then_some(now);
            self.left = Some((attempt, from));
            self.kept = Some(Kept {
                slot: from,
                attempt,
                until: now.after(self.rules.keep_old),
                release: decision.from_release.clone(),
                left_by: kind,
            });
            if kind == Kind::Promote && !self.rules.pin.is_zero() {
                let until = now.after(self.rules.pin);
                self.pinned = Some(Pinned { slot: from, attempt, until });
            }
        }
        let left = match kind {
            Kind::Canary => tried.map(|tried| tried.slot).filter(|slot| !in_use(*slot)),
            Kind::Promote | Kind::Rollback | Kind::Failover => (from != to).then_some(from),
        };
        let mut effects = vec![Effect::RouteTo {
            attempt,
            slot: to,
            release: decision.to_release.clone(),
            canary: decision.canary.clone(),
            pinned: self.pinned.map(|pinned| pinned.slot),
        }];
        if let Some(slot) = left {
            self.draining = Some((attempt, slot));
            // The count only falls once no conversation may come back: the drain begins when they are unpinned.
            if self.pinned.is_none_or(|pinned| pinned.slot != slot) {
                effects.push(Effect::Drain { attempt, slot });
            }
        }
        effects.push(Effect::Notify(News::Switched(decision)));
        effects
    }

    fn record_failed(&mut self, attempt: Attempt, cause: String, now: Timestamp) -> Vec<Effect> {
        let Some(decision) = self.recording.take_if(|decision| decision.attempt == attempt) else {
            return Vec::new();
        };
        // What was decided without being asked is decided again, later, and told again.
        if let Some(stages) = &mut self.stages {
            stages.due = stages.due.max(now.after(stages.every.max(TRY_AGAIN)));
        }
        if decision.kind == Kind::Failover && self.down_since.is_some() {
            self.down_since = Some(now.after(TRY_AGAIN));
        }
        vec![Effect::Notify(News::Stayed { decision, cause })]
    }

    fn drained(&mut self, attempt: Attempt, now: Timestamp) -> Vec<Effect> {
        let Some((_, slot)) = self.draining.take_if(|(draining, _)| *draining == attempt) else {
            return Vec::new();
        };
        let mut effects = vec![Effect::Notify(News::Drained { attempt, slot })];
        effects.extend(self.retire_when_due(now));
        effects
    }

    fn retire_when_due(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.recording.is_some() || self.retire_due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        match self.kept.take() {
            Some(kept) => {
                self.retired = Some(kept.slot);
                let mut effects = vec![
                    Effect::Retire { attempt: kept.attempt, slot: kept.slot },
                    Effect::Notify(News::Retired { attempt: kept.attempt, slot: kept.slot }),
                ];
                effects.extend(self.after_keep(kept.slot));
                effects
            }
            None => Vec::new(),
        }
    }
}

fn meaningful(reason: Option<String>) -> Option<String> {
    reason.filter(|reason| !reason.trim().is_empty())
}
