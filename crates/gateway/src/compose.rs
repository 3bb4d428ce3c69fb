//! Puts the gateway together from its settings, runs it, and takes it down in order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use switch_core::{Attempt, Share, Slot, Switch, Timestamp};
use switch_journal::{JournalError, Note, Who};
use telemetry::gateway::GatewayMetrics;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::AbortHandle;

use crate::admin::{self, Desk};
use crate::admin_socket::{self, SocketError};
use crate::conversations::{Conversations, Manner};
use crate::driver::{Driver, Message};
use crate::events::{self, Events};
use crate::front_door::{Acceptor, Closing, Connections, Listening};
use crate::handover::{self, Giver, HandoverError, Predecessor, Taken};
use crate::hold::Hold;
use crate::journal_desk::JournalDesk;
use crate::operators::Operators;
use crate::probe;
use crate::proxy::{Config, FrontDoor};
use crate::reload::{InForce, Reloader};
use crate::retry_budget::RetryBudget;
use crate::routing::Routing;
use crate::running::Running;
use crate::settings::{self, Settings, Shutdown, Source};
use crate::shadow::Shadow;
use crate::shared::Shared;
use crate::slot_pool::{Members, SlotPool};
use crate::sockets::Sockets;
use crate::tls::CertificateError;
use crate::users::{Gate, GateError};
use crate::worker::Worker;

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the key of the conversations' cookie in {}", file.display())]
    CookieKey { file: PathBuf, source: std::io::Error },
    #[error("listening on {address}")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error("keeping a listening socket for a later upgrade")]
    Duplicate(#[source] std::io::Error),
    #[error("taking over from the running gateway")]
    Handover(#[from] HandoverError),
    #[error("the upgrade could not be recorded: {0}")]
    NotRecorded(String),
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error(transparent)]
    Operators(#[from] access::key_file::KeyFileError),
    #[error("counting requests")]
    Metrics(#[source] telemetry::gateway::Error),
    #[error("starting a thread that carries requests")]
    Thread(#[source] std::io::Error),
    #[error("waiting for signals")]
    Signals(#[source] std::io::Error),
}

impl StartError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Journal(error) => Some(error.hint()),
            Self::Socket(SocketError::Taken(_)) => {
                Some("stop it, or give this one its own admin.socket".to_owned())
            }
            Self::Socket(SocketError::Failed(..)) => {
                Some("choose a directory this user may write to".to_owned())
            }
            Self::Listen { .. } => {
                Some("choose another address, or stop what listens there".to_owned())
            }
            Self::Gate(_) | Self::Operators(_) => {
                Some("switchyard --check names the setting and its line".to_owned())
            }
            Self::Certificate(error) => Some(error.hint()),
            Self::CookieKey { .. } => Some(
                "name a file this user may write under routing.conversations.key_file".to_owned(),
            ),
            Self::Handover(error) => Some(error.hint()),
            Self::NotRecorded(_) => {
                Some("the running gateway goes on; check the disk of the state file".to_owned())
            }
            Self::Metrics(_) | Self::Signals(_) | Self::Thread(_) | Self::Duplicate(_) => None,
        }
    }
}

/// How long connections that are open may ask once more after an upgrade, before idle ones are closed.
const LAST_WORD: Duration = Duration::from_secs(1);

type AskedToStop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A gateway, ready to run.
pub struct Gateway {
    front_door: FrontDoor,
    proxy_protocol: bool,
    threads: usize,
    connections: Connections,
    shared: Shared,
    hold: Duration,
    shutdown: Shutdown,
    stop: watch::Sender<bool>,
    leave: watch::Sender<bool>,
    asked_to_stop: AskedToStop,
    sockets: Sockets,
    state: PathBuf,
    driver: Driver,
    desk: Desk,
    taken: Option<Taken>,
}

/// How the gateway ended.
pub enum End {
    /// Every answer was finished.
    Drained,
    /// Some answers were cut, by a second signal or by the end of the grace time.
    Cut,
}

/// Starts everything but the accepting of requests.
///
/// # Errors
/// [`StartError`], before any request was accepted.
pub async fn compose(
    source: Source,
    settings: Settings,
    values: BTreeMap<String, String>,
    mut taken: Option<Taken>,
) -> Result<Gateway, StartError> {
    // First of all: from here on a signal means an orderly end.
    let asked_to_stop: AskedToStop = Box::pin(asked_to_stop().map_err(StartError::Signals)?);
    // A file-size limit is a write that fails, and is reported as one; unhandled, its signal would end the gateway.
    let _handled = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))
        .map_err(StartError::Signals)?;
    let metrics =
        Arc::new(GatewayMetrics::new(&Slot::ALL.map(Slot::as_str)).map_err(StartError::Metrics)?);
    let mut sockets = Sockets::open(&settings, taken.as_mut())?;
    let keep_old = settings.rules.keep_old;
    let (journal, mut remembered) =
        JournalDesk::open(&settings.state, settings.first_live, keep_old, taken.is_some())?;
    let mut deadline = None;
    if let Some(drain) = taken.as_ref().and_then(Taken::drain)
        && let Some(slot) = Slot::named(&drain.slot)
    {
        remembered.draining = Some((Attempt(drain.attempt), slot));
        deadline = drain.deadline.map(|at| (Attempt(drain.attempt), Timestamp(at)));
    }
    let addresses = sockets.addresses().join(", ");

    let pools = Slot::ALL.map(|slot| {
        let slot_settings = &settings.slots[slot.index()];
        let workers = slot_settings.workers.iter().map(|worker| {
            let slow_start = slot_settings.slow_start;
            Arc::new(Worker::new(slot, worker.clone(), &settings.passive, slow_start, &metrics))
        });
        let (mismatch, balance) = (settings.mismatch, slot_settings.balance);
        Arc::new(SlotPool::new(slot, Members { workers: workers.collect(), mismatch, balance }))
    });
    pools[remembered.live.index()].expect(remembered.release.clone());
    if let Some(canary) = &remembered.canary {
        pools[canary.slot.index()].expect(canary.release.clone());
    }
    let counts = [&pools[0], &pools[1]].map(|pool| pool.report().total);
    let switch = Switch::new(settings.rules, remembered.clone(), counts);
    let routing = Arc::new(Routing::new(
        pools,
        remembered.live,
        remembered.attempt.0,
        remembered.canary.as_ref(),
        switch.pinned().map(|pinned| pinned.slot),
    ));
    tracing::info!(
        listen = addresses, admin = %settings.admin_socket.display(), live = %remembered.live,
        attempt = remembered.attempt.0, "switchyard starts"
    );

    let conversations = match &settings.conversations {
        Some(typed) => Some(Arc::new(conversations(typed, &settings.state)?)),
        None => None,
    };
    let shadow = Shadow::new(&settings.shadow, Arc::clone(&metrics));
    if let Some(share) = last_shadow_share(&journal).await {
        shadow.set_share(share);
    }
    let shared = Shared {
        routing: Arc::clone(&routing),
        running: Arc::new(Running::new()),
        predecessor: Arc::new(Predecessor::none()),
        conversations,
        hold: settings.hold.as_ref().map(|hold| Arc::new(Hold::new(hold))),
        shadow: Arc::new(shadow),
        metrics: Arc::clone(&metrics),
        events: Events::new(),
        journal,
    };
    let (own, inbox) = mpsc::channel::<Message>(256);
    let mut probes = Vec::new();
    for pool in Slot::ALL.map(|slot| routing.slot(slot)) {
        for worker in &pool.members().workers {
            let (pool, probed) = (Arc::clone(pool), Arc::clone(worker));
            let probe = probe::run(pool, probed, settings.health.clone(), own.clone());
            probes.push((Arc::clone(worker), tokio::spawn(probe).abort_handle()));
        }
    }
    let (stop, stopping) = watch::channel(false);
    let (leave, leaving) = watch::channel(false);
    let operators = Arc::new(Operators::open(&settings.operators)?);
    let gate = Gate::open(settings.users.as_ref(), &settings.rate_limits, &metrics).await?;
    let config = Arc::new(ArcSwap::from_pointee(Config {
        gate,
        retry_budget: RetryBudget::new(settings.upstream.retry_budget.thousandths()),
        upstream: settings.upstream,
        limits: settings.limits.clone(),
        trusted_proxies: settings.trusted_proxies,
        allow_slot_header: settings.allow_slot_header,
        ready_path: settings.ready_path,
        access_log: settings.access_log,
    }));
    let reloader = Arc::new(Reloader {
        source,
        shared: shared.clone(),
        config: Arc::clone(&config),
        certificates: sockets.certificates.take(),
        driver: own.clone(),
        force: Mutex::new(InForce { values, health: settings.health.clone(), probes }),
    });
    reload_when_told(Arc::clone(&reloader)).map_err(StartError::Signals)?;
    let desk = Desk {
        driver: own.clone(),
        shared: shared.clone(),
        operators,
        reloader,
        stopping: stopping.clone(),
    };
    let driver = Driver::new(switch, shared.clone(), (own, inbox), addresses, deadline);

    let front_door = FrontDoor {
        routing: Arc::clone(&routing),
        running: Arc::clone(&shared.running),
        conversations: shared.conversations.clone(),
        hold: shared.hold.clone(),
        shadow: Arc::clone(&shared.shadow),
        metrics,
        config,
        stopping,
        leaving,
    };
    // Long enough for every first probe to fail as often as it may.
    let hold = (settings.health.timeout * settings.health.fall).min(Duration::from_secs(5));
    Ok(Gateway {
        front_door,
        proxy_protocol: settings.proxy_protocol,
        threads: settings.threads,
        connections: Connections::new(&settings.limits),
        shared,
        hold,
        shutdown: settings.shutdown,
        stop,
        leave,
        asked_to_stop,
        sockets,
        state: handover::same_file(&settings.state),
        driver,
        desk,
        taken,
    })
}

/// Reloads the settings at every SIGHUP.
fn reload_when_told(reloader: Arc<Reloader>) -> std::io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let who = Who { name: "signal HUP".to_owned(), uid: None, pid: None };
        while hangups.recv().await.is_some() {
            // What went wrong is logged and recorded.
            let _ = reloader.reload(&who).await;
        }
    });
    Ok(())
}

/// The conversations of the settings; the cookie's key is beside the state file unless they say otherwise.
fn conversations(
    typed: &settings::Conversations,
    state: &std::path::Path,
) -> Result<Conversations, StartError> {
    let file = typed.key_file.clone().unwrap_or_else(|| state.with_file_name("conversations.key"));
    let manner = Manner {
        header: typed.header.as_deref().and_then(|name| name.parse().ok()),
        cookie: typed.cookie.as_deref().map(|name| (name, file.as_path())),
        body: typed.body,
        keep: typed.keep,
        most: typed.most,
    };
    Conversations::new(manner)
        .map_err(|source| StartError::CookieKey { file: file.clone(), source })
}

/// The share that was copied to the idle slot before a restart.
async fn last_shadow_share(journal: &JournalDesk) -> Option<Share> {
    let note = journal.last_note("shadow").await?.ok()??;
    let detail: serde_json::Value = serde_json::from_str(&note.detail?).ok()?;
    Share::per_mille(u16::try_from(detail["thousandths"].as_u64()?).ok()?)
}

/// Completes at the first SIGTERM or SIGINT after the call.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
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
        let (close, closing) = watch::channel(if held { Closing::Open } else { Closing::ToAll });
        let (finish, finished) = watch::channel(false);
        let (accepting, mut accepted) = mpsc::channel::<()>(1);
        let mut carriers = Vec::new();
        for number in 0..threads {
            let doors = sockets.doors.iter().map(Listening::another).collect::<Result<Vec<_>, _>>();
            let carrier = Carrier {
                front_door: front_door.clone(),
                connections: connections.clone(),
                proxy_protocol,
                threads,
                doors: doors.map_err(StartError::Thread)?,
                closing: closing.clone(),
                accepting: accepting.clone(),
                finished: finished.clone(),
            };
            carriers.push(carrier.start(number).map_err(StartError::Thread)?);
        }
        drop((sockets.doors, accepting));
        if let Some(taken) = taken {
            let rest = taken.serve(shared.clone()).await?;
            tokio::spawn(rest);
            sockets.files.ours = true;
            open_office = office.take().map(Office::open);
        }
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
            let _ = close.send(Closing::ToNew);
            tokio::time::sleep(LAST_WORD).await;
        } else {
            giver.abort();
        }
        let _ = close.send(Closing::ToAll);
        // Nothing is ever sent: this ends when the last thread no longer accepts.
        let _ = accepted.recv().await;
        let _ = tell_closed.send(true);
        let done = async || {
            connections.none().await;
            // A successor is told what is left there, through this process.
            shared.predecessor.gone().await;
        };
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
        let end = tokio::select! {
            () = done() => {
                tracing::info!("stopped: every answer was finished");
                End::Drained
            }
            () = tokio::time::sleep(grace) => End::Cut,
            () = asked_again => End::Cut,
        };
        if matches!(end, End::Cut) {
            tracing::warn!(cut = connections.open(), "stopped: some answers were cut");
        }
        let _ = finish.send(true);
        for carrier in carriers {
            // A thread that panicked has told so already.
            let _ = carrier.join();
        }
        Ok(end)
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

/// One thread that carries requests.
struct Carrier {
    front_door: FrontDoor,
    connections: Connections,
    proxy_protocol: bool,
    threads: usize,
    doors: Vec<Listening>,
    closing: watch::Receiver<Closing>,
    /// Dropped when the doors are closed.
    accepting: mpsc::Sender<()>,
    finished: watch::Receiver<bool>,
}

impl Carrier {
    /// Runs until `finished`: answers may run long after the doors are closed.
    fn start(self, number: usize) -> std::io::Result<std::thread::JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name(format!("carrier-{number}")).spawn(move || {
            runtime.block_on(async move {
                let Self { front_door, connections, proxy_protocol, threads, doors, .. } = self;
                let acceptor = Acceptor::new(front_door, connections, proxy_protocol, threads);
                if let Err(error) = acceptor.serve(doors, self.closing).await {
                    tracing::error!(%error, "a thread cannot listen");
                }
                drop(self.accepting);
                let mut finished = self.finished;
                // An error means that nobody is left who could say it.
                let _ = finished.wait_for(|finished| *finished).await;
            });
        })
    }
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
