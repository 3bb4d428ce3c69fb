//! What was typed in `gateway.yaml` ([`SettingsFile`]), checked once into what is meant ([`Settings`]).

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use settings_file::SettingsError;
use switch_core::{Rules, Slot};

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

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listen {
    http: String,
    /// A front door path that answers like the admin API's `/readyz`, for balancers that see only the front door.
    #[serde(default)]
    ready_path: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Admin {
    socket: PathBuf,
    #[serde(default)]
    http: Option<String>,
    #[serde(default)]
    allow_remote: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slots {
    blue: SlotFile,
    green: SlotFile,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotFile {
    workers: Vec<String>,
}

/// How workers are probed.
#[derive(Clone, Debug, Deserialize)]
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

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Requirement {
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
struct Promotion {
    require: Vec<Requirement>,
    #[serde(with = "settings_file::duration")]
    keep_old: Duration,
    mismatch: Mismatch,
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
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_secs(300),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(4),
            idle_connections: 256,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Routing {
    allow_slot_header: bool,
    /// The live slot of a gateway that has recorded no decision yet.
    first_live: FirstLive,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FirstLive {
    #[default]
    Blue,
    Green,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    connections: usize,
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

/// Workers a slot may have: a request remembers in one machine word which it has tried.
const MAX_WORKERS: usize = 64;

fn slot_workers(
    file: &Path,
    slot: Slot,
    typed: &[String],
) -> Result<Vec<(String, SocketAddr)>, SettingsError> {
    if typed.len() > MAX_WORKERS {
        let key = format!("slots.{slot}.workers");
        return Err(SettingsError::invalid(
            file,
            &key,
            format!("a slot has at most {MAX_WORKERS} workers"),
        ));
    }
    typed
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let key = format!("slots.{slot}.workers[{index}]");
            address(file, &key, text).map(|address| (text.clone(), address))
        })
        .collect()
}

fn address(file: &Path, key: &str, text: &str) -> Result<SocketAddr, SettingsError> {
    let cause = match text.to_socket_addrs() {
        Ok(mut addresses) => match addresses.next() {
            Some(address) => return Ok(address),
            None => "the name has no address".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    Err(SettingsError::invalid(file, key, format!("{text:?} is not an address: {cause}"))
        .with_hint("write host:port, such as 127.0.0.1:8001"))
}

fn positive(file: &Path, key: &str, duration: Duration) -> Result<(), SettingsError> {
    if duration.is_zero() {
        return Err(SettingsError::invalid(file, key, "must be longer than 0s"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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
