//! Puts the gateway together from its settings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use switch_core::{Attempt, Mode, Slot, Switch, Timestamp};
use switch_journal::{JournalError, Who};
use telemetry::gateway::GatewayMetrics;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc, watch};

use crate::admin::Desk;
use crate::admin_socket::SocketError;
use crate::conversations::{Conversations, Manner};
use crate::drive::Drive;
use crate::driver::{Driver, Message};
use crate::events::Events;
use crate::front_door::Connections;
use crate::handover::{self, HandoverError, Predecessor, Taken};
use crate::hold::Hold;
use crate::journal_desk::JournalDesk;
use crate::operators::Operators;
use crate::probe;
use crate::proxy::{Config, FrontDoor};
use crate::reload::{InForce, Reloader};
use crate::requested::Requested;
use crate::retry_budget::RetryBudget;
use crate::routing::Routing;
use crate::running::Running;
use crate::serving::{AskedToStop, Gateway, asked_to_stop};
use crate::settings::{self, Settings, Source};
use crate::shadow::{self, Shadow};
use crate::shared::Shared;
use crate::slot_pool::{Members, SlotPool};
use crate::sockets::Sockets;
use crate::standby::{self, Standby};
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
    let mut recorded = standby::note::last(&journal).await.unwrap_or_default();
    for (mode, slot) in recorded.modes.iter_mut().zip(&settings.slots) {
        // Whoever starts the workers of such a slot now does not know that it slept.
        mode.take_if(|_| slot.standby.is_none());
    }
    remembered.modes = recorded.modes.map(Option::unwrap_or_default);
    remembered.given_up = recorded.given_up;
    let standby = Standby::new(&settings, &recorded);
    for (pool, mode) in pools.iter().zip(remembered.modes) {
        pool.set_asleep(mode == Mode::Asleep);
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
    if let Some(share) = shadow::last_share(&journal).await {
        shadow.set_share(share);
    }
    let requested = Requested::last(&journal).await;
    let shared = Shared {
        routing: Arc::clone(&routing),
        running: Arc::new(Running::new()),
        predecessor: Arc::new(Predecessor::none()),
        conversations,
        hold: settings.hold.as_ref().map(|hold| Arc::new(Hold::new(hold))),
        shadow: Arc::new(shadow),
        drive: settings.drive.map(|drive| Arc::new(Drive::new(drive, Arc::clone(&routing)))),
        standby: Arc::new(standby),
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
        routes: settings.routes.clone(),
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
    handover::launch::when_told().map_err(StartError::Signals)?;
    let desk = Desk {
        driver: own.clone(),
        shared: shared.clone(),
        operators,
        reloader,
        warm: settings.warm,
        stopping: stopping.clone(),
    };
    let driver = Driver::new(switch, shared.clone(), (own, inbox), addresses, deadline, requested);

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
