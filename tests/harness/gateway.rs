//! A real gateway with a settings file of its own, and `switchctl` pointed at it. Works with any workers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::fake_worker::FakeWorker;
use super::processes::{self, Process, eventually};

/// A gateway and its directory.
pub struct Gateway {
    pub directory: TempDir,
    pub process: Process,
    /// The front door.
    pub address: SocketAddr,
}

impl Gateway {
    /// Starts a gateway in front of the workers' addresses, with `extra` settings (YAML at the top level) added.
    pub async fn start(blue: &[SocketAddr], green: &[SocketAddr], extra: &str) -> Self {
        Self::start_with(blue, green, extra, |_| ()).await
    }

    /// The same by a command that was changed, such as by an environment of its own.
    pub async fn start_with(
        blue: &[SocketAddr],
        green: &[SocketAddr],
        extra: &str,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("gateway.yaml"), settings(blue, green, extra))
            .unwrap();
        let mut command = Command::new(processes::program("switchyard"));
        command.args(["--config", "gateway.yaml"]).current_dir(directory.path());
        change(&mut command);
        let process = Process::start_command("switchyard", command, directory.path());
        Self::started(directory, process).await
    }

    /// Starts a gateway in front of one pretended worker in each slot, and waits until both are ready. `extra` as in
    /// [`start`](Self::start).
    pub async fn with_two_slots(extra: &str) -> (FakeWorker, FakeWorker, Self) {
        let blue = FakeWorker::start("blue", "v1").await;
        let green = FakeWorker::start("green", "v2").await;
        let gateway = Self::start(&[blue.address], &[green.address], extra).await;
        gateway.wait("blue");
        gateway.wait("green");
        (blue, green, gateway)
    }

    /// Starts a gateway with the settings file that is in the directory.
    pub async fn start_in(directory: TempDir) -> Self {
        let process = start(directory.path());
        Self::started(directory, process).await
    }

    /// Starts a gateway with an nginx configuration that is in the directory.
    pub async fn start_from_nginx(directory: TempDir) -> Self {
        let process = Process::start("switchyard", &["--nginx", "nginx.conf"], directory.path());
        Self::started(directory, process).await
    }

    async fn started(directory: TempDir, process: Process) -> Self {
        let mut gateway =
            Self { directory, process, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        gateway.find_address().await;
        gateway
    }

    /// `kill -9`, then a start with the same settings and state.
    pub async fn crash_and_restart(&mut self) {
        self.process.kill();
        self.process = start(self.directory.path());
        self.find_address().await;
    }

    /// Starts a second process that takes over, waits until it decides, and gives the old one.
    pub async fn upgrade(&mut self) -> Process {
        let arguments = ["--config", "gateway.yaml", "--upgrade"];
        let successor = Process::start("switchyard", &arguments, self.directory.path());
        let old = std::mem::replace(&mut self.process, successor);
        eventually("the new process decides", Duration::from_secs(20), async || {
            assert!(self.process.is_running(), "it ended:\n{}", self.process.log_text());
            (self.status()["pid"] == self.process.pid()).then_some(())
        })
        .await;
        old
    }

    async fn find_address(&mut self) {
        let status =
            eventually("the gateway's admin socket answers", Duration::from_secs(20), async || {
                assert!(
                    self.process.is_running(),
                    "the gateway ended:\n{}",
                    self.process.log_text()
                );
                self.try_status()
            })
            .await;
        // A gateway that only drives another proxy listens nowhere.
        if let Ok(address) = status["listen"].as_str().unwrap().parse() {
            self.address = address;
        }
    }

    /// Runs `switchctl` with this gateway's socket; it is found by the default path.
    pub fn switchctl(&self, arguments: &[&str]) -> Output {
        processes::run("switchctl", arguments, self.directory.path())
    }

    /// Runs `switchctl`, which must exit with `code`, and gives what it printed, errors included.
    pub fn expect(&self, arguments: &[&str], code: i32) -> String {
        let output = self.switchctl(arguments);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(code), "switchctl {arguments:?}: {text}");
        text
    }

    /// `switchctl status --output json`.
    pub fn status(&self) -> Value {
        self.try_status().unwrap()
    }

    fn try_status(&self) -> Option<Value> {
        let output = self.switchctl(&["status", "--output", "json"]);
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Waits until the slot is ready.
    pub fn wait(&self, slot: &str) {
        self.expect(&["wait", slot, "--timeout", "60s"], 0);
    }

    /// One sample of `GET /metrics`, over the unix socket; 0 when it is not there. `sample` is the name with its labels.
    pub async fn metric(&self, sample: &str) -> f64 {
        let text = self.admin_get("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.trim().parse().ok());
        line.unwrap_or(0.0)
    }

    /// The whole answer of the admin socket to a GET, headers included.
    pub async fn admin_get(&self, path: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let socket = self.directory.path().join("run/switchyard.sock");
        let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn start(directory: &Path) -> Process {
    Process::start("switchyard", &["--config", "gateway.yaml"], directory)
}

/// A settings file with quick probes. `extra` may repeat none of its keys.
pub fn settings(blue: &[SocketAddr], green: &[SocketAddr], extra: &str) -> String {
    let list = |workers: &[SocketAddr]| {
        workers
            .iter()
            .map(|worker| format!("{:?}", worker.to_string()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let health = if extra.contains("health:") {
        ""
    } else {
        "health: { interval: 50ms, timeout: 500ms, rise: 2, fall: 3 }\n"
    };
    format!(
        "listen: {{ http: \"127.0.0.1:0\" }}\nadmin: {{ socket: \"run/switchyard.sock\" }}\nstate: \"var/switchyard.db\"\nslots:\n  \
         blue: {{ workers: [{}] }}\n  green: {{ workers: [{}] }}\n{health}{extra}\n",
        list(blue),
        list(green)
    )
}
