//! Runs a program of the user's to its end: bounded in time, and in what is kept of what it says.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// The most that is kept of each stream, in bytes.
const LONGEST_SAYING: u64 = 16 * 1024;
/// How long what a program has said is read after its end: a process it has left behind may keep the streams open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is run, and how.
pub(crate) struct Program<'a> {
    /// The program and its arguments.
    pub command: &'a [String],
    /// This process's own when absent.
    pub directory: Option<&'a Path>,
    /// Beside what this process has.
    pub environment: &'a [(&'static str, String)],
    pub limit: Duration,
    /// Whether it goes on when nobody waits for it any more. One that takes too long is ended all the same.
    pub goes_on: bool,
}

/// How it ended, and what it said.
pub(crate) struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The exit status with what was said, in one line.
    pub(crate) fn complaint(&self) -> String {
        let said = if self.stderr.is_empty() { &self.stdout } else { &self.stderr };
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        if said.is_empty() { self.status.to_string() } else { format!("{}: {said}", self.status) }
    }
}

impl Program<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// Why it could not be started or did not end in time.
    pub(crate) async fn run(&self) -> Result<Ended, String> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err("no program".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        command.kill_on_drop(!self.goes_on);
        if let Some(directory) = self.directory {
            command.current_dir(directory);
        }
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let reading = {
            let (out, err) = (child.stdout.take(), child.stderr.take());
            let (stdout, stderr) = (&mut stdout, &mut stderr);
            async move { tokio::join!(keep(out, stdout), keep(err, stderr)) }
        };
        let ended = tokio::time::timeout(self.limit, async {
            tokio::pin!(reading);
            tokio::select! {
                status = child.wait() => {
                    let _ = tokio::time::timeout(LAST_WORDS, &mut reading).await;
                    status
                }
                _ = &mut reading => child.wait().await,
            }
        })
        .await;
        let status = match ended {
            Ok(status) => status.map_err(|error| error.to_string())?,
            Err(_) => {
                // It may have ended this very moment.
                let _ = child.start_kill();
                return Err(format!("not done within {}", humantime::format_duration(self.limit)));
            }
        };
        let text = |said: Vec<u8>| String::from_utf8_lossy(&said).trim().to_owned();
        Ok(Ended { status, stdout: text(stdout), stderr: text(stderr) })
    }
}

/// Reads a stream to its end. What is beyond the limit is thrown away, so that nobody waits for a reader.
async fn keep(stream: Option<impl AsyncRead + Unpin>, said: &mut Vec<u8>) {
    let Some(stream) = stream else { return };
    let mut first = stream.take(LONGEST_SAYING);
    if first.read_to_end(said).await.is_ok() {
        let _ = tokio::io::copy(&mut first.into_inner(), &mut tokio::io::sink()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sh(script: &str, limit: Duration) -> Result<Ended, String> {
        let command = ["sh", "-c", script].map(str::to_owned);
        let environment = [("SWITCHYARD_SLOT", "green".to_owned())];
        let goes_on = false;
        Program { command: &command, directory: None, environment: &environment, limit, goes_on }
            .run()
            .await
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_it_says_is_kept_up_to_a_limit() {
        let ended = sh("echo $SWITCHYARD_SLOT; echo why >&2; exit 3", LONG).await.unwrap();
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(3), "green"));
        assert_eq!(ended.complaint(), "exit status: 3: why");
        let ended = sh("head -c 100000 /dev/zero | tr '\\0' x", LONG).await.unwrap();
        assert_eq!((ended.status.success(), ended.stdout.len()), (true, 16 * 1024));
    }

    #[tokio::test]
    async fn one_that_leaves_a_process_behind_is_not_waited_for() {
        let ended = sh("sleep 50 & echo $!", LONG).await.unwrap();
        let left: i32 = ended.stdout.parse().unwrap();
        let left = rustix::process::Pid::from_raw(left).unwrap();
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_ended() {
        let failed = sh("sleep 50", Duration::from_millis(50)).await.err().unwrap();
        assert_eq!(failed, "not done within 50ms");
        let nothing = ["/nonexistent/program".to_owned()];
        let program = Program {
            command: &nothing,
            directory: None,
            environment: &[],
            limit: LONG,
            goes_on: false,
        };
        assert!(program.run().await.err().unwrap().contains("No such file"));
    }
}
