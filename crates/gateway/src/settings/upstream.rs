//! How the gateway probes workers, talks to them, and judges them.

use std::time::Duration;

use serde::Deserialize;
use switch_core::Share;

/// How workers are probed.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    pub path: String,
    #[serde(with = "settings_file::duration")]
    pub interval: Duration,
    #[serde(with = "settings_file::duration")]
    pub timeout: Duration,
    /// Probes in a row that must pass before a worker gets requests.
    pub rise: u32,
    /// Probes in a row that must fail before it gets no more.
    pub fall: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: "/health".to_owned(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_millis(500),
            rise: 2,
            fall: 3,
        }
    }
}

/// When a worker is set aside because requests to it failed; the meaning is nginx's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Passive {
    /// Failures within `fail_timeout` that set a worker aside; 0 never does.
    pub max_fails: u32,
    /// The time in which failures are counted, and for which the worker is then set aside.
    #[serde(with = "settings_file::duration")]
    pub fail_timeout: Duration,
}

impl Default for Passive {
    fn default() -> Self {
        Self { max_fails: 3, fail_timeout: Duration::from_secs(30) }
    }
}

/// How the gateway talks to workers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    #[serde(with = "settings_file::duration")]
    pub connect_timeout: Duration,
    /// The longest silence of a worker: before the first byte of an answer, and between two.
    #[serde(with = "settings_file::duration")]
    pub read_timeout: Duration,
    #[serde(with = "settings_file::duration")]
    pub write_timeout: Duration,
    /// How long an unused connection is kept. Must be below the worker's own keep-alive time, or a POST can meet a
    /// connection that the worker is just closing (uvicorn closes after 5 s).
    #[serde(with = "settings_file::duration")]
    pub idle_timeout: Duration,
    /// Unused connections kept, over all workers.
    pub idle_connections: usize,
    /// How often one request may be tried in all, on different workers.
    pub tries: u32,
    /// How many of the requests may be tried again, such as `20%`; a hundred may in any case.
    #[serde(deserialize_with = "super::check::percent")]
    pub retry_budget: Share,
    /// Paths whose requests change nothing, so that they may be tried again whatever their method.
    pub repeatable: Vec<String>,
    /// How often another worker may go on with an answer that was cut in the middle; 0 never.
    pub continuations: u32,
    /// The longest text of an answer that is kept for that.
    #[serde(with = "settings_file::bytes")]
    pub kept_text: u64,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_secs(300),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(4),
            idle_connections: 256,
            tries: 4,
            retry_budget: Share::per_mille(200).unwrap_or(Share::ALL),
            repeatable: ["/v1/chat/completions", "/v1/search", "/v1/embeddings"]
                .map(str::to_owned)
                .to_vec(),
            continuations: 2,
            kept_text: 256 << 10,
        }
    }
}
