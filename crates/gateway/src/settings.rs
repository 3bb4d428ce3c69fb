//! What was typed in `gateway.yaml` ([`SettingsFile`]), checked once into what is meant ([`Settings`]).

pub(crate) mod check;
mod drive;
mod listen;
mod operators;
mod place;
mod promotion;
mod routes;
mod slots;
mod standby;
mod upstream;
mod users;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use nginx_config::import::{Level, Options};
use serde::Deserialize;
use settings_file::SettingsError;
use switch_core::{Mode, Rules, Slot};

use crate::routes::Routes;
use check::{address, positive};
use drive::DriveFile;
pub use drive::{Confirm, Drive};
use listen::{Admin, Listen, Tls};
pub use listen::{CertificateFiles, Limits, Shutdown, TlsVersion};
pub use operators::Operators;
pub(crate) use place::{Place, places};
pub use promotion::{Conversations, Hold, Mismatch, Shadow, Warm};
use promotion::{FirstLive, Promotion, Requirement, Routing};
use routes::{MapFile, RouteFile};
use slots::Slots;
pub use slots::{Balance, SlotSettings, WorkerSettings};
pub use standby::{Driver as StandbyDriver, Restart, Standby};
pub use upstream::{Health, Passive, Upstream};
pub use users::{Jwt, Users};
use users::{RateLimitFile, UsersFile};

/// `gateway.yaml`, word for word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsFile {
    #[serde(default)]
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
    shadow: Shadow,
    #[serde(default)]
    drive: Option<DriveFile>,
    #[serde(default)]
    users: Option<UsersFile>,
    #[serde(default)]
    rate_limits: Vec<RateLimitFile>,
    #[serde(default)]
    maps: Vec<MapFile>,
    #[serde(default)]
    routes: Vec<RouteFile>,
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
    pub listen: Option<SocketAddr>,
    pub https: Option<Https>,
    pub proxy_protocol: bool,
    pub trusted_proxies: Vec<IpNet>,
    pub ready_path: Option<String>,
    pub admin_socket: PathBuf,
    pub admin_http: Option<SocketAddr>,
    pub state: PathBuf,
    /// In the order of [`Slot::ALL`].
    pub slots: [SlotSettings; 2],
    pub health: Health,
    pub passive: Passive,
    pub rules: Rules,
    pub mismatch: Mismatch,
    pub warm: Warm,
    pub upstream: Upstream,
    pub allow_slot_header: bool,
    pub first_live: Slot,
    pub conversations: Option<Conversations>,
    pub hold: Option<Hold>,
    pub shadow: Shadow,
    pub drive: Option<Drive>,
    pub operators: Operators,
    pub users: Option<Users>,
    pub rate_limits: Vec<access::rate_limit::Limit>,
    pub(crate) routes: Option<Arc<Routes>>,
    pub limits: Limits,
    pub shutdown: Shutdown,
    pub access_log: bool,
    pub threads: usize,
}

/// Where settings come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A `gateway.yaml`.
    Settings(PathBuf),
    /// An nginx configuration, of which the settings are made each time it is read.
    Nginx(PathBuf),
}

impl Source {
    /// The file.
    pub fn file(&self) -> &Path {
        match self {
            Self::Settings(file) | Self::Nginx(file) => file,
        }
    }

    /// Reads and checks the settings, and gives every value by its key.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn load(&self) -> Result<(Settings, BTreeMap<String, String>), SettingsError> {
        match self {
            Self::Settings(file) => Settings::of_text(file, &settings_file::read(file)?),
            Self::Nginx(file) => Settings::of_text(file, &imported(file)?),
        }
    }
}

/// The settings an nginx configuration means. What is not done as it says is logged.
fn imported(file: &Path) -> Result<String, SettingsError> {
    let tree = nginx_config::disk::read_file(file)
        .map_err(|error| SettingsError::elsewhere(file, &error))?;
    let name = file.display().to_string();
    let imported = nginx_config::import::import(&tree, &name, &Options::default());
    for line in imported.report.iter().filter(|line| line.level != Level::Honored) {
        tracing::warn!(
            place = %line.place, level = %line.level, directive = line.directive, line.explanation,
            "nginx directive"
        );
    }
    Ok(imported.settings)
}

impl Settings {
    /// Reads and checks the settings file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line and key.
    pub fn load(file: &Path) -> Result<Self, SettingsError> {
        Self::of_text(file, &settings_file::read(file)?).map(|(settings, _)| settings)
    }

    fn of_text(file: &Path, text: &str) -> Result<(Self, BTreeMap<String, String>), SettingsError> {
        let typed: SettingsFile = settings_file::parse(file, text)?;
        Ok((Self::check(file, typed)?, settings_file::values(text)))
    }

    fn check(file: &Path, typed: SettingsFile) -> Result<Self, SettingsError> {
        let listen = typed
            .listen
            .http
            .as_deref()
            .map(|text| address(file, "listen.http", text))
            .transpose()?;
        let https = https(file, typed.listen.https.as_deref(), typed.listen.tls)?;
        if listen.is_none() && https.is_none() && typed.drive.is_none() {
            return Err(SettingsError::invalid(file, "listen", "needs `http`, `https` or both")
                .with_hint("such as `listen: { http: \"127.0.0.1:8080\" }`"));
        }
        let trusted_proxies = networks(file, &typed.listen.trusted_proxies)?;
        if typed.listen.proxy_protocol && trusted_proxies.is_empty() {
            return Err(SettingsError::invalid(
                file,
                "listen.proxy_protocol",
                "needs `trusted_proxies`, or anybody could say who they are",
            ));
        }
        let admin_http = typed
            .admin
            .http
            .as_deref()
            .map(|text| address(file, "admin.http", text))
            .transpose()?;
        if let Some(address) = admin_http
            && !address.ip().is_loopback()
            && !typed.admin.allow_remote
            && typed.admin.tokens.is_none()
        {
            return Err(SettingsError::invalid(
                file,
                "admin.http",
                format!("{address} can be reached from other machines, and the admin API asks for no password"),
            )
            .with_hint("use 127.0.0.1, name a file of `tokens`, or say `allow_remote: true` when something in front checks who asks"));
        }
        if let Some(path) = &typed.listen.ready_path
            && !path.starts_with('/')
        {
            return Err(SettingsError::invalid(file, "listen.ready_path", "must begin with `/`"));
        }
        let slots = [
            slots::check(file, Slot::Blue, &typed.slots.blue)?,
            slots::check(file, Slot::Green, &typed.slots.green)?,
        ];
        let mut seen = BTreeMap::new();
        for (slot, checked) in Slot::ALL.into_iter().zip(&slots) {
            for (index, worker) in checked.workers.iter().enumerate() {
                let key = format!("slots.{slot}.workers[{index}]");
                if let Some(first) = seen.insert(worker.address, key.clone()) {
                    let text = format!("{} is already {first}", worker.address);
                    return Err(SettingsError::invalid(file, &key, text));
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
        positive(file, "limits.header_timeout", typed.limits.header_timeout)?;
        positive(file, "limits.body_timeout", typed.limits.body_timeout)?;
        positive(file, "limits.keep_alive", typed.limits.keep_alive)?;
        if !(1..=64).contains(&typed.upstream.tries) {
            return Err(SettingsError::invalid(file, "upstream.tries", "must be between 1 and 64"));
        }
        if let Some(conversations) = &typed.routing.conversations {
            conversations_can_be_told(file, conversations)?;
        }
        if let Some(hold) = &typed.routing.hold {
            positive(file, "routing.hold.wait", hold.wait)?;
            positive(file, "routing.hold.heartbeat", hold.heartbeat)?;
        }
        let admin = typed.admin;
        let operators =
            operators::operators(file, admin.operators, admin.tokens, admin.protect_metrics)?;
        let users = typed.users.map(|typed| users::users(file, typed)).transpose()?;
        let rate_limits = users::rate_limits(file, typed.rate_limits, users.as_ref())?;
        let drive = typed.drive.map(|typed| drive::drive(file, typed)).transpose()?;
        let routes = routes::routes(file, typed.maps, typed.routes)?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = typed.threads.unwrap_or(processors);
        if !(1..=1024).contains(&threads) {
            return Err(SettingsError::invalid(file, "threads", "must be between 1 and 1024"));
        }
        let after_keep = [&slots[0], &slots[1]]
            .map(|slot| slot.standby.as_ref().map_or(Mode::Full, |standby| standby.after_keep));
        Ok(Self {
            listen,
            https,
            proxy_protocol: typed.listen.proxy_protocol,
            trusted_proxies,
            ready_path: typed.listen.ready_path,
            admin_socket: admin.socket,
            admin_http,
            state: typed.state,
            slots,
            health: typed.health,
            passive: typed.passive,
            rules: Rules {
                require_ready: typed.promotion.require.contains(&Requirement::Ready),
                require_fingerprint: typed.promotion.require.contains(&Requirement::Fingerprint),
                keep_old: typed.promotion.keep_old,
                pin: typed
                    .routing
                    .conversations
                    .as_ref()
                    .map_or(std::time::Duration::ZERO, |conversations| conversations.keep),
                failover: typed.routing.failover.as_ref().map(|failover| failover.after),
                after_keep,
            },
            mismatch: typed.promotion.mismatch,
            warm: typed.promotion.warm,
            upstream: typed.upstream,
            allow_slot_header: typed.routing.allow_slot_header,
            first_live: match typed.routing.first_live {
                FirstLive::Blue => Slot::Blue,
                FirstLive::Green => Slot::Green,
            },
            conversations: typed.routing.conversations,
            hold: typed.routing.hold,
            shadow: typed.shadow,
            drive,
            operators,
            users,
            rate_limits,
            routes,
            limits: typed.limits,
            shutdown: typed.shutdown,
            access_log: typed.access_log,
            threads,
        })
    }
}

/// Where TLS is spoken, and with which certificates.
#[derive(Clone, Debug)]
pub struct Https {
    pub address: SocketAddr,
    pub certificates: Vec<CertificateFiles>,
    pub min_version: TlsVersion,
}

fn https(
    file: &Path,
    listen: Option<&str>,
    tls: Option<Tls>,
) -> Result<Option<Https>, SettingsError> {
    match (listen, tls) {
        (None, None) => Ok(None),
        (Some(text), Some(tls)) if !tls.certificates.is_empty() => Ok(Some(Https {
            address: address(file, "listen.https", text)?,
            certificates: tls.certificates,
            min_version: tls.min_version,
        })),
        (Some(_), _) => Err(SettingsError::invalid(file, "listen.https", "needs a certificate")
            .with_hint(
                "listen: { https: …, tls: { certificates: [{ certificate: FILE, key: FILE }] } }",
            )),
        (None, Some(_)) => {
            Err(SettingsError::invalid(file, "listen.tls", "there is no `listen.https` to use it"))
        }
    }
}

fn networks(file: &Path, typed: &[String]) -> Result<Vec<IpNet>, SettingsError> {
    let network = |(index, text): (usize, &String)| {
        text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).map_err(|_| {
            let key = format!("listen.trusted_proxies[{index}]");
            SettingsError::invalid(file, &key, format!("{text:?} is not a network"))
                .with_hint("write a network such as 10.0.0.0/8, or an address")
        })
    };
    typed.iter().enumerate().map(network).collect()
}

fn conversations_can_be_told(file: &Path, typed: &Conversations) -> Result<(), SettingsError> {
    if typed.header.is_none() && typed.cookie.is_none() && !typed.body {
        let text = "needs `header`, `cookie` or `body` to tell conversations apart";
        return Err(SettingsError::invalid(file, "routing.conversations", text));
    }
    if let Some(header) = &typed.header
        && header.parse::<http::HeaderName>().is_err()
    {
        let text = format!("{header:?} is not a header's name");
        return Err(SettingsError::invalid(file, "routing.conversations.header", text));
    }
    if let Some(cookie) = &typed.cookie
        && (cookie.is_empty()
            || !cookie.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
    {
        let text = format!("{cookie:?} is not a cookie's name");
        return Err(SettingsError::invalid(file, "routing.conversations.cookie", text));
    }
    positive(file, "routing.conversations.keep", typed.keep)
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
