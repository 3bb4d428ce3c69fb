//! The old process's side: gives its sockets to a successor that has proven itself, and to nobody else.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use switch_core::Slot;
use tokio::io::Interest;
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    DrainUnderWay, FromPredecessor, FromSuccessor, Left, LeftOnSlot, Lines, Listener, MOST_SOCKETS,
    Offer, PROMPTLY, UNTIL_READY, say,
};
use crate::driver::Message;
use crate::shared::Shared;
use crate::status;

/// How often the successor is told what still runs.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// Asks the driver to decide nothing until it is told how the handover ended.
pub(crate) struct HandOver {
    /// Answered once no decision is being recorded and the state file is closed.
    pub halted: oneshot::Sender<Halt>,
    /// A driver that can no longer be answered goes on.
    pub ended: oneshot::Receiver<Ended>,
}

/// What the driver had under way when it halted.
pub(crate) enum Halt {
    Halted(Option<DrainUnderWay>),
    /// The state file could not be closed: its thread is gone or too far behind.
    Busy,
}

/// How a handover ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    HandedOver,
    GoOn,
}

/// Waits for a successor.
pub(crate) struct Giver {
    pub state: PathBuf,
    /// What is given, by what it is for.
    pub sockets: Vec<(Listener, OwnedFd)>,
    pub driver: mpsc::Sender<Message>,
    pub shared: Shared,
    /// Set when the successor serves: this process accepts no more.
    pub handed_over: watch::Sender<bool>,
    /// Set when no new request can begin here.
    pub closed: watch::Receiver<bool>,
}

impl Giver {
    /// Serves one successor after the other until one has taken over, then tells it what is left, until it is gone.
    pub(crate) async fn run(self, listener: UnixListener) {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a successor");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            if !self.is_ours(&stream) {
                tracing::warn!("a process of another user asked for the listening sockets");
                continue;
            }
            match self.give(stream).await {
                Ok((lines, words)) => return self.tell_what_is_left(lines, words).await,
                Err(error) => {
                    tracing::warn!(%error, "nothing was handed over: this process goes on")
                }
            }
        }
    }

    fn is_ours(&self, stream: &UnixStream) -> bool {
        let own = rustix::process::geteuid();
        stream.peer_cred().is_ok_and(|peer| peer.uid() == own.as_raw() || peer.uid() == 0)
    }

    async fn give(&self, stream: UnixStream) -> io::Result<(Lines, OwnedWriteHalf)> {
        let peer = stream.peer_cred().ok().and_then(|peer| peer.pid()).and_then(Pid::from_raw);
        // From now on the number means this process and no later one.
        let peer = peer.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        let (reading, writing) = stream.into_split();
        let (mut lines, mut words) = (Lines::new(reading), writing);
        let (version, pid, state) = match lines.next_within(PROMPTLY).await? {
            FromSuccessor::Hello { version, pid, state } => (version, pid, state),
            other => return Err(out_of_turn(&other)),
        };
        if state != self.state {
            let text = format!(
                "the successor's state file is {}, this gateway's is {}",
                state.display(),
                self.state.display()
            );
            say(&mut words, &FromPredecessor::Refused(text.clone())).await?;
            return Err(io::Error::other(text));
        }
        tracing::info!(successor = pid, version, "a successor asks for the listening sockets");
        let (halted, driver_halted) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let message = Message::HandOver(HandOver { halted, ended });
        let gone = |_| io::Error::other("the driver has ended");
        self.driver.send(message).await.map_err(|_| io::Error::other("the driver has ended"))?;
        let drain = match driver_halted.await.map_err(gone)? {
            Halt::Halted(drain) => drain,
            Halt::Busy => {
                let text = "the state file cannot be closed now: its disk is too slow".to_owned();
                say(&mut words, &FromPredecessor::Refused(text.clone())).await?;
                return Err(io::Error::other(text));
            }
        };
        match self.offer(&mut lines, &mut words, drain).await {
            Ok(()) => {
                let _ = end.send(Ended::HandedOver);
                let _ = self.handed_over.send(true);
                tracing::info!(successor = pid, "handed over: running answers finish here");
                Ok((lines, words))
            }
            Err(error) => {
                // Gone or told to go; one that can do neither is ended, so that two never serve.
                let _ = say(&mut words, &FromPredecessor::Refused(error.to_string())).await;
                if error.kind() == io::ErrorKind::TimedOut
                    && let Some(peer) = peer
                {
                    tracing::warn!(successor = pid, "the successor hangs: it is killed");
                    let _ = pidfd_send_signal(peer, Signal::KILL);
                }
                let _ = end.send(Ended::GoOn);
                Err(error)
            }
        }
    }

    async fn offer(
        &self,
        lines: &mut Lines,
        words: &mut OwnedWriteHalf,
        drain: Option<DrainUnderWay>,
    ) -> io::Result<()> {
        let routing = &self.shared.routing;
        let offer = FromPredecessor::Offer(Offer {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            sockets: self.sockets.iter().map(|(listener, _)| listener.clone()).collect(),
            live_ready: routing.slot(routing.live()).can_serve(),
            drain,
        });
        let mut line = serde_json::to_vec(&offer)?;
        line.push(b'\n');
        send_with_sockets(words, &line, &self.sockets).await?;
        match lines.next_within(UNTIL_READY).await? {
            FromSuccessor::Ready => {}
            other => return Err(out_of_turn(&other)),
        }
        say(words, &FromPredecessor::Yours).await?;
        match lines.next_within(PROMPTLY).await? {
            FromSuccessor::Serving => Ok(()),
            other => Err(out_of_turn(&other)),
        }
    }

    async fn tell_what_is_left(mut self, mut lines: Lines, mut words: OwnedWriteHalf) {
        // They are the successor's alone: when it closes them, nobody must be left waiting in their queues.
        self.sockets.clear();
        // An error means that the process is ending anyway.
        let _ = self.closed.wait_for(|closed| *closed).await;
        if say(&mut words, &FromPredecessor::Closed).await.is_err() {
            return;
        }
        let mut tell = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                _ = tell.tick() => {
                    let left = FromPredecessor::Left(self.left());
                    if say(&mut words, &left).await.is_err() {
                        return;
                    }
                }
                word = lines.next::<FromSuccessor>() => match word {
                    Ok(Some(FromSuccessor::Cut { slot })) => {
                        if let Some(slot) = Slot::named(&slot) {
                            self.shared.predecessor.cut(slot);
                            let ended = self.shared.running.cut(slot);
                            tracing::warn!(%slot, ended, "the drain's deadline has come: running answers were ended");
                        }
                    }
                    // The successor is gone; answers finish all the same.
                    Ok(None) | Err(_) => return,
                    Ok(Some(_)) => {}
                },
            }
        }
    }

    fn left(&self) -> Left {
        let [blue, green] = Slot::ALL.map(|slot| LeftOnSlot {
            in_flight: self.shared.routing.slot(slot).in_flight(),
            streams: status::streams(&self.shared, slot),
        });
        Left { blue, green }
    }
}

fn out_of_turn(word: &FromSuccessor) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the successor says {word:?} out of turn"))
}

async fn send_with_sockets(
    words: &OwnedWriteHalf,
    line: &[u8],
    sockets: &[(Listener, OwnedFd)],
) -> io::Result<()> {
    let stream: &UnixStream = words.as_ref();
    let sent = tokio::time::timeout(
        PROMPTLY,
        stream.async_io(Interest::WRITABLE, || {
            let sockets: Vec<_> =
                sockets.iter().take(MOST_SOCKETS).map(|(_, socket)| socket.as_fd()).collect();
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
                return Err(io::Error::other("too many sockets"));
            }
            Ok(sendmsg(stream, &[IoSlice::new(line)], &mut control, SendFlags::NOSIGNAL)?)
        }),
    );
    // The line is far shorter than the socket's buffer: it goes as a whole or not at all.
    match sent.await?? {
        sent if sent == line.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// As two processes call the same file.
pub(crate) fn same_file(file: &Path) -> PathBuf {
    std::path::absolute(file)
        .and_then(|file| file.canonicalize().or(Ok(file)))
        .unwrap_or_else(|_| file.to_owned())
}
