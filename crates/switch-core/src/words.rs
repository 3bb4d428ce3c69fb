//! The words of the switch: slots, attempts, releases, what can happen and what is to be done.

use std::fmt;
use std::time::Duration;

use crate::modes::{Mode, ModeChange};

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

    /// The moment `span` earlier; the epoch when that is before it.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
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
    /// Whether every worker's probes have reached a verdict.
    pub judged: bool,
    pub identity: Identity,
}

impl SlotReport {
    /// Before any probe: nothing is proven.
    pub fn unproven(total: u32) -> Self {
        Self { ready: 0, total, judged: false, identity: Identity::Unknown }
    }
}

/// How a decision came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Promote,
    Rollback,
    /// Another part of the new requests goes to the idle slot; the live slot stays.
    Canary,
    /// The live slot had died, and the idle one took its place without being asked.
    Failover,
}

impl Kind {
    /// Every kind, in the order of the history's words.
    pub const ALL: [Self; 4] = [Self::Promote, Self::Rollback, Self::Canary, Self::Failover];

    /// `promote`, `rollback`, `canary` or `failover`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Canary => "canary",
            Self::Failover => "failover",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A part of the new requests, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(1000);

    /// `None` when there are more than a thousand thousandths.
    pub fn per_mille(thousandths: u16) -> Option<Self> {
        (thousandths <= 1000).then_some(Self(thousandths))
    }

    /// 0–1000.
    pub fn thousandths(self) -> u16 {
        self.0
    }
}

/// In percent, such as `5%` or `0.1%`.
impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (percent, 0) => write!(formatter, "{percent}%"),
            (percent, tenths) => write!(formatter, "{percent}.{tenths}%"),
        }
    }
}

/// Requests that go to the idle slot during a canary, whatever the share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    Header {
        name: String,
        value: String,
    },
    Cookie {
        name: String,
        value: String,
    },
    /// A claim of the caller's verified token.
    Claim {
        name: String,
        value: String,
    },
    /// The path begins so.
    Path {
        prefix: String,
    },
    /// The client's address is in this network, such as `10.0.0.0/8`.
    Source {
        network: String,
    },
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { name, value } => write!(formatter, "header {name}={value}"),
            Self::Cookie { name, value } => write!(formatter, "cookie {name}={value}"),
            Self::Claim { name, value } => write!(formatter, "claim {name}={value}"),
            Self::Path { prefix } => write!(formatter, "path {prefix}"),
            Self::Source { network } => write!(formatter, "source {network}"),
        }
    }
}

/// Which new requests go to the idle slot while the other one is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The slot that is tried; never the live one.
    pub slot: Slot,
    pub share: Share,
    pub rules: Vec<Rule>,
    /// What the slot served when the canary began.
    pub release: Option<Release>,
}

impl Canary {
    /// Whether it sends nothing anywhere.
    pub fn is_empty(&self) -> bool {
        self.share == Share::NONE && self.rules.is_empty()
    }
}

/// Such as `5% to green` or `0.5%, header x-team=qa to green`.
impl fmt::Display for Canary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.share != Share::NONE || self.rules.is_empty() {
            write!(formatter, "{}", self.share)?;
        }
        for (index, rule) in self.rules.iter().enumerate() {
            let comma = if index == 0 && self.share == Share::NONE { "" } else { ", " };
            write!(formatter, "{comma}{rule}")?;
        }
        write!(formatter, " to {}", self.slot)
    }
}

/// The rest of a promotion that goes through stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages {
    /// The shares still to come; the last one is [`Share::ALL`].
    pub left: Vec<Share>,
    pub every: Duration,
    /// When the next one is due.
    pub due: Timestamp,
    pub reason: Option<String>,
    /// Whether the operator overrode a requirement, for all the stages.
    pub forced: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Probes changed what is known about a slot.
    Report { slot: Slot, report: SlotReport },
    /// An operator asks for `to`, or the idle slot. `seen` is the last attempt the operator knew of: of two operators
    /// who ask for the idle slot at the same moment, the second must not undo the first.
    /// With `stages`, the shares come one after the other, `every` so often, and only the last one makes the slot live.
    Promote {
        to: Option<Slot>,
        reason: Option<String>,
        force: bool,
        seen: Option<Attempt>,
        stages: Vec<Share>,
        every: Duration,
    },
    /// An operator sends a part of the new requests to the idle slot, or none any more.
    Canary { share: Share, rules: Vec<Rule>, reason: Option<String>, force: bool },
    /// An operator asks for the slot that was live before.
    Rollback { reason: Option<String>, force: bool },
    /// An operator wants a slot, or the idle one, in another mode.
    Standby { slot: Option<Slot>, mode: Mode, reason: Option<String>, force: bool },
    /// The decision of `attempt` is on disk.
    Recorded { attempt: Attempt },
    /// The decision of `attempt` could not be written.
    RecordFailed { attempt: Attempt, cause: String },
    /// The change of a mode with this number is on disk.
    ModeRecorded { number: u64 },
    /// The change of a mode with this number could not be written.
    ModeRecordFailed { number: u64, cause: String },
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
    /// What goes to the idle slot from now on.
    pub canary: Option<Canary>,
    /// What is still to come of a promotion in stages.
    pub stages: Option<Stages>,
}

/// Something to be done, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write the decision to disk, and answer with [`Event::Recorded`] or [`Event::RecordFailed`].
    Record(Decision),
    /// New requests go to `slot`, and some to a canary, from now on. Conversations that began on `pinned` stay there.
    RouteTo {
        attempt: Attempt,
        slot: Slot,
        release: Option<Release>,
        canary: Option<Canary>,
        pinned: Option<Slot>,
    },
    /// Let the answers running on `slot` finish, and answer with [`Event::Drained`].
    Drain { attempt: Attempt, slot: Slot },
    /// `slot` is no longer kept for a rollback.
    Retire { attempt: Attempt, slot: Slot },
    /// Write the change of a mode to disk, and answer with [`Event::ModeRecorded`] or [`Event::ModeRecordFailed`].
    RecordMode(ModeChange),
    /// Bring the workers of `slot` into `mode`.
    SetMode { slot: Slot, mode: Mode },
    /// Conversations no longer stay on the slot left by `attempt`: every new request goes by the table.
    Unpin { attempt: Attempt, slot: Slot },
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
    /// A promotion in stages goes no further: `slot` is no longer fit for requests.
    Halted { slot: Slot, because: String },
    /// The live slot has no ready worker.
    LiveDown { slot: Slot },
    /// A slot is to be in another mode.
    ModeSet(ModeChange),
    /// The change of a mode could not be recorded: the slot stays in the mode it was.
    ModeStayed { change: ModeChange, cause: String },
}

/// Such as `promote green`, `canary 5% to green` or `canary off`.
impl fmt::Display for Decision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.canary) {
            (Kind::Canary, Some(canary)) => write!(formatter, "canary {canary}"),
            (Kind::Canary, None) => formatter.write_str("canary off"),
            (Kind::Promote | Kind::Rollback | Kind::Failover, _) => {
                write!(formatter, "{} {}", self.kind.as_str(), self.to)
            }
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(decision) => {
                let forced = if decision.forced { ", forced" } else { "" };
                write!(formatter, "record attempt {}: {decision}{forced}", decision.attempt)
            }
            Self::RouteTo { slot, canary: None, .. } => {
                write!(formatter, "route new requests to {slot}")
            }
            Self::RouteTo { slot, canary: Some(canary), .. } => {
                write!(formatter, "route new requests to {slot}, but {canary}")
            }
            Self::Unpin { slot, .. } => write!(formatter, "end {slot}'s conversations"),
            Self::Drain { slot, .. } => write!(formatter, "drain {slot}"),
            Self::Retire { slot, .. } => write!(formatter, "retire {slot}"),
            Self::Notify(News::Switched(decision)) if decision.kind == Kind::Canary => {
                write!(formatter, "notify: {decision}")
            }
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
            Self::Notify(News::Halted { slot, .. }) => {
                write!(formatter, "notify: {slot} gets no more stages")
            }
            Self::RecordMode(change) => write!(formatter, "record: {change}"),
            Self::SetMode { slot, mode } => write!(formatter, "set {slot} to {mode}"),
            Self::Notify(News::ModeSet(ModeChange { slot, mode, .. })) => {
                write!(formatter, "notify: {slot} is to be {mode}")
            }
            Self::Notify(News::ModeStayed { change, .. }) => {
                write!(formatter, "notify: {} stays as it was", change.slot)
            }
            Self::Notify(News::LiveDown { slot }) => {
                write!(formatter, "notify: {slot} has no ready worker")
            }
        }
    }
}
