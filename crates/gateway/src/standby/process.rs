//! Workers as processes of the gateway: each in a group of its own, with a log file, and left alone when the gateway ends.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, pidfd_send_signal};
use switch_core::Mode;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::record::{Files, Record};
use super::{Driver, DriverError, Found, Stopped};
use crate::events;
use crate::settings::{Place, Standby, StandbyDriver};

/// How often the lock is looked at of a process that is somebody else's child, or is to end.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long a process may take to be gone once it was killed.
const KILLED: Duration = Duration::from_secs(10);
/// How long it may take to say whether somebody listens.
const ANSWERS: Duration = Duration::from_millis(500);

/// Held while the gateway allows itself what only the child should have.
static SPAWNING: Mutex<()> = Mutex::new(());

/// One worker's process.
pub(super) struct Process {
    place: Place,
    command: Vec<String>,
    cpu_arguments: Vec<String>,
    log: PathBuf,
    timeout: Duration,
    address: Option<SocketAddr>,
    files: Files,
    /// Only of a process that this very gateway has started.
    child: Option<Child>,
}

impl Process {
    pub(super) fn new(
        directory: &Path,
        settings: &Standby,
        place: Place,
        address: Option<SocketAddr>,
    ) -> Self {
        let files = Files::new(directory, &place);
        let (mut command, mut cpu_arguments, mut log) = (Vec::new(), Vec::new(), files.log.clone());
        if let StandbyDriver::Process { command: typed, cpu_arguments: cpu, log: file } =
            &settings.driver
        {
            command = place.fill_all(typed, None);
            cpu_arguments = place.fill_all(cpu, None);
            log = file.as_ref().map_or(log, |file| PathBuf::from(place.fill(file, None)));
        }
        let timeout = settings.timeout;
        Self { place, command, cpu_arguments, log, timeout, address, files, child: None }
    }

    fn error(&self, cause: String) -> DriverError {
        let key = format!("slots.{}.standby", self.place.slot);
        DriverError { cause, hint: format!("check {key} and {}", self.log.display()) }
    }

    fn file_error(&self, error: &std::io::Error) -> DriverError {
        let hint = "choose a `state` in a folder that this user may write to".to_owned();
        DriverError { cause: format!("writing beside the state file: {error}"), hint }
    }

    fn is_locked(&self) -> Result<bool, DriverError> {
        self.files.is_locked().map_err(|error| self.file_error(&error))
    }

    /// A slow disk holds up nothing else.
    async fn write(&self, record: Record) -> Result<(), DriverError> {
        let files = self.files.clone();
        let written = tokio::task::spawn_blocking(move || files.write(&record)).await;
        let written = written.unwrap_or_else(|lost| Err(std::io::Error::other(lost)));
        written.map_err(|error| self.file_error(&error))
    }

    async fn holders(&self) -> Vec<(Pid, OwnedFd)> {
        let files = self.files.clone();
        tokio::task::spawn_blocking(move || files.holders()).await.unwrap_or_default()
    }

    /// Whether no process is left within a time.
    async fn is_gone(&self, limit: Duration) -> Result<bool, DriverError> {
        let until = tokio::time::Instant::now() + limit;
        while self.is_locked()? {
            if tokio::time::Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(true)
    }

    async fn signal(&self, signal: Signal) {
        for (pid, held) in self.holders().await {
            if let Err(error) = pidfd_send_signal(&held, signal) {
                tracing::debug!(pid = pid.as_raw_pid(), %error, "a process could not be told to stop");
            }
        }
    }

    /// Something that the gateway has not started may have the address: two would fight for it.
    async fn somebody_listens(&self) -> Option<SocketAddr> {
        let address = self.address?;
        let connected = tokio::time::timeout(ANSWERS, TcpStream::connect(address)).await;
        matches!(connected, Ok(Ok(_))).then_some(address)
    }

    fn spawn(&self, mode: Mode, lock: File) -> Result<Child, DriverError> {
        let failed = |error: std::io::Error| {
            self.error(format!("starting `{}`: {error}", self.command.join(" ")))
        };
        if let Some(folder) = self.log.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // When this fails, opening says so with the file's name.
            let _ = std::fs::create_dir_all(folder);
        }
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.map_err(|error| {
            self.error(format!("opening the log {}: {error}", self.log.display()))
        })?;
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(self.error("no program".to_owned()));
        };
        let mut command = Command::new(program);
        command.args(arguments);
        if mode == Mode::Cpu {
            command.args(&self.cpu_arguments);
        }
        command.stdin(Stdio::from(lock)).stdout(log.try_clone().map_err(failed)?).stderr(log);
        // What ends the gateway, from the terminal too, does not end the worker.
        command.process_group(0).kill_on_drop(false);
        // The service manager is told by the gateway alone.
        command.env_remove("NOTIFY_SOCKET");
        // The gateway does without huge pages (main.rs), and a child would inherit that: a model needs them.
        let _one = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = rustix::thread::disable_transparent_huge_pages(false);
        let child = command.spawn();
        let _ = rustix::thread::disable_transparent_huge_pages(true);
        child.map_err(failed)
    }
}

#[async_trait]
impl Driver for Process {
    async fn find(&mut self) -> Result<Found, DriverError> {
        if self.is_locked()? {
            let record = self.files.read();
            return Ok(match record.stopping_since {
                Some(_) => Found::Stopping,
                None => Found::Runs(record.mode()),
            });
        }
        match self.somebody_listens().await {
            None => Ok(Found::Stopped),
            Some(address) => Err(DriverError {
                cause: format!("a process that this gateway has not started listens at {address}"),
                hint: "stop it where it was started, then ask again".to_owned(),
            }),
        }
    }

    async fn start(&mut self, mode: Mode) -> Result<String, DriverError> {
        let locked = self.files.lock().map_err(|error| self.file_error(&error))?;
        let Some(lock) = locked else {
            return Err(self.error("its process has not ended".to_owned()));
        };
        // Whoever finds the lock taken finds the mode here, whatever happens between the two lines below.
        self.write(Record::of(mode)).await?;
        let child = self.spawn(mode, lock)?;
        let pid = child.id().unwrap_or_default();
        self.child = Some(child);
        self.write(Record::of(mode).with_process(pid)).await?;
        Ok(format!("is started in mode {mode} as process {pid}"))
    }

    async fn stop(&mut self) -> Result<Stopped, DriverError> {
        let record = self.files.read();
        let now = events::now();
        let since = match record.stopping_since {
            // An earlier gateway has told it. A second signal would cut its answers short.
            Some(since) => since.min(now),
            None => {
                self.signal(Signal::TERM).await;
                self.write(record.stopping(now)).await?;
                now
            }
        };
        let left = self.timeout.saturating_sub(Duration::from_millis(now - since));
        let mut stopped = Stopped::ByItself;
        if !self.is_gone(left).await? {
            tracing::warn!(worker = self.place.worker, "the worker does not stop: it is killed");
            stopped = Stopped::Killed { after: self.timeout };
            self.signal(Signal::KILL).await;
            if !self.is_gone(KILLED).await? {
                return Err(self.error("its process cannot be killed".to_owned()));
            }
        }
        if let Some(mut child) = self.child.take() {
            // The lock is free, so it has ended: this only takes it off the list of processes.
            let _ = tokio::time::timeout(KILLED, child.wait()).await;
        }
        Ok(stopped)
    }

    async fn ended(&mut self) -> String {
        if let Some(child) = &mut self.child {
            let status = child.wait().await;
            self.child = None;
            return status.map_or_else(|error| error.to_string(), |status| status.to_string());
        }
        // Somebody else's child: the kernel tells only its parent how it ended.
        while self.is_locked().unwrap_or(true) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        "its process is gone".to_owned()
    }

    fn starts_unasked(&self) -> bool {
        true
    }
}
