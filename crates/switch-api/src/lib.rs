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

/// `GET /v1/drain?slot=SLOT`: what runs on a slot.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Running {
    pub slot: String,
    pub live: bool,
    /// Requests being answered.
    pub in_flight: u64,
    /// Whether no request goes there and none is running.
    pub safe_to_stop: bool,
    /// Why it is not safe; empty when it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// The oldest first.
    pub streams: Vec<RunningStream>,
}

/// One answer that is running.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct RunningStream {
    pub request_id: String,
    pub client: String,
    pub method: String,
    pub path: String,
    pub worker: String,
    pub age_s: f64,
    /// Bytes of the answer's body so far.
    pub bytes: u64,
}

/// `GET /v1/whoami`: whom the gateway takes the asker for.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct WhoAmI {
    pub name: String,
    /// `viewer`, `requester`, `operator` or `admin`.
    pub role: String,
    /// `socket` (a user of the gateway's machine), `token`, or `address` when nobody is asked.
    pub by: String,
}

/// `GET /v1/notes?limit=N`, newest first: what was done or refused beside the decisions.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Notes {
    pub notes: Vec<Note>,
}

/// One line of [`Notes`].
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Note {
    /// RFC 3339.
    pub at: String,
    /// One word, such as `refused`, `reload` or `deadline`.
    pub kind: String,
    pub who: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
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

/// `GET /v1/history?limit=N`, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct History {
    pub decisions: Vec<Decision>,
}

/// One line of [`History`].
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Decision {
    pub attempt: u64,
    /// `promote`, `rollback`, `canary` or `failover`.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
}

/// One event of `GET /v1/events` (server-sent events; the event's name is `kind`).
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Event {
    /// RFC 3339.
    pub at: String,
    /// `switched`, `canary`, `halted`, `stayed`, `drained`, `retired`, `live_down`, `deadline`, `request`, `slot`, `worker`,
    /// `mismatch`, `refused`, `standby`, `restart` or `lagged`.
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
                breaker: None,
                detail: None,
            }],
            release: serde_json::json!({"status": "ready"}),
            release_name: Some("small@v1".into()),
            retired: false,
            conversations: 0,
            standby: None,
        };
        let status = Status {
            live: "blue".into(),
            attempt: 7,
            phase: "steady".into(),
            slots: [("blue".to_owned(), slot("ready", 3)), ("green".to_owned(), slot("down", 0))]
                .into(),
            kept: None,
            drain: None,
            canary: None,
            pinned: None,
            shadow: None,
            listen: "127.0.0.1:8080".into(),
            version: "0.1.0".into(),
            drive: None,
            request: None,
            pid: 0,
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
