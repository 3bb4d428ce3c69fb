//! What a slot must prove, and where requests go.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Requirement {
    Ready,
    Fingerprint,
}

/// What to do with a live worker that serves another release than the recorded one.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Mismatch {
    /// It gets no requests, even when no other worker is left: a wrong answer is worse than none.
    #[default]
    Refuse,
    /// It gets requests only while no worker of the recorded release is ready.
    LastResort,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Promotion {
    pub(super) require: Vec<Requirement>,
    #[serde(with = "settings_file::duration")]
    pub(super) keep_old: Duration,
    pub(super) mismatch: Mismatch,
    pub(super) warm: Warm,
}

/// How a slot is warmed before it gets traffic.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Warm {
    /// Before a promotion or a canary, without being asked.
    pub before: bool,
    /// How many of the questions asked most are computed in advance.
    pub questions: usize,
    /// How long it may take; the promotion goes on then.
    #[serde(with = "settings_file::duration")]
    pub limit: Duration,
}

impl Default for Warm {
    fn default() -> Self {
        Self { before: true, questions: 16, limit: Duration::from_secs(60) }
    }
}

impl Default for Promotion {
    fn default() -> Self {
        Self {
            require: vec![Requirement::Ready, Requirement::Fingerprint],
            keep_old: Duration::from_secs(30 * 60),
            mismatch: Mismatch::default(),
            warm: Warm::default(),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Routing {
    pub(super) allow_slot_header: bool,
    /// The live slot of a gateway that has recorded no decision yet.
    pub(super) first_live: FirstLive,
    pub(super) conversations: Option<Conversations>,
    pub(super) failover: Option<Failover>,
    pub(super) hold: Option<Hold>,
}

/// How conversations are told apart, and how long they stay on the slot where they began.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Conversations {
    /// A header that carries the conversation's id.
    pub header: Option<String>,
    /// A signed cookie of this name, which the gateway sets itself.
    pub cookie: Option<String>,
    /// The key that signs the cookie; made when there is none. `conversations.key` beside the state file when absent.
    pub key_file: Option<PathBuf>,
    /// Look for OpenAI's `metadata.conversation_id` and `user` in bodies of up to 64 KiB.
    pub body: bool,
    /// How long after a promotion they stay, and how long an idle one is remembered.
    #[serde(with = "settings_file::duration")]
    pub keep: Duration,
    /// The most that are remembered.
    pub most: u64,
}

impl Default for Conversations {
    fn default() -> Self {
        Self {
            header: None,
            cookie: None,
            key_file: None,
            body: true,
            keep: Duration::from_secs(10 * 60),
            most: 100_000,
        }
    }
}

/// When the idle slot takes the place of a live slot that died.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Failover {
    /// How long the live slot may be without a ready worker.
    #[serde(with = "settings_file::duration")]
    pub(super) after: Duration,
}

impl Default for Failover {
    fn default() -> Self {
        Self { after: Duration::from_secs(5) }
    }
}

/// Requests that nobody can answer at the moment may wait instead of being refused.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Hold {
    /// The longest that one waits.
    #[serde(with = "settings_file::duration")]
    pub wait: Duration,
    /// The most that wait at once.
    pub most: usize,
    /// How often a client that asked for a stream hears a comment meanwhile.
    #[serde(with = "settings_file::duration")]
    pub heartbeat: Duration,
}

impl Default for Hold {
    fn default() -> Self {
        Self { wait: Duration::from_secs(30), most: 256, heartbeat: Duration::from_secs(5) }
    }
}

/// A share of the requests is copied to the idle slot.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Shadow {
    /// Copies that may be under way at once; more are dropped, and counted.
    pub most: usize,
    /// The longest request body that is copied.
    #[serde(with = "settings_file::bytes")]
    pub longest: u64,
    /// How long a copy's answer is read.
    #[serde(with = "settings_file::duration")]
    pub timeout: Duration,
}

impl Default for Shadow {
    fn default() -> Self {
        Self { most: 32, longest: 256 * 1024, timeout: Duration::from_secs(60) }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FirstLive {
    #[default]
    Blue,
    Green,
}
