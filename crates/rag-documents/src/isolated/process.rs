//! One reader process: started, asked, and ended when it misbehaves.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::ReaderCommand;
use super::answer;
use super::conversation::{Broken, Pipes};
use super::frame::BESIDES_TEXT;
use super::request::Request;
use crate::document::{Document, DocumentError};
use crate::limits::{Limits, bytes};

/// Variables that a reader is given; it needs no others, and the rest may hold secrets.
const VARIABLES: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];
/// How often an ending process is looked at, each time after twice as long: two seconds in all.
const MOST_WAITS: u32 = 11;
/// What the standard library says when it cannot have memory, before it aborts.
const OUT_OF_MEMORY: &str = "memory allocation of ";

pub(super) struct Process {
    child: Child,
    /// `None` once the process has been ended.
    pipes: Option<Pipes>,
    documents: usize,
}

impl Process {
    /// # Errors
    /// When the program cannot be started.
    pub(super) fn start(command: &ReaderCommand) -> Result<Self, DocumentError> {
        let unreadable = |e: std::io::Error| {
            let program = command.program.display();
            DocumentError::Unreadable(format!("the reader {program} cannot be started: {e}"))
        };
        let kept = VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .envs(kept)
            .env("RUST_BACKTRACE", "0")
            // Ctrl-C is for the caller, which ends its readers when it is done with them.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(unreadable)?;
        match Pipes::of(&mut child) {
            Ok(pipes) => Ok(Self { child, pipes: Some(pipes), documents: 0 }),
            Err(e) => {
                end(&mut child);
                Err(unreadable(e))
            }
        }
    }

    /// Whether it waits for a document, having said nothing that was not asked.
    pub(super) fn is_ready(&mut self) -> bool {
        let runs = matches!(self.child.try_wait(), Ok(None));
        runs && self.pipes.as_ref().is_some_and(Pipes::are_silent)
    }

    /// Whether it can be asked again.
    pub(super) fn is_running(&self) -> bool {
        self.pipes.is_some()
    }

    /// How many documents it has read.
    pub(super) fn documents(&self) -> usize {
        self.documents
    }

    /// Has one document read. Afterwards it waits for the next one, or has been ended.
    pub(super) fn read(
        &mut self,
        request: &Request<'_>,
        limits: &Limits,
    ) -> Result<Document, DocumentError> {
        self.documents += 1;
        let most = limits.text.saturating_add(BESIDES_TEXT);
        // A limit that no clock reaches is none.
        let deadline = Instant::now().checked_add(limits.time);
        let Some(pipes) = &mut self.pipes else {
            return Err(DocumentError::Crashed("it has been ended".to_owned()));
        };
        let answered = pipes.converse(&[&request.head, request.bytes], most, deadline);
        let broken = match answered {
            Ok(answer) => match answer::parse(&answer) {
                Some(result) => return result,
                None => Broken::Nonsense("an answer that cannot be understood".to_owned()),
            },
            Err(broken) => broken,
        };
        if matches!(broken, Broken::Ended) {
            wait_a_little(&mut self.child);
        }
        // What it says last is still in the pipe.
        let status = end(&mut self.child);
        let said = self.pipes.take().map(Pipes::last_words).unwrap_or_default();
        Err(match broken {
            Broken::Late => DocumentError::TooSlow(limits.time),
            Broken::Long => DocumentError::TooLarge(format!(
                "it has more than {} of text",
                bytes(limits.text as u64)
            )),
            Broken::Ended if said.contains(OUT_OF_MEMORY) => {
                DocumentError::TooHungry(limits.memory)
            }
            Broken::Ended => DocumentError::Crashed(with_words(ending(status), &said)),
            Broken::Nonsense(what) => DocumentError::Crashed(with_words(what, &said)),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.pipes = None;
        end(&mut self.child);
    }
}

/// Ends the process, if it has not ended, and takes note of it, so that nothing of it is left.
fn end(child: &mut Child) -> Option<ExitStatus> {
    if let Ok(Some(status)) = child.try_wait() {
        return Some(status);
    }
    let _gone = child.kill();
    child.wait().ok()
}

/// Pipes are closed a moment before a process has ended: its end shall give its own reason, and not that of
/// being killed here. One that only closed its output is not waited for long.
fn wait_a_little(child: &mut Child) {
    for step in 0..MOST_WAITS {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1 << step));
    }
}

/// How a process ended, in words.
fn ending(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "nobody knows how".to_owned() };
    match (status.signal(), status.code()) {
        (Some(6), _) => "it aborted (signal 6)".to_owned(),
        (Some(9), _) => "it was killed (signal 9), perhaps for want of memory".to_owned(),
        (Some(11 | 7), _) => "it touched memory that is not there (signal 11)".to_owned(),
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("it exited with code {code}"),
        (None, None) => "nobody knows how".to_owned(),
    }
}

fn with_words(what: String, said: &str) -> String {
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.is_empty() { what } else { format!("{what}: {said}") }
}
