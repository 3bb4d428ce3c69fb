//! An upgrade without a gap: a new process takes the listening sockets over, and the old one finishes its answers.
//!
//! The two talk over a unix socket beside the admin socket, in lines of JSON; only the gateway's own user may connect.
//! At every moment exactly one process may decide, and at least one accepts:
//!
//! ```text
//! successor                      predecessor
//! Hello: who I am          ->    decides no more, closes the state file
//!                          <-    Offer: the listening sockets and what is under way
//! opens the state file, probes its workers
//! Ready                    ->
//!                          <-    Yours
//! accepts; Serving         ->    accepts no more, closes idle connections
//!                          <-    Closed: no new request begins here any more
//! decides                  <-    Left: what still runs, until the last answer has ended
//! Cut: a deadline has come ->
//! ```
//!
//! Whatever goes wrong before `Serving` leaves the predecessor as it was: it accepts all the time, and decides again.

pub(crate) mod launch;
mod predecessor;
mod successor;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use switch_api::RunningStream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

pub(crate) use predecessor::{Ended, Giver, Halt, HandOver, same_file};
pub(crate) use successor::Predecessor;
pub use successor::{HandoverError, Taken, take_over};

/// How long one side waits for the other where nothing but a few instructions lie in between.
const PROMPTLY: Duration = Duration::from_secs(10);
/// How long a successor may take to open its state file and to prove its workers.
const UNTIL_READY: Duration = Duration::from_secs(60);
/// The longest line, in bytes: the listing of what is left is the longest.
const LONGEST_LINE: u64 = 4 << 20;
/// The most sockets that are handed over.
const MOST_SOCKETS: usize = 8;

/// Where a gateway waits for its successor: beside its admin socket.
pub(crate) fn place(admin_socket: &Path) -> PathBuf {
    let mut name = admin_socket.as_os_str().to_owned();
    name.push(".upgrade");
    PathBuf::from(name)
}

/// What the new process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FromSuccessor {
    Hello {
        version: String,
        pid: u32,
        /// Its state file: both must write to the same one.
        state: PathBuf,
    },
    Ready,
    Serving,
    /// A drain's deadline has come: what still runs on this slot ends.
    Cut {
        slot: String,
    },
}

/// What the old process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FromPredecessor {
    Offer(Offer),
    /// It goes on as before, because.
    Refused(String),
    Yours,
    Closed,
    Left(Left),
}

/// What goes to the successor. The sockets themselves come along, in this order.
#[derive(Debug, Serialize, Deserialize)]
struct Offer {
    version: String,
    pid: u32,
    sockets: Vec<Listener>,
    /// Whether the live slot can serve, as the old process sees it.
    live_ready: bool,
    /// The drain under way.
    drain: Option<DrainUnderWay>,
}

/// What a listening socket is for, and what the settings call it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listener {
    pub door: Door,
    /// As in the settings: the same setting means the same socket.
    pub setting: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Door {
    Http,
    Https,
    AdminSocket,
    AdminHttp,
}

/// A drain: a slot whose answers are being finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DrainUnderWay {
    pub attempt: u64,
    pub slot: String,
    /// When what still runs is ended, in milliseconds since 1970.
    pub deadline: Option<u64>,
}

/// What still runs in the old process.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Left {
    blue: LeftOnSlot,
    green: LeftOnSlot,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LeftOnSlot {
    pub in_flight: u64,
    pub streams: Vec<RunningStream>,
}

/// Reads lines of JSON.
struct Lines(BufReader<OwnedReadHalf>);

impl Lines {
    fn new(half: OwnedReadHalf) -> Self {
        Self(BufReader::new(half))
    }

    /// The next line; `None` when the other side is gone.
    async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        (&mut self.0).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&line)?))
    }

    /// The next line, if it comes in time; the other side being gone is an error.
    async fn next_within<T: DeserializeOwned>(&mut self, limit: Duration) -> io::Result<T> {
        match tokio::time::timeout(limit, self.next()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

async fn say<T: Serialize>(half: &mut OwnedWriteHalf, word: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(word)?;
    line.push(b'\n');
    tokio::time::timeout(PROMPTLY, half.write_all(&line)).await?
}
