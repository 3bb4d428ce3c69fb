//! Every "no" of the switch, with its numbers and what to do about it.

use crate::modes::Mode;
use crate::words::{Attempt, Slot};

/// Why the switch does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("attempt {running} is still being recorded")]
    AttemptInProgress { running: Attempt },
    #[error("attempt {now} came first: you had seen {seen}")]
    Overtaken { seen: Attempt, now: Attempt },
    #[error("{slot} is already live")]
    AlreadyLive { slot: Slot },
    #[error("{slot} has no workers")]
    NoWorkers { slot: Slot },
    #[error("{slot} is not ready: {ready} of {total} workers ready")]
    NotReady { slot: Slot, ready: u32, total: u32 },
    #[error("{slot} does not say what it serves: its fingerprint is unknown")]
    FingerprintUnknown { slot: Slot },
    #[error("the workers of {slot} serve {count} different releases: {names}")]
    ReleasesDiffer { slot: Slot, count: usize, names: String },
    #[error("force needs a reason")]
    ForceNeedsReason,
    #[error("no canary is running")]
    NoCanary,
    #[error("the stages do not lead to 100%: {stages}")]
    StagesDoNotRise { stages: String },
    #[error("{slot} is live: a promotion in stages leads to the idle slot")]
    StagesToLive { slot: Slot },
    #[error("there is nothing to roll back to: {live} has not replaced another slot")]
    NothingToRollBack { live: Slot },
    #[error("{slot} is no longer kept for a rollback")]
    RollbackWindowOver { slot: Slot },
    #[error("{slot} no longer serves the release that was live: {was} then, {is} now")]
    ReleaseChanged { slot: Slot, was: String, is: String },
    #[error("{slot} is asleep")]
    Asleep { slot: Slot },
    #[error("{slot} runs on the CPU only")]
    OnCpu { slot: Slot },
    #[error("the mode of {slot} is being changed to {mode}")]
    ModeChanging { slot: Slot, mode: Mode },
    #[error("{slot} is live: only the idle slot can be set to {mode}")]
    StandbyLive { slot: Slot, mode: Mode },
    #[error("{slot} gets the requests of a canary: it cannot be set to {mode}")]
    StandbyCanary { slot: Slot, mode: Mode },
    #[error("{slot} finishes its running answers: it cannot be set to {mode} yet")]
    StandbyDraining { slot: Slot, mode: Mode },
    #[error("conversations stay on {slot}: it cannot be set to {mode} yet")]
    StandbyPinned { slot: Slot, mode: Mode },
    #[error("{slot} is kept for a rollback, which needs it as it is")]
    KeptForRollback { slot: Slot, mode: Mode },
}

impl Refusal {
    /// A word for scripts, never changed once published.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AttemptInProgress { .. } => "attempt_in_progress",
            Self::Overtaken { .. } => "overtaken",
            Self::AlreadyLive { .. } => "already_live",
            Self::NoWorkers { .. } => "no_workers",
            Self::NotReady { .. } => "not_ready",
            Self::FingerprintUnknown { .. } => "fingerprint_unknown",
            Self::ReleasesDiffer { .. } => "releases_differ",
            Self::ForceNeedsReason => "force_needs_reason",
            Self::NoCanary => "no_canary",
            Self::StagesDoNotRise { .. } => "stages_do_not_rise",
            Self::StagesToLive { .. } => "stages_to_live",
            Self::NothingToRollBack { .. } => "nothing_to_roll_back",
            Self::RollbackWindowOver { .. } => "rollback_window_over",
            Self::ReleaseChanged { .. } => "release_changed",
            Self::Asleep { .. } => "asleep",
            Self::OnCpu { .. } => "on_cpu",
            Self::ModeChanging { .. } => "mode_changing",
            Self::StandbyLive { .. } => "slot_live",
            Self::StandbyCanary { .. } => "slot_canary",
            Self::StandbyDraining { .. } => "slot_draining",
            Self::StandbyPinned { .. } => "slot_pinned",
            Self::KeptForRollback { .. } => "kept_for_rollback",
        }
    }

    /// What the operator can do next.
    pub fn hint(&self) -> String {
        match self {
            Self::AttemptInProgress { .. } => "switchctl status shows when it is over".to_owned(),
            Self::Overtaken { .. } => "switchctl status shows what happened meanwhile".to_owned(),
            Self::AlreadyLive { .. } => "switchctl status shows what each slot serves".to_owned(),
            Self::NoWorkers { slot } => {
                format!("list its workers under slots.{slot}.workers in the settings file")
            }
            Self::NotReady { slot, .. } => format!("switchctl wait {slot} --timeout 60s"),
            Self::FingerprintUnknown { .. } => {
                "the workers' /health must name knowledge.fingerprint; or use --force --reason"
                    .to_owned()
            }
            Self::ReleasesDiffer { .. } => {
                "bring every worker of the slot to the same release".to_owned()
            }
            Self::ForceNeedsReason => "say why with --reason".to_owned(),
            Self::NoCanary => "start one with: switchctl canary 5%".to_owned(),
            Self::StagesDoNotRise { .. } => {
                "give rising shares that end in 100%, such as --steps 5%,25%,50%,100%".to_owned()
            }
            Self::StagesToLive { slot } => {
                format!("switchctl promote {} --steps 5%,25%,50%,100%", slot.other())
            }
            Self::NothingToRollBack { live } => format!("switchctl promote {}", live.other()),
            Self::RollbackWindowOver { slot } | Self::ReleaseChanged { slot, .. } => {
                format!("switchctl promote {slot}")
            }
            Self::Asleep { slot } | Self::OnCpu { slot } => format!("switchctl wake {slot}"),
            Self::ModeChanging { .. } => "switchctl status shows when it is over".to_owned(),
            Self::StandbyLive { slot, .. } => format!("switchctl promote {}", slot.other()),
            Self::StandbyCanary { .. } => "end it first: switchctl canary off".to_owned(),
            Self::StandbyDraining { slot, .. } => format!("switchctl drain {slot} --watch"),
            Self::StandbyPinned { .. } => "switchctl status shows until when".to_owned(),
            Self::KeptForRollback { slot, mode } => format!(
                "wait until it is retired, or give the rollback up: switchctl sleep {slot} --mode {mode} --force --reason TEXT"
            ),
        }
    }

    /// The numbers inside, by name.
    pub fn numbers(&self) -> Vec<(&'static str, u64)> {
        match self {
            Self::AttemptInProgress { running } => vec![("running_attempt", running.0)],
            Self::Overtaken { seen, now } => vec![("seen", seen.0), ("attempt", now.0)],
            Self::NotReady { ready, total, .. } => {
                vec![("ready", u64::from(*ready)), ("total", u64::from(*total))]
            }
            Self::ReleasesDiffer { count, .. } => vec![("releases", *count as u64)],
            Self::AlreadyLive { .. }
            | Self::NoWorkers { .. }
            | Self::FingerprintUnknown { .. }
            | Self::ForceNeedsReason
            | Self::NoCanary
            | Self::StagesDoNotRise { .. }
            | Self::StagesToLive { .. }
            | Self::NothingToRollBack { .. }
            | Self::RollbackWindowOver { .. }
            | Self::ReleaseChanged { .. }
            | Self::Asleep { .. }
            | Self::OnCpu { .. }
            | Self::ModeChanging { .. }
            | Self::StandbyLive { .. }
            | Self::StandbyCanary { .. }
            | Self::StandbyDraining { .. }
            | Self::StandbyPinned { .. }
            | Self::KeptForRollback { .. } => Vec::new(),
        }
    }
}
