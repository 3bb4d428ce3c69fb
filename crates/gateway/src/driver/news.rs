//! What the switch tells, passed on: to the log, to whoever listens, to the journal, and to the operator who asked.

use switch_core::{Attempt, Decision, Kind, News, Phase, Slot};
use switch_journal::Outcome as Noted;

use super::{Driver, No, RecordError, outcome};

impl Driver {
    pub(super) fn notify(&mut self, news: News) {
        match news {
            News::Switched(decision) => self.switched(&decision),
            News::Stayed { decision, cause } => {
                let text = format!(
                    "{} stays live: attempt {} did not take effect: {cause}",
                    decision.from, decision.attempt
                );
                tracing::error!(attempt = %decision.attempt, stays = %decision.from, cause, "the decision did not take effect, traffic stays");
                self.shared.events.tell(
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
                self.shared.journal.finish(attempt, Noted::Drained);
                tracing::info!(%attempt, %slot, "slot drained");
                self.shared.events.tell(
                    "drained",
                    format!("{slot} is drained"),
                    Some(slot.as_str()),
                    Some(attempt.0),
                );
                self.deadline.take_if(|(of, _)| *of == attempt);
                self.answer_waiting(|waiting| waiting == attempt, true);
            }
            News::Retired { attempt, slot } => {
                let text = format!("{slot} is no longer kept for a rollback");
                self.shared.events.tell("retired", text, Some(slot.as_str()), Some(attempt.0));
            }
            News::Halted { slot, because } => {
                tracing::error!(%slot, because, "the promotion in stages is halted: all requests go back to the live slot");
                let text = format!("the promotion of {slot} is halted: {because}");
                self.shared.events.tell("halted", text, Some(slot.as_str()), None);
            }
            News::LiveDown { slot } => {
                tracing::error!(%slot, "the live slot has no ready worker");
                let text = format!("{slot} is live and has no ready worker");
                self.shared.events.tell("live_down", text, Some(slot.as_str()), None);
            }
            News::ModeSet(change) => self.mode_set(&change),
            News::ModeStayed { change, cause } => self.mode_stayed(&change, &cause),
        }
    }

    fn switched(&mut self, decision: &Decision) {
        let attempt = decision.attempt;
        if decision.from != decision.to {
            self.moved = attempt;
            self.requested.take_if(|requested| !requested.is_open(attempt));
        }
        self.shared.journal.finish(attempt, Noted::Routed);
        // A drain that this attempt overtook will not be heard of any more.
        self.answer_waiting(|waiting| waiting != attempt, false);
        let mut text = match decision.kind {
            Kind::Promote => format!("{} is live: promoted by attempt {attempt}", decision.to),
            Kind::Rollback => {
                format!("{} is live: rolled back to by attempt {attempt}", decision.to)
            }
            Kind::Failover => {
                format!("{} is live: it took over by attempt {attempt}", decision.to)
            }
            Kind::Canary => format!("{decision}, by attempt {attempt}"),
        };
        if let Some(reason) = &decision.reason {
            text.push_str(&format!(" ({reason})"));
        }
        let kind = if decision.kind == Kind::Canary { "canary" } else { "switched" };
        if decision.kind == Kind::Failover {
            tracing::error!(%attempt, from = %decision.from, to = %decision.to, "failover: the live slot died");
        }
        self.shared.events.tell(kind, text, Some(decision.to.as_str()), Some(attempt.0));
        self.count(decision, "done");
        let Some(asked) = self.asked.take() else { return };
        let took = asked.accepted.elapsed();
        tracing::info!(%attempt, live = %decision.to, took_us = took.as_micros(), "switched");
        let mut outcome = outcome(decision, asked.effects, true);
        outcome.took_ms = Some((took.as_secs_f64() * 1e6).round() / 1e3);
        outcome.drained = match self.switch.phase() {
            Phase::Draining { slot, .. } => {
                let pinned = self.switch.pinned().is_some_and(|pinned| pinned.slot == slot);
                !pinned && self.shared.routing.slot(slot).in_flight() == 0
            }
            Phase::Steady | Phase::Recording(_) => true,
        };
        if asked.wait_drained && !outcome.drained {
            self.waiting.push((attempt, outcome, asked.reply));
        } else {
            let _ = asked.reply.send(Ok(outcome));
        }
    }

    pub(super) fn answer_waiting(&mut self, which: impl Fn(Attempt) -> bool, drained: bool) {
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
            Kind::Promote => self.shared.metrics.promotion(decision.to.as_str(), how),
            Kind::Rollback => self.shared.metrics.rollback(decision.to.as_str(), how),
            Kind::Failover if how == "done" => self.shared.metrics.failovers.inc(),
            Kind::Failover | Kind::Canary => {}
        }
    }

    pub(super) fn show_live(&self) {
        for (slot, metrics) in Slot::ALL.into_iter().zip(&self.shared.metrics.slots) {
            metrics.live.set(i64::from(slot == self.shared.routing.live()));
        }
        let share = self.switch.canary().map_or(0, |canary| canary.share.thousandths());
        self.shared.metrics.canary_share(share);
    }
}
