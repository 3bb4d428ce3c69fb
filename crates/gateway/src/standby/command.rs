//! Workers that commands of the user's start and stop: Kubernetes, containers, another machine, anything.

use std::time::Duration;

use async_trait::async_trait;
use switch_core::Mode;
use tokio::time::Instant;

use super::{Driver, DriverError, Found, Stopped};
use crate::program::{Ended, Program};
use crate::settings::{Place, Standby, StandbyDriver};

/// The exit status of `status` for what does not run: as of the init scripts of the Linux Standard Base.
const STOPPED: i32 = 3;
/// How often `status` is asked after `stop` has been told.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// The commands for one worker, or for all of a slot.
pub(super) struct Commands {
    place: Place,
    start: Vec<String>,
    stop: Vec<String>,
    status: Vec<String>,
    cpu: bool,
    timeout: Duration,
    /// What was started last, where `status` need not tell modes apart.
    mode: Mode,
}

impl Commands {
    pub(super) fn new(settings: &Standby, place: Place) -> Self {
        let timeout = settings.timeout;
        let (start, stop, status, cpu) = match &settings.driver {
            StandbyDriver::Command { start, stop, status, cpu } => {
                (start.clone(), stop.clone(), status.clone(), *cpu)
            }
            StandbyDriver::Process { .. } | StandbyDriver::Systemd { .. } => Default::default(),
        };
        Self { place, start, stop, status, cpu, timeout, mode: Mode::Full }
    }

    async fn run(&self, command: &[String], mode: Mode) -> Result<(String, Ended), DriverError> {
        let command = self.place.fill_all(command, Some(mode));
        let environment = [
            ("SWITCHYARD_SLOT", self.place.slot.to_string()),
            ("SWITCHYARD_WORKER", self.place.worker.clone()),
            ("SWITCHYARD_NUMBER", self.place.number.to_string()),
            ("SWITCHYARD_MODE", mode.to_string()),
        ];
        let program = Program {
            command: &command,
            directory: None,
            environment: &environment,
            limit: self.timeout,
            // One that is cut off halfway leaves behind what nobody knows.
            goes_on: true,
        };
        let line = command.join(" ");
        match program.run().await {
            Ok(ended) => Ok((line, ended)),
            Err(cause) => Err(self.error(&line, &cause)),
        }
    }

    fn error(&self, command: &str, cause: &str) -> DriverError {
        let hint = format!(
            "run it by hand; it is named under slots.{}.standby in the settings",
            self.place.slot
        );
        DriverError { cause: format!("`{command}`: {cause}"), hint }
    }

    async fn run_well(&self, command: &[String], mode: Mode) -> Result<(), DriverError> {
        let (line, ended) = self.run(command, mode).await?;
        if ended.status.success() {
            return Ok(());
        }
        Err(self.error(&line, &ended.complaint()))
    }
}

#[async_trait]
impl Driver for Commands {
    async fn find(&mut self) -> Result<Found, DriverError> {
        let (line, ended) = self.run(&self.status, self.mode).await?;
        match ended.status.code() {
            Some(0) if !self.cpu => Ok(Found::Runs(Mode::Full)),
            Some(0) => match ended.stdout.lines().next().and_then(Mode::named) {
                Some(mode) if mode != Mode::Asleep => Ok(Found::Runs(mode)),
                Some(_) | None => {
                    let text = "says neither `full` nor `cpu`, which `cpu: true` asks of it";
                    Err(self.error(&line, text))
                }
            },
            Some(STOPPED) => Ok(Found::Stopped),
            Some(_) | None => Err(self.error(&line, &ended.complaint())),
        }
    }

    async fn start(&mut self, mode: Mode) -> Result<String, DriverError> {
        self.mode = mode;
        self.run_well(&self.start, mode).await?;
        Ok(format!("is started in mode {mode}"))
    }

    async fn stop(&mut self) -> Result<Stopped, DriverError> {
        let until = Instant::now() + self.timeout;
        self.run_well(&self.stop, Mode::Asleep).await?;
        // Told to stop is not stopped.
        while self.find().await? != Found::Stopped {
            if Instant::now() >= until {
                let limit = humantime::format_duration(self.timeout);
                return Err(
                    self.error(&self.stop.join(" "), &format!("it still runs after {limit}"))
                );
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        Ok(Stopped::ByItself)
    }
}
