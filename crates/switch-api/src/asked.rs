//! What operators ask for, and what is answered when it is done.

use serde::{Deserialize, Serialize};

use crate::{Canary, Finding, Rule};

/// `POST /v1/request`: asks for the promotion of what a slot serves, in place of what was asked for before.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct RequestPromotion {
    /// `blue` or `green`; the idle slot when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The fingerprint of the knowledge base that is meant; refused when the slot serves another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Finding>,
    /// Take back what was asked for.
    pub withdraw: bool,
}

/// `POST /v1/promote`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Promote {
    /// `blue` or `green`; the idle slot when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub force: bool,
    pub dry_run: bool,
    pub wait: Wait,
    /// The last attempt the operator has seen; refused when another came meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_attempt: Option<u64>,
    /// Rising shares that end in `100%`; at once when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// Seconds between two steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_s: Option<f64>,
}

/// `POST /v1/warm`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Warm {
    /// `blue` or `green`; the idle slot when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
}

/// `POST /v1/standby`: a slot's workers are to be in another mode. Answered with [`ModeSet`] once that is recorded;
/// `status` says how far it has come.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SetMode {
    /// `blue` or `green`; the idle slot when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// `full`, `cpu` or `asleep`.
    pub mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Give up the rollback to a slot that is kept. Needs a reason, and is recorded.
    #[serde(default)]
    pub force: bool,
}

/// The answer to [`SetMode`].
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct ModeSet {
    pub slot: String,
    pub mode: String,
    pub forced: bool,
    /// One sentence.
    pub text: String,
}

/// `POST /v1/canary`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct SetCanary {
    /// In percent, such as `5%` or `0.1%`; together with no rules, `0%` ends the canary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    pub rules: Vec<Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub force: bool,
    pub dry_run: bool,
}

/// `POST /v1/shadow`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SetShadow {
    /// In percent, such as `5%`; `0%` ends it.
    pub share: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to `POST /v1/reload`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Reloaded {
    /// Each changed key with its old and new value; empty when nothing changed.
    pub changes: Vec<Change>,
}

/// One changed key of the settings.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Change {
    /// Such as `health.interval` or `slots.blue.workers[0]`.
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The answer to what is not a switch.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Done {
    /// One sentence.
    pub text: String,
}

/// `POST /v1/drain`: ends what still runs on a slot that is being drained, at a time.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SetDeadline {
    /// Seconds from now.
    pub deadline_s: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /v1/rollback`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Rollback {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub force: bool,
    pub dry_run: bool,
    pub wait: Wait,
}

/// When a switch answers.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// New requests go to the new slot.
    #[default]
    Routed,
    /// The last answer on the old slot has ended, too.
    Drained,
}

/// The answer to `promote` and `rollback`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Outcome {
    pub attempt: u64,
    /// `promote`, `rollback` or `canary`.
    pub kind: String,
    pub from: String,
    pub to: String,
    /// Whether anything changed; false for a dry run.
    pub done: bool,
    pub forced: bool,
    /// What was done, or would be, in order.
    pub effects: Vec<String>,
    /// What goes to the idle slot afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// Whether the old slot has no answer running.
    pub drained: bool,
    /// Milliseconds between accepting the request and routing to the new slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<f64>,
}
