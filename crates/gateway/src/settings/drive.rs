//! `drive`: a proxy of the user's own carries the requests, and Switchyard decides.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use settings_file::SettingsError;

use super::check::{address, positive};

/// The upstream file when no template is named.
const DEFAULT_TEMPLATE: &str = "\
# Written by switchyard: {{ live }} is live by attempt {{ attempt }}.
upstream {{ upstream }} {
{%- for worker in workers[live] if not worker.down %}
    server {{ worker.address }}{% if worker.weight > 1 %} weight={{ worker.weight }}{% endif %}{% if worker.backup %} backup{% endif %};
{%- endfor %}
    keepalive 64;
}
";

/// `drive`, word for word.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DriveFile {
    /// The file that names the live workers; the proxy's configuration includes it.
    upstream_file: PathBuf,
    #[serde(default)]
    template: Option<PathBuf>,
    /// What the template's `upstream` stands for.
    #[serde(default = "live")]
    upstream: String,
    #[serde(default = "nginx_test")]
    test: Vec<String>,
    #[serde(default = "nginx_reload")]
    reload: Vec<String>,
    confirm: ConfirmFile,
    /// How long each command may take.
    #[serde(default = "ten_seconds", with = "settings_file::duration")]
    timeout: Duration,
    /// A folder inside a Git repository that holds the upstream file.
    #[serde(default)]
    git: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmFile {
    address: String,
    #[serde(default)]
    host: Option<String>,
    #[serde(default = "health")]
    path: String,
    #[serde(default = "ten_seconds", with = "settings_file::duration")]
    timeout: Duration,
    #[serde(default = "three")]
    times: u32,
}

fn live() -> String {
    "switchyard_live".to_owned()
}

fn nginx_test() -> Vec<String> {
    ["nginx", "-t"].map(str::to_owned).into()
}

fn nginx_reload() -> Vec<String> {
    ["nginx", "-s", "reload"].map(str::to_owned).into()
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn health() -> String {
    "/health".to_owned()
}

fn three() -> u32 {
    3
}

/// How another proxy is driven.
#[derive(Clone, Debug)]
pub struct Drive {
    pub upstream_file: PathBuf,
    /// The template's text.
    pub template: String,
    pub upstream: String,
    /// Program and arguments.
    pub test: Vec<String>,
    pub reload: Vec<String>,
    pub timeout: Duration,
    pub confirm: Confirm,
    pub git: Option<PathBuf>,
}

/// How the proxy is asked who serves.
#[derive(Clone, Debug)]
pub struct Confirm {
    pub address: SocketAddr,
    pub host: String,
    pub path: String,
    /// How long it may take until the new workers answer.
    pub timeout: Duration,
    /// How many answers in a row must be theirs.
    pub times: u32,
}

pub(super) fn drive(file: &Path, typed: DriveFile) -> Result<Drive, SettingsError> {
    for (key, command) in [("drive.test", &typed.test), ("drive.reload", &typed.reload)] {
        if command.first().is_none_or(String::is_empty) {
            return Err(SettingsError::invalid(file, key, "needs a program")
                .with_hint("such as [\"nginx\", \"-t\"]"));
        }
    }
    positive(file, "drive.timeout", typed.timeout)?;
    positive(file, "drive.confirm.timeout", typed.confirm.timeout)?;
    if typed.confirm.times == 0 {
        return Err(SettingsError::invalid(file, "drive.confirm.times", "must be at least 1"));
    }
    if !typed.confirm.path.starts_with('/') {
        return Err(SettingsError::invalid(file, "drive.confirm.path", "must begin with `/`"));
    }
    if typed.upstream_file.file_name().is_none() {
        return Err(SettingsError::invalid(file, "drive.upstream_file", "must name a file"));
    }
    let template = match &typed.template {
        None => DEFAULT_TEMPLATE.to_owned(),
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            let text = format!("{} cannot be read: {error}", path.display());
            SettingsError::invalid(file, "drive.template", text)
        })?,
    };
    if let Err(error) = crate::drive::check_template(&template) {
        return Err(SettingsError::invalid(file, "drive.template", error));
    }
    let confirm = typed.confirm;
    Ok(Drive {
        upstream_file: typed.upstream_file,
        template,
        upstream: typed.upstream,
        test: typed.test,
        reload: typed.reload,
        timeout: typed.timeout,
        confirm: Confirm {
            address: address(file, "drive.confirm.address", &confirm.address)?,
            host: confirm.host.unwrap_or(confirm.address),
            path: confirm.path,
            timeout: confirm.timeout,
            times: confirm.times,
        },
        git: typed.git,
    })
}
