//! The new process's side: takes the sockets, and follows what still runs in the old process.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use switch_api::RunningStream;
use switch_core::Slot;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{mpsc, watch};

use super::predecessor::same_file;
use super::{
    Door, DrainUnderWay, FromPredecessor, FromSuccessor, LeftOnSlot, Lines, Listener, MOST_SOCKETS,
    Offer, PROMPTLY, place, say,
};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::slot_pool::Elsewhere;

/// Why a new process does not take over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    #[error("no gateway waits for a successor at {}", place.display())]
    Nobody { place: PathBuf, source: io::Error },
    #[error("the running gateway refuses: {0}")]
    Refused(String),
    #[error("the running gateway does not keep to the handover's order")]
    Broken(#[source] io::Error),
    #[error(
        "no worker of the live slot is ready for this process, but one is for the running gateway"
    )]
    NotReady,
}

impl HandoverError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Nobody { .. } => {
                "leave out --upgrade to start a gateway where none is running".to_owned()
            }
            Self::Refused(_) | Self::Broken(_) => {
                "the running gateway goes on; its log says more".to_owned()
            }
            Self::NotReady => {
                "the running gateway goes on; compare the slots in the two settings files"
                    .to_owned()
            }
        }
    }
}

/// What was taken, and the line to the old process.
pub struct Taken {
    offer: Offer,
    sockets: Vec<(Listener, OwnedFd)>,
    lines: Lines,
    words: OwnedWriteHalf,
}

/// Asks the gateway with these settings for its sockets.
///
/// # Errors
/// [`HandoverError`] when there is none, or when it does not want to.
pub async fn take_over(settings: &Settings) -> Result<Taken, HandoverError> {
    let place = place(&settings.admin_socket);
    let stream = UnixStream::connect(&place)
        .await
        .map_err(|source| HandoverError::Nobody { place: place.clone(), source })?;
    let taken = ask(stream, &settings.state).await?;
    tracing::info!(
        predecessor = taken.offer.pid,
        version = taken.offer.version,
        sockets = taken.sockets.len(),
        "the running gateway offers its listening sockets"
    );
    Ok(taken)
}

async fn ask(stream: UnixStream, state: &Path) -> Result<Taken, HandoverError> {
    let hello = FromSuccessor::Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        state: same_file(state),
    };
    let (reading, mut words) = stream.into_split();
    say(&mut words, &hello).await.map_err(HandoverError::Broken)?;
    let received = tokio::time::timeout(PROMPTLY * 2, receive_with_sockets(reading.as_ref()));
    let (word, sockets) =
        received.await.unwrap_or_else(|late| Err(late.into())).map_err(HandoverError::Broken)?;
    let offer = match word {
        FromPredecessor::Offer(offer) => offer,
        FromPredecessor::Refused(because) => return Err(HandoverError::Refused(because)),
        other => return Err(out_of_turn(&other)),
    };
    if offer.sockets.len() != sockets.len() {
        let text = format!("{} sockets were named, {} came", offer.sockets.len(), sockets.len());
        return Err(HandoverError::Broken(io::Error::other(text)));
    }
    let sockets = offer.sockets.iter().cloned().zip(sockets).collect();
    Ok(Taken { offer, sockets, lines: Lines::new(reading), words })
}

fn out_of_turn(word: &FromPredecessor) -> HandoverError {
    let text = format!("the running gateway says {word:?} out of turn");
    HandoverError::Broken(io::Error::new(io::ErrorKind::InvalidData, text))
}

impl Taken {
    /// The socket that the settings call by this name, if it came along.
    pub(crate) fn socket(&mut self, door: Door, setting: &str) -> Option<OwnedFd> {
        let found = self
            .sockets
            .iter()
            .position(|(listener, _)| listener.door == door && listener.setting == setting)?;
        Some(self.sockets.swap_remove(found).1)
    }

    /// Sockets that came along and that these settings have no use for.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &str> {
        self.sockets.iter().map(|(listener, _)| listener.setting.as_str())
    }

    pub(crate) fn drain(&self) -> Option<&DrainUnderWay> {
        self.offer.drain.as_ref()
    }

    /// The old process, in words.
    pub(crate) fn predecessor(&self) -> String {
        format!("process {}, version {}", self.offer.pid, self.offer.version)
    }

    /// Says that this process could serve, and waits to be told that it may.
    ///
    /// # Errors
    /// When the live slot cannot serve here although it can there, or when the old process changes its mind.
    pub(crate) async fn prove(&mut self, live_ready: bool) -> Result<(), HandoverError> {
        if self.offer.live_ready && !live_ready {
            return Err(HandoverError::NotReady);
        }
        self.say(&FromSuccessor::Ready).await?;
        match self.lines.next_within(PROMPTLY).await.map_err(HandoverError::Broken)? {
            FromPredecessor::Yours => Ok(()),
            FromPredecessor::Refused(because) => Err(HandoverError::Refused(because)),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Says that this process accepts, and waits until no new request can begin in the old one. From then on the
    /// returned future follows what still runs there, until it has ended.
    ///
    /// # Errors
    /// When the old process has changed its mind: it goes on.
    pub(crate) async fn serve(
        mut self,
        shared: Shared,
    ) -> Result<impl Future<Output = ()>, HandoverError> {
        self.say(&FromSuccessor::Serving).await?;
        let mut there = true;
        loop {
            match self.lines.next::<FromPredecessor>().await {
                Ok(Some(FromPredecessor::Closed)) => {}
                // The driver must not take a slot for empty before it has heard what runs there.
                Ok(Some(FromPredecessor::Left(left))) => {
                    shared.predecessor.tell([left.blue, left.green], &shared);
                    break;
                }
                // `Serving` came too late for it.
                Ok(Some(FromPredecessor::Refused(because))) => {
                    return Err(HandoverError::Refused(because));
                }
                Ok(Some(other)) => return Err(out_of_turn(&other)),
                Ok(None) | Err(_) => {
                    tracing::warn!("the old process ended before it had told what runs there");
                    there = false;
                    break;
                }
            }
        }
        let cuts = shared.predecessor.begin(there);
        Ok(self.follow(shared, cuts))
    }

    async fn say(&mut self, word: &FromSuccessor) -> Result<(), HandoverError> {
        say(&mut self.words, word).await.map_err(HandoverError::Broken)
    }

    async fn follow(self, shared: Shared, mut cuts: mpsc::Receiver<Slot>) {
        let Self { mut lines, mut words, .. } = self;
        loop {
            tokio::select! {
                word = lines.next::<FromPredecessor>() => match word {
                    Ok(Some(FromPredecessor::Left(left))) => {
                        shared.predecessor.tell([left.blue, left.green], &shared);
                    }
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => break,
                },
                Some(slot) = cuts.recv() => {
                    let cut = FromSuccessor::Cut { slot: slot.to_string() };
                    if say(&mut words, &cut).await.is_err() {
                        break;
                    }
                }
            }
        }
        shared.predecessor.end(&shared);
        tracing::info!("the old process has ended");
    }
}

/// What still runs in the process that this one took over from.
pub(crate) struct Predecessor {
    left: Mutex<[Vec<RunningStream>; 2]>,
    cuts: Mutex<Option<mpsc::Sender<Slot>>>,
    there: watch::Sender<bool>,
}

impl Predecessor {
    pub(crate) fn none() -> Self {
        Self { left: Mutex::default(), cuts: Mutex::default(), there: watch::Sender::new(false) }
    }

    fn begin(&self, there: bool) -> mpsc::Receiver<Slot> {
        let (cut, cuts) = mpsc::channel(4);
        *self.cuts.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
        self.there.send_replace(there);
        cuts
    }

    fn tell(&self, left: [LeftOnSlot; 2], shared: &Shared) {
        for (slot, left) in Slot::ALL.into_iter().zip(&left) {
            shared.routing.slot(slot).set_elsewhere(Elsewhere::Predecessor, left.in_flight);
        }
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = left.map(|left| left.streams);
    }

    fn end(&self, shared: &Shared) {
        self.tell(Default::default(), shared);
        *self.cuts.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.there.send_replace(false);
    }

    /// The answers that run there on a slot.
    pub(crate) fn on(&self, slot: Slot) -> Vec<RunningStream> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)[slot.index()].clone()
    }

    /// Ends what runs there on a slot.
    pub(crate) fn cut(&self, slot: Slot) {
        if let Some(cuts) = &*self.cuts.lock().unwrap_or_else(PoisonError::into_inner) {
            // Four cuts that wait already mean that the old process hears nothing.
            let _ = cuts.try_send(slot);
        }
    }

    /// Completes when there is none, or no more.
    pub(crate) async fn gone(&self) {
        let mut there = self.there.subscribe();
        // The sender is `self`.
        let _ = there.wait_for(|there| !*there).await;
    }
}

async fn receive_with_sockets(stream: &UnixStream) -> io::Result<(FromPredecessor, Vec<OwnedFd>)> {
    let (mut line, mut sockets) = (Vec::new(), Vec::new());
    while !line.ends_with(b"\n") && line.len() < 64 << 10 {
        let (part, more) = stream
            .async_io(Interest::READABLE, || {
                let mut part = [0; 4096];
                let mut space =
                    [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
                let mut control = RecvAncillaryBuffer::new(&mut space);
                let mut into = [IoSliceMut::new(&mut part)];
                let read = recvmsg(stream, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
                let sockets = control.drain().filter_map(|message| match message {
                    RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
                    _ => None,
                });
                let sockets: Vec<OwnedFd> = sockets.flatten().collect();
                Ok((part.get(..read.bytes).unwrap_or_default().to_vec(), sockets))
            })
            .await?;
        if part.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.extend(part);
        sockets.extend(more);
    }
    Ok((serde_json::from_slice(&line)?, sockets))
}
