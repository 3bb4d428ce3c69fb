//! Workers as units of systemd: started and stopped by name, and looked after by systemd.

use std::time::Duration;

use async_trait::async_trait;
use switch_core::Mode;

use super::{Driver, DriverError, Found, Stopped};
use crate::program::{Ended, Program};
use crate::settings::{Place, Standby, StandbyDriver};

/// How long systemd may take to say how a unit stands.
const SAYS: Duration = Duration::from_secs(10);

/// One unit, and perhaps another one that runs the same on the CPU.
pub(super) struct Systemd {
    systemctl: Vec<String>,
    unit: String,
    cpu_unit: Option<String>,
    timeout: Duration,
}

impl Systemd {
    pub(super) fn new(settings: &Standby, place: &Place) -> Self {
        let (mut systemctl, mut unit, mut cpu_unit) = (Vec::new(), String::new(), None);
        if let StandbyDriver::Systemd { unit: typed, cpu_unit: cpu, systemctl: program } =
            &settings.driver
        {
            systemctl.clone_from(program);
            unit = place.fill(typed, None);
            cpu_unit = cpu.as_ref().map(|cpu| place.fill(cpu, None));
        }
        Self { systemctl, unit, cpu_unit, timeout: settings.timeout }
    }

    /// `systemctl VERB UNIT`
    async fn systemctl(&self, verb: &str, unit: &str) -> Result<Ended, DriverError> {
        let mut command = self.systemctl.clone();
        command.extend([verb.to_owned(), unit.to_owned()]);
        let limit = if verb == "is-active" { SAYS } else { self.timeout };
        let program = Program {
            command: &command,
            directory: None,
            environment: &[],
            limit,
            // systemd does its job whether or not somebody waits for it.
            goes_on: true,
        };
        program.run().await.map_err(|cause| self.error(&command, &cause))
    }

    fn error(&self, command: &[String], cause: &str) -> DriverError {
        DriverError {
            cause: format!("`{}`: {cause}", command.join(" ")),
            hint: format!("systemctl status {unit}; journalctl --unit {unit}", unit = self.unit),
        }
    }

    /// Does something to a unit, and fails when systemd says that it failed.
    async fn do_to(&self, verb: &str, unit: &str) -> Result<(), DriverError> {
        let ended = self.systemctl(verb, unit).await?;
        if ended.status.success() {
            return Ok(());
        }
        Err(self.error(&[verb.to_owned(), unit.to_owned()], &ended.complaint()))
    }

    fn unit_of(&self, mode: Mode) -> &str {
        match (mode, &self.cpu_unit) {
            (Mode::Cpu, Some(unit)) => unit,
            (Mode::Cpu | Mode::Full | Mode::Asleep, _) => &self.unit,
        }
    }

    fn units(&self) -> impl Iterator<Item = (&str, Mode)> {
        let cpu = self.cpu_unit.as_deref().map(|unit| (unit, Mode::Cpu));
        std::iter::once((self.unit.as_str(), Mode::Full)).chain(cpu)
    }
}

#[async_trait]
impl Driver for Systemd {
    async fn find(&mut self) -> Result<Found, DriverError> {
        let mut found = Found::Stopped;
        for (unit, mode) in self.units() {
            let ended = self.systemctl("is-active", unit).await?;
            match ended.stdout.as_str() {
                "active" | "activating" | "reloading" | "refreshing" => found = Found::Runs(mode),
                "deactivating" => return Ok(Found::Stopping),
                "inactive" | "failed" => {}
                // No systemd, or no leave to ask it.
                _ => {
                    let command = ["is-active".to_owned(), unit.to_owned()];
                    return Err(self.error(&command, &ended.complaint()));
                }
            }
        }
        Ok(found)
    }

    async fn start(&mut self, mode: Mode) -> Result<String, DriverError> {
        let unit = self.unit_of(mode);
        self.do_to("start", unit).await?;
        Ok(format!("is started as unit {unit}"))
    }

    async fn stop(&mut self) -> Result<Stopped, DriverError> {
        for (unit, _) in self.units() {
            self.do_to("stop", unit).await?;
        }
        // systemd's own account says whether it had to kill it.
        Ok(Stopped::ByItself)
    }
}
