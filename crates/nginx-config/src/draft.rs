//! The gateway's settings while they are being found, and how they are written.

use std::fmt::Write as _;
use std::time::Duration;

use crate::routes::{self, Map, Settings, Site};
use crate::value::written;

/// One server of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Server {
    pub address: String,
    pub weight: Option<u32>,
    pub max_requests: Option<u32>,
    pub backup: bool,
    pub down: bool,
}

/// One slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub upstream: Option<String>,
    pub servers: Vec<Server>,
    pub balance: Option<&'static str>,
}

/// What was found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub http: Option<String>,
    pub https: Option<String>,
    pub proxy_protocol: bool,
    pub trusted_proxies: Vec<String>,
    pub certificates: Vec<(String, Option<String>)>,
    pub min_version: Option<&'static str>,
    pub slots: [Slot; 2],
    pub max_fails: Option<u32>,
    pub fail_timeout: Option<Duration>,
    pub connect_timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
    pub write_timeout: Option<Duration>,
    pub idle_timeout: Option<Duration>,
    pub idle_connections: Option<u32>,
    pub tries: Option<u32>,
    pub request_body: Option<u64>,
    pub header_timeout: Option<Duration>,
    pub body_timeout: Option<Duration>,
    pub keep_alive: Option<Duration>,
    pub connections: Option<u64>,
    pub access_log: Option<bool>,
    pub rate_limits: Vec<RateLimit>,
    pub maps: Vec<Map>,
    pub sites: Vec<Site>,
    /// What `http` hands down to every server.
    pub above: Settings,
}

/// One `limit_req_zone`.
#[derive(Clone, Debug, Default)]
pub(crate) struct RateLimit {
    pub name: String,
    pub requests: u32,
    pub period: &'static str,
    pub burst: u32,
    /// Some `limit_req` names it.
    pub used: bool,
}

impl Draft {
    /// The settings as text.
    pub(crate) fn write(&self, main: &str, because: &str) -> String {
        let mut text = format!(
            "# Made from {main} by `switchctl import-nginx`; its report says what differs.\n\
             # Which slot is live is not written here: `switchctl promote` records it in the state file.\n"
        );
        let mut listen = Vec::new();
        listen.extend(self.http.as_ref().map(|address| format!("http: {address:?}")));
        listen.extend(self.https.as_ref().map(|address| format!("https: {address:?}")));
        if listen.is_empty() {
            listen.push("http: \"127.0.0.1:8080\"".to_owned());
        }
        if self.https.is_some() {
            let pairs = self.certificates.iter().map(|(certificate, key)| {
                let key = key.as_deref().unwrap_or(certificate);
                format!("{{ certificate: {certificate:?}, key: {key:?} }}")
            });
            let pairs = pairs.collect::<Vec<_>>().join(", ");
            let version = self.min_version.unwrap_or("1.2");
            listen.push(format!("tls: {{ certificates: [{pairs}], min_version: {version:?} }}"));
        }
        if self.proxy_protocol {
            listen.push("proxy_protocol: true".to_owned());
        }
        if !self.trusted_proxies.is_empty() {
            listen.push(format!("trusted_proxies: {:?}", self.trusted_proxies));
        }
        text.push_str(&map("listen", &listen, true));
        text.push_str("admin: { socket: \"run/switchyard.sock\" }\nstate: \"var/switchyard.db\"\n");
        let _ = writeln!(text, "# Blue and green: {because}.\nslots:");
        for (name, slot) in ["blue", "green"].into_iter().zip(&self.slots) {
            let from =
                slot.upstream.as_ref().map_or_else(String::new, |name| format!("  # {name}"));
            let balance = slot.balance.unwrap_or("least_in_flight");
            let _ = writeln!(
                text,
                "  {name}:{from}\n    balance: {balance}\n    workers:{}",
                if slot.servers.is_empty() { " []" } else { "" }
            );
            for server in &slot.servers {
                let _ = writeln!(text, "      - {}", worker(server));
            }
        }
        let time = |key: &str, value: Option<Duration>| {
            value.map(|value| format!("{key}: {}", written(value)))
        };
        let mut passive = Vec::new();
        passive.extend(self.max_fails.map(|count| format!("max_fails: {count}")));
        passive.extend(time("fail_timeout", self.fail_timeout));
        text.push_str(&map("passive", &passive, false));
        let mut upstream = Vec::new();
        upstream.extend(time("connect_timeout", self.connect_timeout));
        upstream.extend(time("read_timeout", self.read_timeout));
        upstream.extend(time("write_timeout", self.write_timeout));
        upstream.extend(time("idle_timeout", self.idle_timeout));
        upstream.extend(self.idle_connections.map(|count| format!("idle_connections: {count}")));
        upstream.extend(self.tries.map(|count| format!("tries: {count}")));
        text.push_str(&map("upstream", &upstream, false));
        let mut limits = Vec::new();
        limits.extend(self.connections.map(|count| format!("connections: {count}")));
        limits.extend(self.request_body.map(|bytes| format!("request_body: {bytes}")));
        limits.extend(time("header_timeout", self.header_timeout));
        limits.extend(time("body_timeout", self.body_timeout));
        limits.extend(time("keep_alive", self.keep_alive));
        text.push_str(&map("limits", &limits, false));
        if let Some(access_log) = self.access_log {
            let _ = writeln!(text, "access_log: {access_log}");
        }
        let limits: Vec<&RateLimit> = self.rate_limits.iter().filter(|limit| limit.used).collect();
        if !limits.is_empty() {
            text.push_str("rate_limits:\n");
            for RateLimit { name, requests, period, burst, .. } in limits {
                let _ = writeln!(
                    text,
                    "  - {{ name: {name}, per: address, requests: {requests}, period: {period}, burst: {burst} }}"
                );
            }
        }
        text.push_str(&routes::write(&self.maps, &self.sites, &self.above));
        text
    }
}

fn worker(server: &Server) -> String {
    let mut parts = vec![format!("address: {:?}", server.address)];
    parts.extend(server.weight.map(|weight| format!("weight: {weight}")));
    parts.extend(server.max_requests.map(|most| format!("max_requests: {most}")));
    parts.extend(server.backup.then(|| "backup: true".to_owned()));
    parts.extend(server.down.then(|| "down: true".to_owned()));
    if let [_] = parts.as_slice() {
        return format!("{:?}", server.address);
    }
    format!("{{ {} }}", parts.join(", "))
}

/// `key: { a, b }`, or over several lines; nothing for no parts.
fn map(key: &str, parts: &[String], block: bool) -> String {
    if parts.is_empty() {
        return String::new();
    }
    if block {
        let lines: Vec<String> = parts.iter().map(|part| format!("  {part}\n")).collect();
        return format!("{key}:\n{}", lines.concat());
    }
    format!("{key}: {{ {} }}\n", parts.join(", "))
}
