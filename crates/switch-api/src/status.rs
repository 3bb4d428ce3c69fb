//! Where everything stands: `GET /v1/status`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET /v1/status`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Status {
    /// The live slot: `blue` or `green`.
    pub live: String,
    /// The last attempt to change the live slot; 0 before the first.
    pub attempt: u64,
    /// `steady`, `recording` or `draining`.
    pub phase: String,
    pub slots: BTreeMap<String, SlotStatus>,
    /// The slot that `rollback` would go back to, while it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// The answers still running on the slot left last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Drain>,
    /// What goes to the idle slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// The slot on which conversations stay although it is no longer live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
    /// The share of the requests that is copied to the idle slot, such as `5%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<String>,
    /// A promotion that was asked for and is not decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<PromotionRequest>,
    /// Where the front door really listens.
    pub listen: String,
    /// How the proxy follows that carries the requests instead of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drive: Option<String>,
    /// The gateway's version.
    pub version: String,
    /// The gateway's process; 0 when it does not say.
    #[serde(default)]
    pub pid: u32,
}

/// One slot in [`Status`].
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct SlotStatus {
    /// `ready` (every worker), `degraded` (some), `mismatch` (another release than recorded), `unproven`, `down`,
    /// `asleep`, `waking` or `empty`.
    pub state: String,
    /// Requests being answered.
    pub in_flight: u64,
    pub workers: Vec<WorkerStatus>,
    /// What the slot serves: a ready worker's `/health`, whole; `null` while unknown.
    pub release: Value,
    /// The short name sent as `x-switchyard-release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_name: Option<String>,
    /// Whether the slot was live once and is no longer kept for a rollback.
    #[serde(default)]
    pub retired: bool,
    /// Conversations known to have begun here, while they are remembered.
    #[serde(default)]
    pub conversations: u64,
    /// How the slot's workers are started and stopped, where the settings say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<Standby>,
}

/// One worker in [`SlotStatus`].
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct WorkerStatus {
    pub address: String,
    /// `ready`, `unproven`, `down`, `mismatch`, `ejected` or `asleep`.
    pub state: String,
    pub in_flight: u64,
    /// The circuit breaker: `closed` (requests go through), `open` (none do), `half_open` (one is let through to see).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<String>,
    /// Why it is not ready, in the probe's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The mode of a slot, and how far its workers have come into it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Standby {
    /// The mode that was recorded last: `full`, `cpu` or `asleep`.
    pub mode: String,
    /// `awake` (every worker is ready), `waking`, `stopping`, `asleep`, `restarting` (a worker has ended and is started
    /// again), `failed`, or `left` (nobody has asked the gateway to touch them).
    pub state: String,
    /// `process`, `systemd` or `command`.
    pub driver: String,
    /// What is under way or went wrong, a line for each worker concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<String>,
    /// What to do about it, where something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The slot that can be rolled back to.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Kept {
    pub slot: String,
    /// RFC 3339.
    pub until: String,
    /// Whether `rollback` would go there; a slot left by a rollback is only kept warm.
    pub rollback: bool,
}

/// A drain under way.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Drain {
    pub slot: String,
    pub attempt: u64,
    /// Answers still running.
    pub left: u64,
    /// When the answers that still run are ended, if an operator has said so. RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
}

/// What goes to the idle slot.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Canary {
    pub slot: String,
    /// In percent, such as `5%` or `0.1%`.
    pub share: String,
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What is still to come of a promotion in stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Stages>,
}

/// Requests that go to the idle slot whatever the share.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase", tag = "by", deny_unknown_fields)]
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
    /// The beginning of the path.
    Path {
        prefix: String,
    },
    /// The client's network, such as `10.0.0.0/8`.
    Source {
        network: String,
    },
}

/// The rest of a promotion in stages.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Stages {
    /// The shares still to come.
    pub left: Vec<String>,
    /// Seconds between two.
    pub every_s: f64,
    /// When the next one is due. RFC 3339.
    pub due: String,
}

/// The slot on which conversations stay although it is no longer live.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Pinned {
    pub slot: String,
    /// RFC 3339.
    pub until: String,
}

/// A promotion that somebody has asked for: what an operator needs to decide.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct PromotionRequest {
    pub slot: String,
    /// What the slot served when it was asked for.
    pub release_name: String,
    /// RFC 3339.
    pub at: String,
    pub who: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Finding>,
    /// Whether the slot still serves that.
    pub stands: bool,
}

/// One figure in favor of a release, or against it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Such as `recall@5`.
    pub name: String,
    pub value: f64,
    /// The same of the live slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<f64>,
    /// How likely a difference this large is chance, 0.0–1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
}
