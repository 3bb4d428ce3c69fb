//! Where the gateway listens, what it lets in, and how it stops.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listen {
    pub(super) http: String,
    /// A front door path that answers like the admin API's `/readyz`, for balancers that see only the front door.
    #[serde(default)]
    pub(super) ready_path: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    pub(super) socket: PathBuf,
    #[serde(default)]
    pub(super) http: Option<String>,
    #[serde(default)]
    pub(super) allow_remote: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000 }
    }
}

/// How the gateway stops.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long to go on accepting while `/readyz` already says 503, so that a balancer in front notices.
    #[serde(with = "settings_file::duration")]
    pub notice: Duration,
    /// How long running answers may take to finish.
    #[serde(with = "settings_file::duration")]
    pub grace: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { notice: Duration::ZERO, grace: Duration::from_secs(300) }
    }
}
