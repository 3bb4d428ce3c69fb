//! The accept loop, and how the front door closes: idle connections at once, running answers at their end.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use pingora::apps::{HttpServerApp, ServerApp};
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::{GetSocketDigest, SocketDigest};
use pingora::proxy::HttpProxy;
use pingora::server::configuration::ServerConf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::proxy::FrontDoor;

/// How often one request may be tried, on different workers.
const MAX_TRIES: usize = 4;

/// Accepts connections until told to stop; then waits for the answers that still run.
pub(crate) struct Acceptor {
    proxy: Arc<HttpProxy<FrontDoor>>,
    slots: Arc<Semaphore>,
    limit: u32,
    metrics: Arc<telemetry::gateway::GatewayMetrics>,
    stopping: watch::Receiver<bool>,
}

impl Acceptor {
    pub(crate) fn new(front_door: FrontDoor, max_connections: usize, threads: usize) -> Self {
        let metrics = Arc::clone(&front_door.metrics);
        let stopping = front_door.stopping.clone();
        let conf = ServerConf {
            threads,
            max_retries: MAX_TRIES,
            upstream_keepalive_pool_size: front_door
                .upstream
                .idle_connections
                .div_ceil(threads.max(1)),
            ..ServerConf::default()
        };
        let mut proxy = HttpProxy::new(front_door, Arc::new(conf));
        proxy.handle_init_modules();
        let limit = u32::try_from(max_connections).unwrap_or(u32::MAX).min(1 << 20);
        Self {
            proxy: Arc::new(proxy),
            slots: Arc::new(Semaphore::new(limit as usize)),
            limit,
            metrics,
            stopping,
        }
    }

    /// Accepts until `stop` completes.
    pub(crate) async fn accept(&self, listener: TcpListener, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.carry(stream),
                Err(error) => {
                    // Out of file descriptors, most often: wait for some to be given back instead of spinning.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn carry(&self, stream: TcpStream) {
        let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.metrics.connections_refused.inc();
            return;
        };
        let proxy = Arc::clone(&self.proxy);
        let stopping = self.stopping.clone();
        let gauge = self.metrics.connections.clone();
        tokio::spawn(async move {
            gauge.inc();
            // Small answers must not wait for the client's acknowledgement (Nagle).
            let _ = stream.set_nodelay(true);
            let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
            let mut stream = Stream::from(stream);
            stream.set_socket_digest(digest);
            proxy.process_new(Box::new(stream), &stopping).await;
            gauge.dec();
            drop(permit);
        });
    }

    /// Closes idle connections and waits until every running answer has ended.
    pub(crate) async fn close(&self) {
        self.proxy.http_cleanup().await;
        // Every connection holds a permit: having all of them means that none is left.
        let _ = self.slots.acquire_many(self.limit).await;
    }

    /// Connections that are still open.
    pub(crate) fn open_connections(&self) -> usize {
        (self.limit as usize).saturating_sub(self.slots.available_permits())
    }
}
