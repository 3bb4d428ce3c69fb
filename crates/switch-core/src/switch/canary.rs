//! Part of the traffic to the idle slot: a canary, and promotions in stages, which are canaries that grow.

use std::time::Duration;

use super::proof::agreed;
use super::{Switch, meaningful};
use crate::refusal::Refusal;
use crate::words::{Canary, Effect, Kind, News, Rule, Share, Slot, Stages, Timestamp};

impl Switch {
    /// A stage waits until the probes have reached their verdicts after a restart.
    pub(super) fn stage_due(&self) -> Option<Timestamp> {
        let stages = self.stages.as_ref()?;
        self.report(self.live.other()).judged.then_some(stages.due)
    }

    pub(super) fn next_stage_when_due(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.recording.is_some() || self.stage_due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        let Some(mut stages) = self.stages.clone() else { return Vec::new() };
        let idle = self.live.other();
        if !stages.forced
            && let Err(refusal) = self.fit(idle)
        {
            return self.halt(&refusal.to_string());
        }
        let share = if stages.left.is_empty() { Share::ALL } else { stages.left.remove(0) };
        let (reason, forced) = (stages.reason.clone(), stages.forced);
        if share == Share::ALL {
            return self.begin(Kind::Promote, idle, reason, forced, None, None);
        }
        stages.due = now.after(stages.every);
        let rules = self.canary.as_ref().map(|canary| canary.rules.clone()).unwrap_or_default();
        let canary = Canary { slot: idle, share, rules, release: agreed(self.report(idle)) };
        self.begin(Kind::Canary, self.live, reason, forced, Some(canary), Some(stages))
    }

    /// Takes all requests back to the live slot in the middle of a promotion in stages.
    pub(super) fn halt(&mut self, because: &str) -> Vec<Effect> {
        let slot = self.live.other();
        let reason = Some(format!("halted: {because}"));
        let mut effects = self.begin(Kind::Canary, self.live, reason, false, None, None);
        effects.push(Effect::Notify(News::Halted { slot, because: because.to_owned() }));
        effects
    }

    pub(super) fn set_canary(
        &mut self,
        share: Share,
        rules: Vec<Rule>,
        reason: Option<String>,
        force: bool,
    ) -> Result<Vec<Effect>, Refusal> {
        let reason = meaningful(reason);
        self.may_start(force, reason.as_ref())?;
        let slot = self.live.other();
        let canary = Canary { slot, share, rules, release: agreed(self.report(slot)) };
        if canary.is_empty() {
            if self.canary.is_none() {
                return Err(Refusal::NoCanary);
            }
            return Ok(self.begin(Kind::Canary, self.live, reason, force, None, None));
        }
        self.awake(slot, force)?;
        if !force {
            self.fit(slot)?;
        }
        Ok(self.begin(Kind::Canary, self.live, reason, force, Some(canary), None))
    }

    pub(super) fn promote_in_stages(
        &mut self,
        to: Option<Slot>,
        reason: Option<String>,
        forced: bool,
        mut left: Vec<Share>,
        every: Duration,
        now: Timestamp,
    ) -> Result<Vec<Effect>, Refusal> {
        let reason = meaningful(reason);
        let slot = self.live.other();
        if to.is_some_and(|to| to != slot) {
            return Err(Refusal::StagesToLive { slot: self.live });
        }
        let rising = left.windows(2).all(|pair| matches!(pair, [low, high] if low < high));
        if !rising || left.first() == Some(&Share::NONE) || left.last() != Some(&Share::ALL) {
            let stages: Vec<String> = left.iter().map(Share::to_string).collect();
            return Err(Refusal::StagesDoNotRise { stages: stages.join(", ") });
        }
        self.awake(slot, forced)?;
        if !forced {
            self.fit(slot)?;
        }
        let share = left.remove(0);
        let rules = self.canary.as_ref().map(|canary| canary.rules.clone()).unwrap_or_default();
        let canary = Canary { slot, share, rules, release: agreed(self.report(slot)) };
        let due = now.after(every);
        let stages = Stages { left, every, due, reason: reason.clone(), forced };
        Ok(self.begin(Kind::Canary, self.live, reason, forced, Some(canary), Some(stages)))
    }
}
