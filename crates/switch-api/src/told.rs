//! What runs and what happened: streams, notes, decisions, events, and why something was not done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Canary;

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
