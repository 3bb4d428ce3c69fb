//! `slots.*.standby`: how a slot's workers are started and stopped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use settings_file::SettingsError;
use switch_core::{Mode, Slot};

use super::check::positive;
use super::place::{places, unknown_placeholder};
use super::slots::WorkerSettings;

/// `standby`, word for word.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StandbyFile {
    driver: DriverName,
    /// The mode of a slot that is no longer kept for a rollback.
    #[serde(default)]
    after_keep: ModeName,
    /// How long starting or stopping may take.
    #[serde(default, with = "settings_file::duration")]
    timeout: Duration,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    cpu_arguments: Vec<String>,
    #[serde(default)]
    log: Option<String>,
    #[serde(default)]
    restart: Option<Restart>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    cpu_unit: Option<String>,
    #[serde(default)]
    systemctl: Vec<String>,
    #[serde(default)]
    start: Vec<String>,
    #[serde(default)]
    stop: Vec<String>,
    #[serde(default)]
    status: Vec<String>,
    #[serde(default)]
    cpu: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum DriverName {
    Process,
    Systemd,
    Command,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum ModeName {
    #[default]
    Full,
    Cpu,
    Asleep,
}

/// How a process that has ended by itself is started again.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Restart {
    /// The pause before the first time; it doubles each time.
    #[serde(with = "settings_file::duration")]
    pub first: Duration,
    #[serde(with = "settings_file::duration")]
    pub longest: Duration,
    /// How often in a row, before an operator has to wake the slot.
    pub most: u32,
}

impl Default for Restart {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(60), most: 10 }
    }
}

/// How a slot's workers are started and stopped, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Standby {
    pub after_keep: Mode,
    pub timeout: Duration,
    pub restart: Restart,
    pub driver: Driver,
}

/// By whom. Texts may have the placeholders of [`super::Place`].
#[derive(Clone, Debug, PartialEq)]
pub enum Driver {
    /// Processes of the gateway.
    Process { command: Vec<String>, cpu_arguments: Vec<String>, log: Option<String> },
    /// Units of systemd.
    Systemd { unit: String, cpu_unit: Option<String>, systemctl: Vec<String> },
    /// Commands of the user's.
    Command { start: Vec<String>, stop: Vec<String>, status: Vec<String>, cpu: bool },
}

impl Driver {
    /// The word in the settings.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Process { .. } => "process",
            Self::Systemd { .. } => "systemd",
            Self::Command { .. } => "command",
        }
    }

    /// The key that is missing for the mode `cpu`, if one is.
    pub fn missing_for_cpu(&self) -> Option<&'static str> {
        match self {
            Self::Process { cpu_arguments, .. } => {
                cpu_arguments.is_empty().then_some("cpu_arguments")
            }
            Self::Systemd { cpu_unit, .. } => cpu_unit.is_none().then_some("cpu_unit"),
            Self::Command { cpu, .. } => (!cpu).then_some("cpu"),
        }
    }
}

pub(super) fn check(
    file: &Path,
    slot: Slot,
    typed: &StandbyFile,
    workers: &[WorkerSettings],
) -> Result<Standby, SettingsError> {
    let key = |name: &str| format!("slots.{slot}.standby{name}");
    let wrong = |name: &str, text: String| SettingsError::invalid(file, &key(name), text);
    if workers.is_empty() {
        return Err(wrong("", format!("{slot} has no workers that could be started")));
    }
    only_what_the_driver_knows(typed)
        .map_err(|(name, owner)| wrong(&format!(".{name}"), format!("is for `driver: {owner}`")))?;
    let needed =
        |name: &str, missing: bool, such_as: &str| match missing {
            true => Err(wrong("", format!("needs `{name}`"))
                .with_hint(format!("such as {name}: {such_as}"))),
            false => Ok(()),
        };
    let driver = match typed.driver {
        DriverName::Process => {
            let such_as = "[\"rag-worker\", \"--config\", \"worker.{slot}.yaml\"]";
            needed("command", typed.command.is_empty(), such_as)?;
            Driver::Process {
                command: typed.command.clone(),
                cpu_arguments: typed.cpu_arguments.clone(),
                log: typed.log.clone(),
            }
        }
        DriverName::Systemd => {
            needed("unit", typed.unit.is_none(), "\"rag-worker@{slot}.service\"")?;
            let systemctl = match typed.systemctl.as_slice() {
                [] => vec!["systemctl".to_owned()],
                typed => typed.to_vec(),
            };
            let unit = typed.unit.clone().unwrap_or_default();
            Driver::Systemd { unit, cpu_unit: typed.cpu_unit.clone(), systemctl }
        }
        DriverName::Command => {
            let such_as = "[\"kubectl\", \"scale\", \"deployment/rag-{slot}\", \"--replicas=1\"]";
            needed("start", typed.start.is_empty(), such_as)?;
            needed("stop", typed.stop.is_empty(), &such_as.replace("=1", "=0"))?;
            needed("status", typed.status.is_empty(), "[\"rag-status\", \"{slot}\"]")?;
            let (start, stop) = (typed.start.clone(), typed.stop.clone());
            Driver::Command { start, stop, status: typed.status.clone(), cpu: typed.cpu }
        }
    };
    for (name, text) in texts(&driver) {
        if let Some(unknown) = unknown_placeholder(text, typed.driver == DriverName::Command) {
            let text = format!("{unknown} stands for nothing");
            return Err(wrong(&format!(".{name}"), text).with_hint(
                "{slot}, {worker} and {number} do; {mode} in those of `driver: command`",
            ));
        }
    }
    told_apart(&driver, slot, workers).map_err(|name| {
        wrong(&format!(".{name}"), format!("is the same for several workers of {slot}"))
            .with_hint("tell them apart with {number} or {worker}")
    })?;
    let after_keep = match typed.after_keep {
        ModeName::Full => Mode::Full,
        ModeName::Cpu => Mode::Cpu,
        ModeName::Asleep => Mode::Asleep,
    };
    if after_keep == Mode::Cpu
        && let Some(missing) = driver.missing_for_cpu()
    {
        return Err(wrong(".after_keep", format!("`cpu` needs `{missing}`")));
    }
    let restart = typed.restart.unwrap_or_default();
    positive(file, &key(".restart.first"), restart.first)?;
    positive(file, &key(".restart.longest"), restart.longest)?;
    let timeout = match (typed.timeout, typed.driver) {
        (Duration::ZERO, DriverName::Command) => Duration::from_secs(60),
        // Longer than a worker takes that finishes its answers (`shutdown.notice` and `shutdown.timeout`).
        (Duration::ZERO, DriverName::Process | DriverName::Systemd) => Duration::from_secs(330),
        (timeout, _) => timeout,
    };
    Ok(Standby { after_keep, timeout, restart, driver })
}

/// Gives a key that belongs to another driver, and that driver.
fn only_what_the_driver_knows(typed: &StandbyFile) -> Result<(), (&'static str, &'static str)> {
    let written = [
        ("command", DriverName::Process, !typed.command.is_empty()),
        ("cpu_arguments", DriverName::Process, !typed.cpu_arguments.is_empty()),
        ("log", DriverName::Process, typed.log.is_some()),
        ("restart", DriverName::Process, typed.restart.is_some()),
        ("unit", DriverName::Systemd, typed.unit.is_some()),
        ("cpu_unit", DriverName::Systemd, typed.cpu_unit.is_some()),
        ("systemctl", DriverName::Systemd, !typed.systemctl.is_empty()),
        ("start", DriverName::Command, !typed.start.is_empty()),
        ("stop", DriverName::Command, !typed.stop.is_empty()),
        ("status", DriverName::Command, !typed.status.is_empty()),
        ("cpu", DriverName::Command, typed.cpu),
    ];
    let foreign = written.into_iter().find(|(_, owner, is)| *is && *owner != typed.driver);
    match foreign {
        Some((name, DriverName::Process, _)) => Err((name, "process")),
        Some((name, DriverName::Systemd, _)) => Err((name, "systemd")),
        Some((name, DriverName::Command, _)) => Err((name, "command")),
        None => Ok(()),
    }
}

/// Every text that may have placeholders, with its key.
fn texts(driver: &Driver) -> Vec<(&'static str, &String)> {
    fn all<'a>(
        key: &'static str,
        texts: impl IntoIterator<Item = &'a String>,
    ) -> Vec<(&'static str, &'a String)> {
        texts.into_iter().map(|text| (key, text)).collect()
    }
    match driver {
        Driver::Process { command, cpu_arguments, log } => {
            [all("command", command), all("cpu_arguments", cpu_arguments), all("log", log)].concat()
        }
        Driver::Systemd { unit, cpu_unit, .. } => {
            [all("unit", [unit]), all("cpu_unit", cpu_unit)].concat()
        }
        Driver::Command { start, stop, status, .. } => {
            [all("start", start), all("stop", stop), all("status", status)].concat()
        }
    }
}

/// Processes of the gateway are one for each worker: gives the key that does not tell them apart.
fn told_apart(driver: &Driver, slot: Slot, workers: &[WorkerSettings]) -> Result<(), &'static str> {
    let Driver::Process { command, log, .. } = driver else { return Ok(()) };
    let places = places(slot, workers);
    let commands: BTreeSet<_> = places.iter().map(|place| place.fill_all(command, None)).collect();
    if commands.len() < places.len() {
        return Err("command");
    }
    let Some(log) = log else { return Ok(()) };
    let logs: BTreeSet<_> =
        places.iter().map(|place| PathBuf::from(place.fill(log, None))).collect();
    if logs.len() < places.len() { Err("log") } else { Ok(()) }
}

#[cfg(test)]
mod tests;
