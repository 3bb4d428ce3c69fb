//! Stopping: first say so, then let running answers finish, then go.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::state::{Phase, Worker};

/// The signals that stop a worker.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over; must be called inside the runtime.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for SIGTERM or SIGINT.
    pub(crate) async fn received(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Waits for a signal, turns `/health` to `draining`, and goes on serving for the notice time, so
/// that whoever balances can look elsewhere first. A second signal cuts the notice short.
pub(crate) async fn notice(worker: &Worker, signals: &mut Signals) {
    let name = signals.received().await;
    let was = worker.phase();
    worker.enter(Phase::Draining);
    tracing::info!(signal = name, running = worker.answers.inside(), "draining");
    if was == Phase::Ready {
        cut_short(worker.settings.shutdown.notice, signals).await;
    }
}

/// Waits for `running` to finish, at most for the configured time or until another signal comes.
pub(crate) async fn finish(
    worker: &Worker,
    signals: &mut Signals,
    running: impl Future<Output = ()>,
) {
    tokio::select! {
        () = running => tracing::info!("all answers are finished"),
        () = cut_short(worker.settings.shutdown.timeout, signals) => {
            tracing::warn!(running = worker.answers.inside(), "stopping before all answers are finished");
        }
    }
}

async fn cut_short(longest: Duration, signals: &mut Signals) {
    // Either way the wait is over.
    let _ = tokio::time::timeout(longest, signals.received()).await;
}
