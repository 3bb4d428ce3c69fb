//! A request and its answer through pipes, with a deadline, and without waiting for one pipe while
//! another is full.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;

use super::frame::{ANSWER_HEAD, MARK};

/// How much is read or written at once (bytes).
const STEP: usize = 64 * 1024;
/// How much of what a process says on standard error is kept: its end (bytes).
const LAST_WORDS: usize = 1024;

/// The pipes to a process; none of them ever blocks.
pub(super) struct Pipes {
    input: ChildStdin,
    output: ChildStdout,
    errors: Option<ChildStderr>,
    said: Vec<u8>,
}

/// Why there is no answer.
pub(super) enum Broken {
    /// The deadline is over.
    Late,
    /// The process closed its output in the middle, or before.
    Ended,
    /// The answer is longer than it may be.
    Long,
    /// What came is no answer.
    Nonsense(String),
}

/// What can be done after waiting.
struct Ready {
    input: bool,
    output: bool,
    errors: bool,
}

impl Pipes {
    /// Takes the pipes of a process that was just started.
    ///
    /// # Errors
    /// When there are none, or they cannot be set not to block.
    pub(super) fn of(child: &mut Child) -> io::Result<Self> {
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("it has no pipes"));
        };
        ioctl_fionbio(&input, true)?;
        ioctl_fionbio(&output, true)?;
        ioctl_fionbio(&errors, true)?;
        Ok(Self { input, output, errors: Some(errors), said: Vec::new() })
    }

    /// Whether nothing has come that was not asked for.
    pub(super) fn are_silent(&self) -> bool {
        let mut waiting = [PollFd::new(&self.output, PollFlags::IN)];
        matches!(poll(&mut waiting, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
    }

    /// Writes the request and gives the part of the answer that follows its length, which may be at most
    /// `most` bytes. Without a deadline it waits for as long as the process runs.
    pub(super) fn converse(
        &mut self,
        request: &[&[u8]],
        most: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<u8>, Broken> {
        self.said.clear();
        let mut parts = request.iter().copied().filter(|part| !part.is_empty());
        let mut unsent = parts.next();
        let mut answer = Vec::new();
        loop {
            let ready = self.wait(unsent.is_some(), deadline)?;
            if ready.errors {
                self.listen();
            }
            if let (true, Some(part)) = (ready.input, unsent) {
                unsent = match self.input.write(part.get(..STEP).unwrap_or(part)) {
                    Ok(sent) => {
                        part.get(sent..).filter(|rest| !rest.is_empty()).or_else(|| parts.next())
                    }
                    Err(e) if is_passing(&e) => unsent,
                    // It reads no more: why, its output says, or its end.
                    Err(_) => None,
                };
            }
            if ready.output {
                let before = answer.len();
                let mut step = [0; STEP];
                match self.output.read(&mut step) {
                    Ok(0) => return Err(Broken::Ended),
                    Ok(read) => answer.extend_from_slice(step.get(..read).unwrap_or_default()),
                    Err(e) if is_passing(&e) => {}
                    Err(_) => return Err(Broken::Ended),
                }
                if answer.len() > before && is_complete(&answer, most)? {
                    answer.drain(..ANSWER_HEAD);
                    return Ok(answer);
                }
            }
        }
    }

    /// Waits until something can be done.
    fn wait(&self, sending: bool, deadline: Option<Instant>) -> Result<Ready, Broken> {
        let left = match deadline {
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(Broken::Late);
                }
                Some(left)
            }
            None => None,
        };
        let mut waiting = vec![PollFd::new(&self.output, PollFlags::IN)];
        if sending {
            waiting.push(PollFd::new(&self.input, PollFlags::OUT));
        }
        if let Some(errors) = &self.errors {
            waiting.push(PollFd::new(errors, PollFlags::IN));
        }
        match poll(&mut waiting, left.and_then(timespec).as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => {
                return Err(Broken::Nonsense(format!("a pipe that cannot be waited for ({e})")));
            }
        }
        let mut events = waiting.iter().map(|place| !place.revents().is_empty());
        let output = events.next().unwrap_or(false);
        let input = sending && events.next().unwrap_or(false);
        let errors = events.next().unwrap_or(false);
        Ok(Ready { input, output, errors })
    }

    /// Takes what the process says on standard error, and keeps the end of it.
    fn listen(&mut self) {
        let Some(errors) = &mut self.errors else { return };
        let mut step = [0; LAST_WORDS];
        match errors.read(&mut step) {
            Ok(0) => self.errors = None,
            Ok(read) => {
                self.said.extend_from_slice(step.get(..read).unwrap_or_default());
                let surplus = self.said.len().saturating_sub(LAST_WORDS);
                self.said.drain(..surplus);
            }
            Err(e) if is_passing(&e) => {}
            Err(_) => self.errors = None,
        }
    }

    /// What a process that has ended said last on standard error.
    pub(super) fn last_words(mut self) -> String {
        // A pipe holds no more than a megabyte, and whoever else may write into it is not waited for.
        for _ in 0..1024 {
            let before = self.said.clone();
            self.listen();
            if self.errors.is_none() || self.said == before {
                break;
            }
        }
        String::from_utf8_lossy(&self.said).into_owned()
    }
}

/// Whether all of the answer is there, by the length it says.
fn is_complete(answer: &[u8], most: usize) -> Result<bool, Broken> {
    let begun = answer.get(..MARK.len()).unwrap_or(answer);
    if !MARK.starts_with(begun) {
        return Err(Broken::Nonsense("an answer of another kind or version".to_owned()));
    }
    let Some(length) = answer.get(MARK.len()..ANSWER_HEAD) else { return Ok(false) };
    let length = length.iter().rev().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    if length > most as u64 {
        return Err(Broken::Long);
    }
    match (answer.len() - ANSWER_HEAD).cmp(&(length as usize)) {
        std::cmp::Ordering::Less => Ok(false),
        std::cmp::Ordering::Equal => Ok(true),
        std::cmp::Ordering::Greater => {
            Err(Broken::Nonsense("an answer longer than it said".to_owned()))
        }
    }
}

/// Whether a pipe is only not ready.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn timespec(duration: Duration) -> Option<Timespec> {
    Timespec::try_from(duration).ok()
}
