//! The switch itself: what is live, what is being recorded, and what is kept for a rollback.

use std::time::Duration;

use crate::refusal::Refusal;
use crate::words::{
    Attempt, Decision, Effect, Event, Identity, Kind, News, Release, Slot, SlotReport, Timestamp,
};

/// What a slot must prove before it takes traffic, and how long the old one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Every worker of the slot is ready.
    pub require_ready: bool,
    /// Every ready worker names the same fingerprint.
    pub require_fingerprint: bool,
    pub keep_old: Duration,
}

/// Where the switch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is under way.
    Steady,
    /// A decision is on its way to disk; traffic has not moved.
    Recording(Decision),
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
    reports: [SlotReport; 2],
}

impl Switch {
    /// A switch that continues from what was remembered, knowing nothing about the workers yet.
    ///
    /// Answers that ran before the restart are gone with the process that carried them, so nothing is draining.
    pub fn new(rules: Rules, remembered: Remembered, workers: [u32; 2]) -> Self {
        Self {
            rules,
            live: remembered.live,
            attempt: remembered.attempt,
            recorded_release: remembered.release,
            recording: None,
            draining: None,
            kept: remembered.kept,
            retired: None,
            reports: workers.map(SlotReport::unproven),
        }
    }

    /// Takes in what happened and says what is to be done, in order.
    ///
    /// # Errors
    /// A [`Refusal`] when an operator asks for something that may not happen; the switch is then unchanged.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        match event {
            Event::Report { slot, report } => {
                self.reports[slot.index()] = report;
                Ok(Vec::new())
            }
            Event::Promote { to, reason, force, seen } => self.promote(to, reason, force, seen),
            Event::Rollback { reason, force } => self.roll_back(reason, force, now),
            Event::Recorded { attempt } => Ok(self.recorded(attempt, now)),
            Event::RecordFailed { attempt, cause } => Ok(self.record_failed(attempt, cause)),
            Event::Drained { attempt } => Ok(self.drained(attempt, now)),
            Event::Tick => Ok(self.retire_when_due(now)),
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
        Ok(effects)
    }

    /// When [`Event::Tick`] should come next, if nothing else happens before.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let kept = self.kept.as_ref()?;
        let still_draining = self.draining.is_some_and(|(_, slot)| slot == kept.slot);
        (!still_draining && self.recording.is_none()).then_some(kept.until)
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
            (Some(decision), _) => Phase::Recording(decision.clone()),
            (None, Some((attempt, slot))) => Phase::Draining { attempt, slot },
            (None, None) => Phase::Steady,
        }
    }

    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
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

    fn promote(
        &mut self,
        to: Option<Slot>,
        reason: Option<String>,
        force: bool,
        seen: Option<Attempt>,
    ) -> Result<Vec<Effect>, Refusal> {
        let reason = meaningful(reason);
        let to = to.unwrap_or_else(|| self.live.other());
        self.may_start(force, reason.as_ref())?;
        if let Some(seen) = seen.filter(|seen| *seen != self.attempt) {
            return Err(Refusal::Overtaken { seen, now: self.attempt });
        }
        // Promoting the live slot is how an operator accepts a release that was deployed in place.
        if to == self.live && !self.live_release_changed() {
            return Err(Refusal::AlreadyLive { slot: to });
        }
        if !force {
            let report = self.report(to);
            if self.rules.require_ready {
                ready_enough(to, report, report.total)?;
            }
            if self.rules.require_fingerprint {
                one_release(to, report)?;
            }
        }
        Ok(self.begin(Kind::Promote, to, reason, force))
    }

    fn roll_back(
        &mut self,
        reason: Option<String>,
        force: bool,
        now: Timestamp,
    ) -> Result<Vec<Effect>, Refusal> {
        let reason = meaningful(reason);
        self.may_start(force, reason.as_ref())?;
        let Some(kept) = self
            .kept
            .clone()
            .filter(|kept| kept.left_by == Kind::Promote && kept.slot != self.live)
        else {
            return Err(match self.retired {
                Some(slot) if slot != self.live => Refusal::RollbackWindowOver { slot },
                Some(_) | None => Refusal::NothingToRollBack { live: self.live },
            });
        };
        // Answers may still drain there after the time is over: the slot is then kept until the last one ended.
        let still_draining = self.draining.is_some_and(|(_, slot)| slot == kept.slot);
        if now >= kept.until && !still_draining {
            return Err(Refusal::RollbackWindowOver { slot: kept.slot });
        }
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
        Ok(self.begin(Kind::Rollback, kept.slot, reason, force))
    }

    fn may_start(&self, force: bool, reason: Option<&String>) -> Result<(), Refusal> {
        if let Some(decision) = &self.recording {
            return Err(Refusal::AttemptInProgress { running: decision.attempt });
        }
        if force && reason.is_none() {
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

    fn begin(&mut self, kind: Kind, to: Slot, reason: Option<String>, forced: bool) -> Vec<Effect> {
        self.attempt = Attempt(self.attempt.0 + 1);
        let decision = Decision {
            attempt: self.attempt,
            kind,
            from: self.live,
            to,
            reason,
            forced,
            to_release: agreed(self.report(to)),
            from_release: self.recorded_release.clone().or_else(|| agreed(self.report(self.live))),
        };
        self.recording = Some(decision.clone());
        vec![Effect::Record(decision)]
    }

    fn recorded(&mut self, attempt: Attempt, now: Timestamp) -> Vec<Effect> {
        let Some(decision) = self.recording.take_if(|decision| decision.attempt == attempt) else {
            return Vec::new();
        };
        let Decision { from, to, .. } = decision;
        self.live = to;
        self.recorded_release.clone_from(&decision.to_release);
        if self.retired == Some(to) {
            self.retired = None;
        }
        let mut effects =
            vec![Effect::RouteTo { attempt, slot: to, release: decision.to_release.clone() }];
        if from != to {
            self.draining = Some((attempt, from));
            self.kept = Some(Kept {
                slot: from,
                attempt,
                until: now.after(self.rules.keep_old),
                release: decision.from_release.clone(),
                left_by: decision.kind,
            });
            effects.push(Effect::Drain { attempt, slot: from });
        }
        effects.push(Effect::Notify(News::Switched(decision)));
        effects
    }

    fn record_failed(&mut self, attempt: Attempt, cause: String) -> Vec<Effect> {
        match self.recording.take_if(|decision| decision.attempt == attempt) {
            Some(decision) => vec![Effect::Notify(News::Stayed { decision, cause })],
            None => Vec::new(),
        }
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
        if self.next_wakeup().is_none_or(|due| now < due) {
            return Vec::new();
        }
        match self.kept.take() {
            Some(kept) => {
                self.retired = Some(kept.slot);
                vec![
                    Effect::Retire { attempt: kept.attempt, slot: kept.slot },
                    Effect::Notify(News::Retired { attempt: kept.attempt, slot: kept.slot }),
                ]
            }
            None => Vec::new(),
        }
    }
}

fn ready_enough(slot: Slot, report: &SlotReport, needed: u32) -> Result<(), Refusal> {
    match report {
        SlotReport { total: 0, .. } => Err(Refusal::NoWorkers { slot }),
        SlotReport { ready, total, .. } if *ready < needed => {
            Err(Refusal::NotReady { slot, ready: *ready, total: *total })
        }
        SlotReport { .. } => Ok(()),
    }
}

fn one_release(slot: Slot, report: &SlotReport) -> Result<(), Refusal> {
    match &report.identity {
        Identity::Agreed(_) => Ok(()),
        Identity::Unknown => Err(Refusal::FingerprintUnknown { slot }),
        Identity::Divided(releases) => {
            let names: Vec<&str> = releases.iter().map(|release| release.label.as_str()).collect();
            Err(Refusal::ReleasesDiffer { slot, count: releases.len(), names: names.join(", ") })
        }
    }
}

fn agreed(report: &SlotReport) -> Option<Release> {
    match &report.identity {
        Identity::Agreed(release) => Some(release.clone()),
        Identity::Unknown | Identity::Divided(_) => None,
    }
}

fn meaningful(reason: Option<String>) -> Option<String> {
    reason.filter(|reason| !reason.trim().is_empty())
}
