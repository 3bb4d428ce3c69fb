//! Runs a gateway, hands it over when a successor comes, and takes it down in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use switch_core::Timestamp;
use switch_journal::{Note, Who};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::admin::{self, Desk};
use crate::admin_socket;
use crate::compose::StartError;
use crate::driver::Driver;
use crate::events;
use crate::front_door::{Acceptor, Closing, Connections, Listening};
use crate::handover::{Giver, Taken};
use crate::proxy::FrontDoor;
use crate::routing::Routing;
use crate::settings::Shutdown;
use crate::shared::Shared;
use crate::sockets::Sockets;

/// How long connections that are open may ask once more after an upgrade, before idle ones are closed.
const LAST_WORD: Duration = Duration::from_secs(1);

pub(crate) type AskedToStop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A gateway, ready to run.
pub struct Gateway {
    pub(crate) front_door: FrontDoor,
    pub(crate) proxy_protocol: bool,
    pub(crate) threads: usize,
    pub(crate) connections: Connections,
    pub(crate) shared: Shared,
    pub(crate) hold: Duration,
    pub(crate) shutdown: Shutdown,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) leave: watch::Sender<bool>,
    pub(crate) asked_to_stop: AskedToStop,
    pub(crate) sockets: Sockets,
    pub(crate) state: PathBuf,
    pub(crate) driver: Driver,
    pub(crate) desk: Desk,
    pub(crate) taken: Option<Taken>,
}

/// How the gateway ended.
pub enum End {
    /// Every answer was finished.
    Drained,
    /// Some answers were cut, by a second signal or by the end of the grace time.
    Cut,
}

/// Completes at the first SIGTERM or SIGINT after the call.
pub(crate) fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

impl Gateway {
    /// Serves until a signal asks it to stop or a successor takes over, then lets running answers finish.
    ///
    /// # Errors
    /// When signals cannot be waited for, or when the gateway that this one should take over from goes on instead.
    pub async fn run(self) -> Result<End, StartError> {
        let Self {
            front_door,
            proxy_protocol,
            threads,
            connections,
            shared,
            hold,
            shutdown,
            stop: told,
            leave,
            asked_to_stop: asked,
            mut sockets,
            state,
            driver,
            desk,
            mut taken,
        } = self;
        let live = Arc::clone(&shared.routing);
        let wishes = desk.driver.clone();
        let mut office =
            Some(Office { driver, desk, admin: sockets.admin, http: sockets.admin_http });
        // Two processes never decide at once: a successor waits until the old one has closed.
        let mut open_office = match taken {
            None => office.take().map(Office::open),
            Some(_) => None,
        };
        let stop = async {
            asked.await;
            let _ = told.send(true);
            let _ = leave.send(true);
            tracing::info!(open = connections.open(), "stopping: running answers finish");
            tokio::time::sleep(shutdown.notice).await;
        };
        tokio::pin!(stop);
        // Until the live slot is proven, connections wait in the listener's queue instead of being told 503.
        let held = tokio::select! {
            _ = tokio::time::timeout(hold, is_judged(&live)) => true,
            () = &mut stop => false,
        };
        if let Some(taken) = &mut taken {
            if !held {
                return Ok(End::Drained);
            }
            taken.prove(live.slot(live.live()).can_serve()).await?;
            note_upgrade(&shared, taken).await?;
        }
        let closing = if held { Closing::Open } else { Closing::ToAll };
        let seed = Seed { front_door, connections: connections.clone(), proxy_protocol, threads };
        let mut carriers = Carriers::start(&seed, sockets.doors, closing)?;
        if let Some(taken) = taken {
            let rest = taken.serve(shared.clone()).await?;
            tokio::spawn(rest);
            sockets.files.ours = true;
            open_office = office.take().map(Office::open);
        }
        tell_the_service_manager(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())]);
        let (handed_over, mut is_handed_over) = watch::channel(false);
        let (tell_closed, closed) = watch::channel(false);
        let giver = Giver {
            state,
            sockets: sockets.for_successor,
            driver: wishes,
            shared: shared.clone(),
            handed_over,
            closed,
        };
        let waiting = admin_socket::replace(&sockets.upgrade, 0o600)?;
        let giver = tokio::spawn(giver.run(waiting));
        let mut successor = false;
        if held {
            tokio::select! {
                () = &mut stop => {}
                // An error means that nobody waits for a successor any more.
                Ok(_) = is_handed_over.wait_for(|handed_over| *handed_over) => successor = true,
            }
        }
        if successor {
            sockets.files.ours = false;
            for listening in open_office.iter().flatten() {
                listening.abort();
            }
            let _ = leave.send(true);
            let _ = carriers.close.send(Closing::ToNew);
            tokio::time::sleep(LAST_WORD).await;
        } else {
            giver.abort();
        }
        let _ = carriers.close.send(Closing::ToAll);
        carriers.closed().await;
        let _ = tell_closed.send(true);
        let done = async || {
            connections.none().await;
            // A successor is told what is left there, through this process.
            shared.predecessor.gone().await;
        };
        let end = finish(done, &connections, &shutdown, successor).await?;
        carriers.end();
        Ok(end)
    }
}

/// Waits for running answers: for `grace` after a signal, for `upgrade_grace` in a process that a successor has replaced,
/// where a signal shortens the time to `grace`. Another signal ends the wait.
async fn finish(
    done: impl AsyncFn(),
    connections: &Connections,
    shutdown: &Shutdown,
    successor: bool,
) -> Result<End, StartError> {
    let mut grace = shutdown.grace;
    if successor {
        let hurry = asked_to_stop().map_err(StartError::Signals)?;
        tokio::select! {
            () = done() => {}
            () = tokio::time::sleep(shutdown.upgrade_grace) => grace = Duration::ZERO,
            () = hurry => tracing::info!(open = connections.open(), "stopping: running answers finish"),
        }
    }
    let asked_again = asked_to_stop().map_err(StartError::Signals)?;
    tokio::select! {
        () = done() => {
            tracing::info!("stopped: every answer was finished");
            return Ok(End::Drained);
        }
        () = tokio::time::sleep(grace) => {}
        () = asked_again => {}
    }
    tracing::warn!(cut = connections.open(), "stopped: some answers were cut");
    Ok(End::Cut)
}

/// systemd's notification protocol; nothing happens where no service manager listens.
fn tell_the_service_manager(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// Writes down that this process takes over, before it does.
async fn note_upgrade(shared: &Shared, taken: &Taken) -> Result<(), StartError> {
    let (pid, version) = (std::process::id(), env!("CARGO_PKG_VERSION"));
    let note = Note {
        at: Timestamp(events::now()),
        kind: "upgrade".to_owned(),
        who: Who { name: "switchyard".to_owned(), uid: None, pid: i32::try_from(pid).ok() },
        text: format!("process {pid}, version {version}, takes over from {}", taken.predecessor()),
        detail: None,
    };
    match shared
        .journal
        .note(note)
        .map_err(|cause| StartError::NotRecorded(cause.to_owned()))?
        .await
    {
        Ok(written) => written.map_err(StartError::Journal),
        Err(_) => Err(StartError::NotRecorded("the state file's thread has ended".to_owned())),
    }
}

/// What decides, and where operators ask.
struct Office {
    driver: Driver,
    desk: Desk,
    admin: UnixListener,
    http: Option<TcpListener>,
}

impl Office {
    /// From now on this process decides. Gives the tasks that accept operators.
    fn open(self) -> Vec<AbortHandle> {
        let Self { driver, desk, admin, http } = self;
        tokio::spawn(driver.run());
        let mut accepting =
            vec![tokio::spawn(admin::serve_socket(admin, desk.clone())).abort_handle()];
        if let Some(listener) = http {
            accepting.push(tokio::spawn(admin::serve_http(listener, desk)).abort_handle());
        }
        accepting
    }
}

/// What each thread that carries requests is made of.
#[derive(Clone)]
struct Seed {
    front_door: FrontDoor,
    connections: Connections,
    proxy_protocol: bool,
    threads: usize,
}

/// The threads that carry requests.
struct Carriers {
    close: watch::Sender<Closing>,
    /// Nothing is ever sent: it ends when the last thread no longer accepts.
    accepting: mpsc::Receiver<()>,
    finish: watch::Sender<bool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Carriers {
    fn start(seed: &Seed, doors: Vec<Listening>, closing: Closing) -> Result<Self, StartError> {
        let (close, closing) = watch::channel(closing);
        let (finish, finished) = watch::channel(false);
        let (accepts, accepting) = mpsc::channel(1);
        let mut threads = Vec::new();
        for number in 0..seed.threads {
            let doors = doors.iter().map(Listening::another).collect::<Result<Vec<_>, _>>();
            let doors = doors.map_err(StartError::Thread)?;
            let ends = (closing.clone(), accepts.clone(), finished.clone());
            let thread = carry(seed.clone(), doors, ends, number).map_err(StartError::Thread)?;
            threads.push(thread);
        }
        Ok(Self { close, accepting, finish, threads })
    }

    /// Completes when no thread accepts any more and idle connections have been closed.
    async fn closed(&mut self) {
        let _ = self.accepting.recv().await;
    }

    /// Ends the threads, whatever still runs there.
    fn end(self) {
        let _ = self.finish.send(true);
        for thread in self.threads {
            // A thread that panicked has told so already.
            let _ = thread.join();
        }
    }
}

/// Starts one thread. It runs until `finished`: answers may run long after the doors are closed.
fn carry(
    seed: Seed,
    doors: Vec<Listening>,
    (closing, accepts, mut finished): (
        watch::Receiver<Closing>,
        mpsc::Sender<()>,
        watch::Receiver<bool>,
    ),
    number: usize,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(format!("carrier-{number}")).spawn(move || {
        runtime.block_on(async move {
            let Seed { front_door, connections, proxy_protocol, threads } = seed;
            let acceptor = Acceptor::new(front_door, connections, proxy_protocol, threads);
            if let Err(error) = acceptor.serve(doors, closing).await {
                tracing::error!(%error, "a thread cannot listen");
            }
            drop(accepts);
            // An error means that nobody is left who could say it.
            let _ = finished.wait_for(|finished| *finished).await;
        });
    })
}

/// Completes once the live slot can serve, or is known not to.
async fn is_judged(routing: &Routing) {
    let mut timer = tokio::time::interval(Duration::from_millis(10));
    loop {
        timer.tick().await;
        let pool = routing.slot(routing.live());
        if pool.can_serve() || pool.is_judged() {
            return;
        }
    }
}
