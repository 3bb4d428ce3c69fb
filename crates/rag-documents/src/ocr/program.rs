//! Running an installed program on some bytes, for a bounded time, memory and output.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::limits::{self, Limits};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// How much of what a program says on standard error stands in an error (bytes).
const WORDS: usize = 200;

/// What a program finds on standard input.
pub(super) enum Input<'b> {
    None,
    Bytes(&'b [u8]),
}

pub(super) struct Program<'p> {
    path: &'p Path,
    arguments: Vec<&'p str>,
    /// Bytes of output.
    most: u64,
}

impl<'p> Program<'p> {
    pub(super) fn new(
        path: &'p Path,
        arguments: impl IntoIterator<Item = &'p str>,
        most: u64,
    ) -> Self {
        Self { path, arguments: arguments.into_iter().collect(), most }
    }

    /// What the program writes to standard output. Input and output are files in memory, which the program
    /// may read in any order, and which fill no pipe.
    ///
    /// # Errors
    /// When the program fails or is stopped, in words.
    pub(super) fn run(&self, input: Input<'_>, limits: &Limits) -> Result<Vec<u8>, String> {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str()).display().to_string();
        self.output(input, limits).map_err(|cause| format!("{name}: {cause}"))
    }

    fn output(&self, input: Input<'_>, limits: &Limits) -> Result<Vec<u8>, String> {
        let said = |e: io::Error| e.to_string();
        let input = match input {
            Input::None => Stdio::null(),
            Input::Bytes(bytes) => Stdio::from(memory_with(bytes).map_err(said)?),
        };
        let mut output = memory().map_err(said)?;
        let mut errors = memory().map_err(said)?;
        let mut child = Command::new(self.path)
            .args(&self.arguments)
            // A page is recognized on one thread; callers have pages for the others.
            .env("OMP_THREAD_LIMIT", "1")
            .stdin(input)
            .stdout(output.try_clone().map_err(said)?)
            .stderr(errors.try_clone().map_err(said)?)
            .spawn()
            .map_err(said)?;
        let status = self.watched(&mut child, limits);
        if status.is_err() {
            let _gone = child.kill();
            let _gone = child.wait();
        }
        let status = status?;
        if !status.success() {
            let words = text(&mut errors);
            let code = status.code().map_or_else(
                || format!("signal {}", status.signal().unwrap_or_default()),
                |code| format!("code {code}"),
            );
            return Err(format!("it ended with {code}: {words}"));
        }
        let mut bytes = Vec::new();
        output.seek(SeekFrom::Start(0)).map_err(said)?;
        output.take(self.most).read_to_end(&mut bytes).map_err(said)?;
        Ok(bytes)
    }

    /// Waits for the end of the program, which is bounded meanwhile.
    fn watched(&self, child: &mut Child, limits: &Limits) -> Result<ExitStatus, String> {
        let process = Pid::from_child(child);
        for (resource, most) in [(Resource::Data, limits.memory), (Resource::Fsize, self.most)] {
            let limit = Rlimit { current: Some(most), maximum: Some(most) };
            // One that has ended already needs no limits.
            let _ended = prlimit(Some(process), resource, limit);
        }
        let deadline = Instant::now().checked_add(limits.time);
        loop {
            if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
                return Ok(status);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(format!("it takes longer than {}", limits::time(limits.time)));
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// An empty file that is only in memory.
fn memory() -> io::Result<File> {
    Ok(File::from(memfd_create("recognition", MemfdFlags::CLOEXEC)?))
}

fn memory_with(bytes: &[u8]) -> io::Result<File> {
    let mut file = memory()?;
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// The beginning of what a program said, in one line.
fn text(file: &mut File) -> String {
    let mut bytes = vec![0; WORDS];
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read(&mut bytes)).unwrap_or(0);
    let text = String::from_utf8_lossy(bytes.get(..read).unwrap_or_default()).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
