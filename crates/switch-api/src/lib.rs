//! The words `switchctl` and the gateway say to each other, under `/v1` of the admin API.

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
    /// Where the front door really listens.
    pub listen: String,
    /// The gateway's version.
    pub version: String,
}

/// One slot in [`Status`].
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct SlotStatus {
    /// `ready` (every worker), `degraded` (some), `mismatch` (another release than recorded), `unproven`, `down` or
    /// `empty`.
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
}

/// One worker in [`SlotStatus`].
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct WorkerStatus {
    pub address: String,
    /// `ready`, `unproven`, `down`, `mismatch` or `ejected`.
    pub state: String,
    pub in_flight: u64,
    /// Why it is not ready, in the probe's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
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
    pub from: String,
    pub to: String,
    /// Whether anything changed; false for a dry run.
    pub done: bool,
    pub forced: bool,
    /// What was done, or would be, in order.
    pub effects: Vec<String>,
    /// Whether the old slot has no answer running.
    pub drained: bool,
    /// Milliseconds between accepting the request and routing to the new slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<f64>,
}

/// `GET /v1/history?limit=N`, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct History {
    pub decisions: Vec<Decision>,
}

/// One line of [`History`].
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Decision {
    pub attempt: u64,
    /// `promote` or `rollback`.
    pub kind: String,
    pub from: String,
    pub to: String,
    /// RFC 3339.
    pub at: String,
    /// A user name, or the address of an HTTP caller.
    pub who: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub forced: bool,
    /// `routed`, `drained`, or `interrupted` when the gateway ended before it could say more.
    pub outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_release: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_release: Option<String>,
}

/// One event of `GET /v1/events` (server-sent events; the event's name is `kind`).
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Event {
    /// RFC 3339.
    pub at: String,
    /// `switched`, `stayed`, `drained`, `retired`, `slot`, `worker`, `mismatch`, `refused` or `lagged`.
    pub kind: String,
    /// One sentence for people.
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Failure {
    pub error: Problem,
}

/// Why the answer is no.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Problem {
    /// A word for scripts, such as `not_ready`.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// What caused it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The numbers in the message, such as `ready` and `total`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_the_contract() {
        let slot = |state: &str, in_flight| SlotStatus {
            state: state.into(),
            in_flight,
            workers: vec![WorkerStatus {
                address: "127.0.0.1:8001".into(),
                state: state.into(),
                in_flight,
                detail: None,
            }],
            release: serde_json::json!({"status": "ready"}),
            release_name: Some("small@v1".into()),
            retired: false,
        };
        let status = Status {
            live: "blue".into(),
            attempt: 7,
            phase: "steady".into(),
            slots: [("blue".to_owned(), slot("ready", 3)), ("green".to_owned(), slot("down", 0))]
                .into(),
            kept: None,
            drain: None,
            listen: "127.0.0.1:8080".into(),
            version: "0.1.0".into(),
        };
        insta::assert_json_snapshot!(status);
    }

    #[test]
    fn a_refusal_carries_its_numbers() {
        let failure = Failure {
            error: Problem {
                reason: "not_ready".into(),
                message: "green is not ready: 1 of 2 workers ready".into(),
                causes: Vec::new(),
                hint: Some("switchctl wait green --timeout 60s".into()),
                numbers: [("ready".to_owned(), 1), ("total".to_owned(), 2)].into(),
            },
        };
        insta::assert_json_snapshot!(failure);
    }

    #[test]
    fn an_empty_body_asks_for_the_idle_slot() {
        assert_eq!(serde_json::from_str::<Promote>("{}").unwrap(), Promote::default());
        assert!(serde_json::from_str::<Promote>(r#"{"forced": true}"#).is_err());
    }
}
