//! Where the gateway listens, what it lets in, and how it stops.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::operators::OperatorFile;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listen {
    #[serde(default)]
    pub(super) http: Option<String>,
    #[serde(default)]
    pub(super) https: Option<String>,
    #[serde(default)]
    pub(super) tls: Option<Tls>,
    /// Every connection begins with the PROXY protocol's header, version 1 or 2, which says who the client is.
    #[serde(default)]
    pub(super) proxy_protocol: bool,
    /// Networks whose `x-forwarded-for`, `x-forwarded-proto` and PROXY protocol headers are believed.
    #[serde(default)]
    pub(super) trusted_proxies: Vec<String>,
    /// A front door path that answers like the admin API's `/readyz`, for balancers that see only the front door.
    #[serde(default)]
    pub(super) ready_path: Option<String>,
}

/// Certificates, and what is spoken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificates: Vec<CertificateFiles>,
    /// `1.2` or `1.3`.
    #[serde(default)]
    pub(super) min_version: TlsVersion,
}

/// A certificate chain and its key, both PEM. The first one is for clients that name no host, or an unknown one.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    pub(super) socket: PathBuf,
    #[serde(default)]
    pub(super) http: Option<String>,
    #[serde(default)]
    pub(super) allow_remote: bool,
    /// Roles of this machine's users.
    #[serde(default)]
    pub(super) operators: Option<Vec<OperatorFile>>,
    /// Operators' tokens for HTTP, hashed.
    #[serde(default)]
    pub(super) tokens: Option<PathBuf>,
    #[serde(default)]
    pub(super) protect_metrics: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once; more are closed as soon as they are accepted.
    pub connections: usize,
    /// The longest request body.
    #[serde(with = "settings_file::bytes")]
    pub request_body: u64,
    /// The longest request header, the request line included.
    #[serde(with = "settings_file::bytes")]
    pub request_header: u64,
    /// How long a connection may take to bring its first request's header, TLS handshake included.
    #[serde(with = "settings_file::duration")]
    pub header_timeout: Duration,
    /// The longest silence in the middle of a request, and of a client that does not read its answer.
    #[serde(with = "settings_file::duration")]
    pub body_timeout: Duration,
    /// How long a connection may be idle between two requests.
    #[serde(with = "settings_file::duration")]
    pub keep_alive: Duration,
    /// Streams that one HTTP/2 connection may have open.
    pub http2_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            request_body: 64 << 20,
            request_header: 64 << 10,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
            keep_alive: Duration::from_secs(75),
            http2_streams: 128,
        }
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
    /// How long they may take after an upgrade, in the old process.
    #[serde(with = "settings_file::duration")]
    pub upgrade_grace: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            notice: Duration::ZERO,
            grace: Duration::from_secs(300),
            upgrade_grace: Duration::from_secs(24 * 3600),
        }
    }
}
