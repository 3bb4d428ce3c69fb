//! Reading documents in processes of their own, so that no document can take its caller down.
//!
//! A file that makes a reader overflow its stack, abort, loop or allocate without end ends one such
//! process and gives one error; the next document gets a new one. The caller has [`Readers`]; the
//! program that it starts, usually itself with a hidden subcommand, calls [`serve`] and does nothing else.

mod answer;
mod conversation;
mod frame;
mod process;
mod request;
mod serve;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub use serve::{serve, serve_by};

use crate::document::{Document, DocumentError};
use crate::limits::{self, Limits};
use process::Process;
use request::Request;

/// A process that has read this many documents is replaced: memory that it has come to hold is given back.
const DOCUMENTS_A_PROCESS: usize = 256;

/// The program that reads: one that calls [`serve`].
#[derive(Debug, Clone)]
pub struct ReaderCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl ReaderCommand {
    /// A program with these arguments.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments }
    }

    /// The running program with these arguments, also when its file has been replaced since.
    pub fn this_program<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self::new("/proc/self/exe", arguments)
    }
}

/// Processes that read documents, each one document at a time. Share it between threads: it starts
/// processes as they are needed, and ends them when it is dropped.
pub struct Readers {
    command: ReaderCommand,
    limits: Limits,
    count: usize,
    places: Mutex<Places>,
    freed: Condvar,
}

#[derive(Default)]
struct Places {
    idle: Vec<Process>,
    taken: usize,
}

/// The right to use one of the processes.
struct Place<'r>(&'r Readers);

impl Readers {
    /// At most `count` processes at once (at least one), which read within `limits`:
    /// [`Limits::time`] and [`Limits::memory`] count for each document.
    pub fn new(command: ReaderCommand, count: usize, limits: Limits) -> Self {
        let (places, freed) = (Mutex::new(Places::default()), Condvar::new());
        Self { command, limits, count: count.max(1), places, freed }
    }

    /// The limits that documents are read within.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads the file at `path`. Waits while all processes are busy.
    ///
    /// # Errors
    /// When the file cannot be had, and for any reason of [`Readers::read`].
    pub fn read_file(&self, path: &Path) -> Result<Document, DocumentError> {
        let unreadable = |e: std::io::Error| DocumentError::Unreadable(e.to_string());
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(self.limits.file.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        self.read(&bytes, &name)
    }

    /// Reads a document from its bytes, as [`read`](crate::read) does. Waits while all processes are busy.
    ///
    /// # Errors
    /// For any reason of [`read`](crate::read), and when reading takes more time or memory than the
    /// limits allow, or crashes.
    pub fn read(&self, bytes: &[u8], name: &str) -> Result<Document, DocumentError> {
        self.read_with_password(bytes, name, "")
    }

    /// Reads a document as [`read_with_password`](crate::read_with_password) does.
    ///
    /// # Errors
    /// For any reason of [`Readers::read`].
    pub fn read_with_password(
        &self,
        bytes: &[u8],
        name: &str,
        password: &str,
    ) -> Result<Document, DocumentError> {
        if bytes.len() as u64 > self.limits.file {
            let most = limits::bytes(self.limits.file);
            return Err(DocumentError::TooLarge(format!("it has more than {most}")));
        }
        let request = Request::new(bytes, name, password, &self.limits)?;
        let place = self.take_place();
        let mut process = place.process()?;
        let others = process.documents() > 0;
        let mut result = process.read(&request, &self.limits);
        // No document is blamed for what others before it have left behind, or for a process that was ended
        // by somebody else.
        let ended = matches!(result, Err(DocumentError::Crashed(_) | DocumentError::TooHungry(_)));
        if ended && others {
            process = Process::start(&self.command)?;
            result = process.read(&request, &self.limits);
        }
        // One that was ended, or has read enough, leaves its place to a new one.
        if process.is_running() && process.documents() < DOCUMENTS_A_PROCESS {
            self.places().idle.push(process);
        }
        drop(place);
        result
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Nothing is left half done under this lock.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_place(&self) -> Place<'_> {
        let places = self.places();
        let full = |places: &mut Places| places.taken >= self.count;
        let mut places =
            self.freed.wait_while(places, full).unwrap_or_else(PoisonError::into_inner);
        places.taken += 1;
        Place(self)
    }
}

impl Place<'_> {
    /// A process that waits for a document: one that is there, or a new one.
    fn process(&self) -> Result<Process, DocumentError> {
        loop {
            let Some(mut process) = self.0.places().idle.pop() else {
                return Process::start(&self.0.command);
            };
            // It may have been ended by somebody else while nobody looked.
            if process.is_ready() {
                return Ok(process);
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.places().taken -= 1;
        self.0.freed.notify_one();
    }
}
