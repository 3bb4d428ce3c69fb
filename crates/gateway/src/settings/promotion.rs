//! What a slot must prove, and where requests go.

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
}

impl Default for Promotion {
    fn default() -> Self {
        Self {
            require: vec![Requirement::Ready, Requirement::Fingerprint],
            keep_old: Duration::from_secs(30 * 60),
            mismatch: Mismatch::default(),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Routing {
    pub(super) allow_slot_header: bool,
    /// The live slot of a gateway that has recorded no decision yet.
    pub(super) first_live: FirstLive,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FirstLive {
    #[default]
    Blue,
    Green,
}
