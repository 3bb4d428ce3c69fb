//! Which mode a slot is to be in, and what keeps it from being stopped.

use super::{Switch, meaningful};
use crate::modes::{Mode, ModeChange};
use crate::refusal::Refusal;
use crate::words::{Effect, Kind, News, Slot};

impl Switch {
    /// The mode that was recorded last.
    pub fn mode(&self, slot: Slot) -> Mode {
        self.modes[slot.index()]
    }

    /// Whether the change of a mode is on its way to disk.
    pub fn is_changing_mode(&self) -> bool {
        self.changing.is_some()
    }

    /// A slot that nobody names is the idle one.
    pub(super) fn set_mode(
        &mut self,
        slot: Option<Slot>,
        mode: Mode,
        reason: Option<String>,
        force: bool,
    ) -> Result<Vec<Effect>, Refusal> {
        let reason = meaningful(reason);
        self.may_start(force, reason.as_ref())?;
        if let Some(change) = &self.changing {
            return Err(Refusal::ModeChanging { slot: change.slot, mode: change.mode });
        }
        let slot = slot.unwrap_or(self.live.other());
        if self.stops(slot, mode) {
            self.may_stop(slot, mode)?;
        }
        let kept = self.kept.as_ref().filter(|kept| kept.slot == slot && mode != Mode::Full);
        let for_rollback =
            kept.is_some_and(|kept| matches!(kept.left_by, Kind::Promote | Kind::Failover));
        if for_rollback && !force {
            return Err(Refusal::KeptForRollback { slot, mode });
        }
        Ok(self.begin_mode(slot, mode, reason, force && for_rollback))
    }

    /// The time of the slot is over: it goes into the mode that the rules say.
    pub(super) fn after_keep(&mut self, slot: Slot) -> Vec<Effect> {
        let mode = self.rules.after_keep[slot.index()];
        // An operator's own wish that is being recorded comes first.
        if mode == self.mode(slot) || mode == Mode::Full || self.changing.is_some() {
            return Vec::new();
        }
        let reason = Some("it is no longer kept for a rollback".to_owned());
        self.begin_mode(slot, mode, reason, false)
    }

    fn begin_mode(
        &mut self,
        slot: Slot,
        mode: Mode,
        reason: Option<String>,
        forced: bool,
    ) -> Vec<Effect> {
        self.changes += 1;
        let mut modes = self.modes;
        modes[slot.index()] = mode;
        let mut given_up = self.given_up;
        if mode != Mode::Full
            && let Some(left) = self.left.filter(|(_, left)| *left == slot)
        {
            given_up = given_up.max(left.0);
        }
        let number = self.changes;
        let change = ModeChange { number, slot, mode, modes, reason, forced, given_up };
        self.changing = Some(change.clone());
        vec![Effect::RecordMode(change)]
    }

    /// Whether what runs there would be stopped. What runs on the CPU is started anew for the GPU: that stops it, too.
    fn stops(&self, slot: Slot, mode: Mode) -> bool {
        mode != Mode::Full || self.mode(slot) == Mode::Cpu
    }

    fn may_stop(&self, slot: Slot, mode: Mode) -> Result<(), Refusal> {
        if slot == self.live {
            return Err(Refusal::StandbyLive { slot, mode });
        }
        if self.canary.as_ref().is_some_and(|canary| canary.slot == slot) {
            return Err(Refusal::StandbyCanary { slot, mode });
        }
        if self.draining.is_some_and(|(_, draining)| draining == slot) {
            return Err(Refusal::StandbyDraining { slot, mode });
        }
        if self.pinned.is_some_and(|pinned| pinned.slot == slot) {
            return Err(Refusal::StandbyPinned { slot, mode });
        }
        Ok(())
    }

    /// Whether requests may be sent to `slot`, as far as its mode goes. Nobody can force a slot that does not run.
    pub(super) fn awake(&self, slot: Slot, force: bool) -> Result<(), Refusal> {
        if let Some(change) = self.changing.as_ref().filter(|change| change.slot == slot)
            && self.stops(slot, change.mode)
        {
            return Err(Refusal::ModeChanging { slot, mode: change.mode });
        }
        match self.mode(slot) {
            Mode::Asleep => Err(Refusal::Asleep { slot }),
            // What is live already stays so.
            Mode::Cpu if !force && slot != self.live => Err(Refusal::OnCpu { slot }),
            Mode::Cpu | Mode::Full => Ok(()),
        }
    }

    pub(super) fn mode_recorded(&mut self, number: u64) -> Vec<Effect> {
        let Some(change) = self.changing.take_if(|change| change.number == number) else {
            return Vec::new();
        };
        let ModeChange { slot, mode, given_up, .. } = change;
        self.modes[slot.index()] = mode;
        self.given_up = given_up;
        let mut effects = Vec::new();
        if let Some(kept) = self.kept.take_if(|kept| kept.slot == slot && mode != Mode::Full) {
            self.retired = Some(slot);
            effects.push(Effect::Retire { attempt: kept.attempt, slot });
            effects.push(Effect::Notify(News::Retired { attempt: kept.attempt, slot }));
        }
        effects.push(Effect::SetMode { slot, mode });
        effects.push(Effect::Notify(News::ModeSet(change)));
        effects
    }

    pub(super) fn mode_record_failed(&mut self, number: u64, cause: String) -> Vec<Effect> {
        match self.changing.take_if(|change| change.number == number) {
            Some(change) => vec![Effect::Notify(News::ModeStayed { change, cause })],
            None => Vec::new(),
        }
    }
}
