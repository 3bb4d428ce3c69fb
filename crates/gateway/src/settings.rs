//! What was typed in `gateway.yaml` ([`SettingsFile`]), checked once into what is meant ([`Settings`]).

mod check;
mod listen;
mod promotion;
mod slots;
mod upstream;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use settings_file::SettingsError;
use switch_core::{Rules, Slot};

use check::{address, positive};
pub use listen::Shutdown;
use listen::{Admin, Limits, Listen};
pub use promotion::Mismatch;
use promotion::{FirstLive, Promotion, Requirement, Routing};
use slots::{Slots, slot_workers};
pub use upstream::{Health, Passive, Upstream};

/// `gateway.yaml`, word for word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsFile {
    listen: Listen,
    admin: Admin,
    state: PathBuf,
    slots: Slots,
    #[serde(default)]
    health: Health,
    #[serde(default)]
    passive: Passive,
    #[serde(default)]
    promotion: Promotion,
    #[serde(default)]
    upstream: Upstream,
    #[serde(default)]
    routing: Routing,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    shutdown: Shutdown,
    #[serde(default = "yes")]
    access_log: bool,
    /// Threads that carry requests; one per processor when absent.
    #[serde(default)]
    threads: Option<usize>,
}

fn yes() -> bool {
    true
}

/// The settings, checked.
#[derive(Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    pub ready_path: Option<String>,
    pub admin_socket: PathBuf,
    pub admin_http: Option<SocketAddr>,
    pub state: PathBuf,
    /// In the order of [`Slot::ALL`]: how each worker is written, and where it is.
    pub workers: [Vec<(String, SocketAddr)>; 2],
    pub health: Health,
    pub passive: Passive,
    pub rules: Rules,
    pub mismatch: Mismatch,
    pub upstream: Upstream,
    pub allow_slot_header: bool,
    pub first_live: Slot,
    pub max_connections: usize,
    pub shutdown: Shutdown,
    pub access_log: bool,
    pub threads: usize,
}

impl Settings {
    /// Reads and checks the settings file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line and key.
    pub fn load(file: &Path) -> Result<Self, SettingsError> {
        let typed: SettingsFile = settings_file::load(file)?;
        Self::check(file, typed)
    }

    fn check(file: &Path, typed: SettingsFile) -> Result<Self, SettingsError> {
        let listen = address(file, "listen.http", &typed.listen.http)?;
        let admin_http = typed
            .admin
            .http
            .as_deref()
            .map(|text| address(file, "admin.http", text))
            .transpose()?;
        if let Some(address) = admin_http
            && !address.ip().is_loopback()
            && !typed.admin.allow_remote
        {
            return Err(SettingsError::invalid(
                file,
                "admin.http",
                format!("{address} can be reached from other machines, and the admin API asks for no password"),
            )
            .with_hint("use 127.0.0.1, or say `allow_remote: true` when something in front checks who asks"));
        }
        if let Some(path) = &typed.listen.ready_path
            && !path.starts_with('/')
        {
            return Err(SettingsError::invalid(file, "listen.ready_path", "must begin with `/`"));
        }
        let workers = [
            slot_workers(file, Slot::Blue, &typed.slots.blue.workers)?,
            slot_workers(file, Slot::Green, &typed.slots.green.workers)?,
        ];
        let mut seen = std::collections::BTreeMap::new();
        for (slot, list) in Slot::ALL.into_iter().zip(&workers) {
            for (index, (_, address)) in list.iter().enumerate() {
                let key = format!("slots.{slot}.workers[{index}]");
                if let Some(first) = seen.insert(*address, key.clone()) {
                    return Err(SettingsError::invalid(
                        file,
                        &key,
                        format!("{address} is already {first}"),
                    ));
                }
            }
        }
        positive(file, "health.interval", typed.health.interval)?;
        positive(file, "health.timeout", typed.health.timeout)?;
        positive(file, "upstream.connect_timeout", typed.upstream.connect_timeout)?;
        positive(file, "upstream.read_timeout", typed.upstream.read_timeout)?;
        positive(file, "upstream.write_timeout", typed.upstream.write_timeout)?;
        if !typed.health.path.starts_with('/') {
            return Err(SettingsError::invalid(file, "health.path", "must begin with `/`"));
        }
        for (key, count) in [("health.rise", typed.health.rise), ("health.fall", typed.health.fall)]
        {
            if count == 0 {
                return Err(SettingsError::invalid(file, key, "must be at least 1"));
            }
        }
        if typed.limits.connections == 0 {
            return Err(SettingsError::invalid(file, "limits.connections", "must be at least 1"));
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = typed.threads.unwrap_or(processors);
        if !(1..=1024).contains(&threads) {
            return Err(SettingsError::invalid(file, "threads", "must be between 1 and 1024"));
        }
        Ok(Self {
            listen,
            ready_path: typed.listen.ready_path,
            admin_socket: typed.admin.socket,
            admin_http,
            state: typed.state,
            workers,
            health: typed.health,
            passive: typed.passive,
            rules: Rules {
                require_ready: typed.promotion.require.contains(&Requirement::Ready),
                require_fingerprint: typed.promotion.require.contains(&Requirement::Fingerprint),
                keep_old: typed.promotion.keep_old,
            },
            mismatch: typed.promotion.mismatch,
            upstream: typed.upstream,
            allow_slot_header: typed.routing.allow_slot_header,
            first_live: match typed.routing.first_live {
                FirstLive::Blue => Slot::Blue,
                FirstLive::Green => Slot::Green,
            },
            max_connections: typed.limits.connections,
            shutdown: typed.shutdown,
            access_log: typed.access_log,
            threads,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const GOOD: &str = "
listen: { http: \"127.0.0.1:0\" }
admin: { socket: \"run/switchyard.sock\" }
state: \"var/switchyard.db\"
slots:
  blue: { workers: [\"127.0.0.1:8001\"] }
  green: { workers: [\"127.0.0.1:8002\"] }
";

    fn check(text: &str) -> Result<Settings, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gateway.yaml");
        std::fs::write(&file, text).unwrap();
        Settings::load(&file).map_err(|error| {
            error.to_string().replace(&format!("{}/", directory.path().display()), "")
        })
    }

    #[test]
    fn the_shortest_file_gets_the_documented_defaults() {
        let settings = check(GOOD).unwrap();
        assert_eq!(settings.rules.keep_old, Duration::from_secs(1800));
        assert_eq!((settings.health.rise, settings.health.fall), (2, 3));
        assert_eq!(settings.passive.max_fails, 3);
        assert!(settings.rules.require_ready && settings.rules.require_fingerprint);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        for (text, expected) in [
            (
                format!("{GOOD}health: {{ rise: 0 }}\n"),
                "gateway.yaml:8: `health.rise`: must be at least 1",
            ),
            (
                GOOD.replace("8002", "8001"),
                "gateway.yaml:7: `slots.green.workers[0]`: 127.0.0.1:8001 is already slots.blue.workers[0]",
            ),
            (
                GOOD.replace("run/switchyard.sock\"", "s\", http: \"0.0.0.0:99\""),
                "gateway.yaml:3: `admin.http`: 0.0.0.0:99 can be reached from other machines, and the admin API asks for no password",
            ),
        ] {
            assert_eq!(check(&text).unwrap_err(), expected);
        }
    }
}
