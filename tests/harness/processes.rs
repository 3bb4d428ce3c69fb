//! Real programs as children: found beside the test, in a process group of their own, gone when dropped.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The path of one of our programs, in the target directory this test was built into or in the folder
/// that `SWITCHYARD_BIN` names.
///
/// Panics with what to run when it has not been built.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>; benches measure the programs of another profile.
    let folder = std::env::var_os("SWITCHYARD_BIN").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| test.ancestors().nth(2).unwrap().to_owned());
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: build it with `cargo build --workspace` in the same profile",
        path.display()
    );
    path
}

/// A folder below the target directory for what tests make once and find again.
pub fn kept() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>
    let folder = test.ancestors().nth(3).unwrap().join("tmp");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A running program.
pub struct Process {
    child: Child,
    /// Where its standard error goes.
    pub log: PathBuf,
    name: String,
}

impl Process {
    /// Starts a program of ours in `directory`; its standard error goes to `<name>.log` there.
    pub fn start(name: &str, arguments: &[&str], directory: &Path) -> Self {
        let mut command = Command::new(program(name));
        command.args(arguments).current_dir(directory);
        Self::start_command(name, command, directory)
    }

    /// Starts any command likewise.
    pub fn start_command(name: &str, mut command: Command, directory: &Path) -> Self {
        let log = directory.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("starting {name}: {error}"));
        Self { child, log, name: name.to_owned() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.as_pid(), signal).unwrap();
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end, or panics after `limit`.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} did not end within {limit:?}\n{}",
                self.name,
                self.log_text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has logged.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn as_pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = kill_process_group(self.as_pid(), Signal::KILL);
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.name, self.log_text());
        }
    }
}

/// Runs a program of ours to its end and gives what it said.
pub fn run(name: &str, arguments: &[&str], directory: &Path) -> Output {
    Command::new(program(name))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Asks `question` until it answers, or panics after `limit` naming what was waited for.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut question: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
