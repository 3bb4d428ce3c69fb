//! The words of the switch: slots, attempts, releases, what can happen and what is to be done.

use std::fmt;
use std::time::Duration;

/// One of the two places where workers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    Blue,
    Green,
}

impl Slot {
    /// Both slots, blue first.
    pub const ALL: [Self; 2] = [Self::Blue, Self::Green];

    /// The slot that is not this one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// `blue` or `green`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }

    /// Position in [`Slot::ALL`].
    pub fn index(self) -> usize {
        match self {
            Self::Blue => 0,
            Self::Green => 1,
        }
    }

    /// The slot called `name`, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.as_str() == name)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A moment, in milliseconds since the Unix epoch. Never read from a clock in here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The moment `span` later; the end of time when that is beyond it.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// One numbered try to change the live slot. News about an older attempt changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u64);

impl fmt::Display for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// What a slot serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Short and readable, such as `SmolLM2-135M@v20261123`.
    pub label: String,
    /// The knowledge base's fingerprint together with the model's hash: equal releases answer alike.
    pub fingerprint: String,
}

/// What the ready workers of a slot say they serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// No ready worker has said.
    Unknown,
    /// Every ready worker says this.
    Agreed(Release),
    /// Ready workers differ; the releases they name.
    Divided(Vec<Release>),
}

/// What is known about a slot's workers at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotReport {
    /// Workers whose probes have passed often enough.
    pub ready: u32,
    /// Workers configured.
    pub total: u32,
    pub identity: Identity,
}

impl SlotReport {
    /// Before any probe: nothing is proven.
    pub fn unproven(total: u32) -> Self {
        Self { ready: 0, total, identity: Identity::Unknown }
    }
}

/// How a decision came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Promote,
    Rollback,
}

impl Kind {
    /// `promote` or `rollback`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Rollback => "rollback",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Probes changed what is known about a slot.
    Report { slot: Slot, report: SlotReport },
    /// An operator asks for `to`, or the idle slot. `seen` is the last attempt the operator knew of: of two operators
    /// who ask for the idle slot at the same moment, the second must not undo the first.
    Promote { to: Option<Slot>, reason: Option<String>, force: bool, seen: Option<Attempt> },
    /// An operator asks for the slot that was live before.
    Rollback { reason: Option<String>, force: bool },
    /// The decision of `attempt` is on disk.
    Recorded { attempt: Attempt },
    /// The decision of `attempt` could not be written.
    RecordFailed { attempt: Attempt, cause: String },
    /// The last answer on the slot left by `attempt` has ended.
    Drained { attempt: Attempt },
    /// Time passed; see [`crate::Switch::next_wakeup`].
    Tick,
}

/// A decision to change the live slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub attempt: Attempt,
    pub kind: Kind,
    pub from: Slot,
    pub to: Slot,
    pub reason: Option<String>,
    /// Whether a requirement was overridden or asked to be.
    pub forced: bool,
    /// What `to` serves, when its workers agree.
    pub to_release: Option<Release>,
    /// What `from` was recorded to serve, or serves.
    pub from_release: Option<Release>,
}

/// Something to be done, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write the decision to disk, and answer with [`Event::Recorded`] or [`Event::RecordFailed`].
    Record(Decision),
    /// New requests go to `slot`, from now on.
    RouteTo { attempt: Attempt, slot: Slot, release: Option<Release> },
    /// Let the answers running on `slot` finish, and answer with [`Event::Drained`].
    Drain { attempt: Attempt, slot: Slot },
    /// `slot` is no longer kept for a rollback.
    Retire { attempt: Attempt, slot: Slot },
    /// Tell whoever listens.
    Notify(News),
}

/// What listeners are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// New requests go to the decision's slot.
    Switched(Decision),
    /// The decision could not be recorded: traffic stayed where it was.
    Stayed { decision: Decision, cause: String },
    /// The last answer on the slot left by `attempt` has ended.
    Drained { attempt: Attempt, slot: Slot },
    /// The slot left by `attempt` can no longer be rolled back to.
    Retired { attempt: Attempt, slot: Slot },
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(decision) => {
                let forced = if decision.forced { ", forced" } else { "" };
                write!(
                    formatter,
                    "record attempt {}: {} {}{forced}",
                    decision.attempt,
                    decision.kind.as_str(),
                    decision.to
                )
            }
            Self::RouteTo { slot, .. } => write!(formatter, "route new requests to {slot}"),
            Self::Drain { slot, .. } => write!(formatter, "drain {slot}"),
            Self::Retire { slot, .. } => write!(formatter, "retire {slot}"),
            Self::Notify(News::Switched(decision)) => {
                write!(formatter, "notify: {} is live", decision.to)
            }
            Self::Notify(News::Stayed { decision, .. }) => {
                write!(formatter, "notify: {} stays live", decision.from)
            }
            Self::Notify(News::Drained { slot, .. }) => {
                write!(formatter, "notify: {slot} is drained")
            }
            Self::Notify(News::Retired { slot, .. }) => {
                write!(formatter, "notify: {slot} is retired")
            }
        }
    }
}
