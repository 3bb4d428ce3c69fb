//! The worker's life: listen, load behind a closed latch, serve, drain.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::drain::{self, Signals};
use crate::settings::Settings;
use crate::state::Worker;
use crate::{api, load};
use telemetry::worker::WorkerMetrics;

/// Why a worker cannot run at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("listening on {address}")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error("starting")]
    Start(#[from] std::io::Error),
    #[error("registering metrics")]
    Metrics(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Serves until a signal comes and the running answers are finished.
pub(crate) fn run(settings: Settings) -> Result<(), ServerError> {
    let metrics = WorkerMetrics::new().map_err(|e| ServerError::Metrics(e.into()))?;
    let worker = Arc::new(Worker::new(settings, metrics));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // The model has the cores; HTTP needs little.
        .worker_threads(2)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(serve(&worker));
    // Blocking tasks still running belong to answers that were cut: do not wait for them.
    runtime.shutdown_background();
    outcome
}

async fn serve(worker: &Arc<Worker>) -> Result<(), ServerError> {
    let address = worker.settings.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| ServerError::Listen { address, source })?;
    let mut signals = Signals::new()?;
    tracing::info!(address = %listener.local_addr()?, "listening");

    let loading = Arc::clone(worker);
    std::thread::Builder::new().name("load".to_owned()).spawn(move || load::load(&loading))?;

    let (stop, stopped) = oneshot::channel::<()>();
    let server =
        axum::serve(listener, api::router(Arc::clone(worker))).with_graceful_shutdown(async move {
            // A dropped sender means the same as a message.
            let _ = stopped.await;
        });
    let mut server = tokio::spawn(async move { server.await });
    tokio::select! {
        ended = &mut server => return flatten(ended),
        () = drain::notice(worker, &mut signals) => {}
    }
    // The server has ended only if it failed, and then the select above has returned.
    let _ = stop.send(());
    let running = async {
        if let Err(error) = flatten(server.await) {
            tracing::error!(%error, "serving");
        }
    };
    drain::finish(worker, &mut signals, running).await;
    Ok(())
}

fn flatten(ended: Result<std::io::Result<()>, tokio::task::JoinError>) -> Result<(), ServerError> {
    match ended {
        Ok(outcome) => Ok(outcome?),
        Err(error) => Err(ServerError::Start(std::io::Error::other(error))),
    }
}
