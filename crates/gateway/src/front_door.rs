//! The accept loops, and how the front door closes: idle connections at once, running answers at their end.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::listeners::tls;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::protocols::{SocketDigest, Stream};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::proxy::{Config, FrontDoor};
use crate::proxy_protocol;
use crate::running::Running;
use crate::settings::Limits;
use crate::wire::{Tcp, Wire};

/// What a client that speaks HTTP/2 without TLS sends first (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How far a door is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    Open,
    /// Another process accepts: connections that are here get one more answer each.
    ToNew,
    /// Idle connections end, too; only running answers go on.
    ToAll,
}

/// An address that is listened on, and what shakes hands there.
pub(crate) struct Listening {
    pub listener: std::net::TcpListener,
    pub tls: Option<Arc<tls::Acceptor>>,
}

impl Listening {
    /// Another handle of the same queue of connections, for another thread.
    pub(crate) fn another(&self) -> std::io::Result<Self> {
        Ok(Self { listener: self.listener.try_clone()?, tls: self.tls.clone() })
    }
}

/// Counts every connection, and waits for the last.
#[derive(Clone)]
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    most: u32,
}

impl Connections {
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = u32::try_from(limits.connections).unwrap_or(u32::MAX).min(1 << 20);
        Self { places: Arc::new(Semaphore::new(most as usize)), most }
    }

    /// Completes when none is open.
    pub(crate) async fn none(&self) {
        // Every connection holds a permit: having all of them means that none is left.
        let _ = self.places.acquire_many(self.most).await;
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        (self.most as usize).saturating_sub(self.places.available_permits())
    }
}

/// Carries connections on one thread, with upstream connections of its own: nothing is handed to another thread.
pub(crate) struct Acceptor {
    proxy: Arc<HttpProxy<FrontDoor>>,
    /// The same proxy, for connections without TLS that begin with HTTP/2's preface.
    clear_http2: Arc<ClearHttp2>,
    connections: Connections,
    door: Arc<Door>,
    metrics: Arc<telemetry::gateway::GatewayMetrics>,
    leaving: watch::Receiver<bool>,
}

/// What happens to a connection before its first request.
struct Door {
    proxy_protocol: bool,
    config: Arc<ArcSwap<Config>>,
    running: Arc<Running>,
}

impl Acceptor {
    pub(crate) fn new(
        front_door: FrontDoor,
        connections: Connections,
        proxy_protocol: bool,
        threads: usize,
    ) -> Self {
        let leaving = front_door.leaving.clone();
        let config = front_door.config.load();
        let limits = config.limits.clone();
        let metrics = Arc::clone(&front_door.metrics);
        let door = Door {
            proxy_protocol,
            config: Arc::clone(&front_door.config),
            running: Arc::clone(&front_door.running),
        };
        let conf = ServerConf {
            threads: 1,
            max_retries: usize::try_from(config.upstream.tries).unwrap_or(usize::MAX),
            upstream_keepalive_pool_size: config.upstream.idle_connections.div_ceil(threads.max(1)),
            ..ServerConf::default()
        };
        let mut proxy = HttpProxy::new(front_door, Arc::new(conf));
        proxy.handle_init_modules();
        let mut options = HttpServerOptions::default();
        options.h2_idle_timeout = Some(limits.keep_alive);
        proxy.server_options = Some(options.clone());
        let mut http2 = H2Options::new();
        http2
            .max_concurrent_streams(limits.http2_streams)
            .max_header_list_size(u32::try_from(limits.request_header).unwrap_or(u32::MAX));
        proxy.h2_options = Some(http2);
        let proxy = Arc::new(proxy);
        options.h2c = true;
        let clear_http2 = Arc::new(ClearHttp2 { proxy: Arc::clone(&proxy), options });
        Self { proxy, clear_http2, connections, door: Arc::new(door), metrics, leaving }
    }

    /// Accepts on every address while `closing` says that they are open; closes idle connections when it says so.
    ///
    /// # Errors
    /// When this thread's runtime cannot wait on an address.
    pub(crate) async fn serve(
        &self,
        doors: Vec<Listening>,
        mut closing: watch::Receiver<Closing>,
    ) -> std::io::Result<()> {
        let mut loops = Vec::new();
        for Listening { listener, tls } in doors {
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            let mut closing = closing.clone();
            loops.push(async move {
                let stop = async {
                    // An error means that nobody is left who could say it.
                    let _ = closing.wait_for(|closing| *closing != Closing::Open).await;
                };
                self.accept(&listener, tls.as_ref(), stop).await;
                // Whoever comes now is told so by the system instead of waiting in a queue.
                drop(listener);
            });
        }
        futures::future::join_all(loops).await;
        let _ = closing.wait_for(|closing| *closing == Closing::ToAll).await;
        self.proxy.http_cleanup().await;
        Ok(())
    }

    async fn accept(
        &self,
        listener: &TcpListener,
        tls: Option<&Arc<tls::Acceptor>>,
        stop: impl Future<Output = ()>,
    ) {
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.carry(stream, peer, tls.map(Arc::clone)),
                Err(error) => {
                    // Out of file descriptors, most often: wait for some to be given back instead of spinning.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn carry(&self, stream: TcpStream, peer: SocketAddr, tls: Option<Arc<tls::Acceptor>>) {
        let Ok(permit) = Arc::clone(&self.connections.places).try_acquire_owned() else {
            self.metrics.connections_refused.inc();
            return;
        };
        let proxy = Arc::clone(&self.proxy);
        let clear_http2 = Arc::clone(&self.clear_http2);
        let door = Arc::clone(&self.door);
        let leaving = self.leaving.clone();
        let metrics = Arc::clone(&self.metrics);
        tokio::spawn(async move {
            metrics.connections.inc();
            let connection = door.running.connect(peer);
            let carried = async {
                match door.prepare(stream, peer, tls).await {
                    Ok(Prepared { stream, clear_http2: false }) => {
                        proxy.process_new(stream, &leaving).await;
                    }
                    Ok(Prepared { stream, clear_http2: true }) => {
                        clear_http2.process_new(stream, &leaving).await;
                    }
                    Err(cause) => {
                        metrics.connections_failed.inc();
                        tracing::debug!(%peer, cause, "a connection did not get to its first request");
                    }
                }
            };
            tokio::select! {
                () = carried => {}
                // A deadline that an operator has set: the running answer ends here.
                () = connection.must_end() => {}
            }
            metrics.connections.dec();
            drop(permit);
        });
    }
}

struct Prepared {
    stream: Stream,
    clear_http2: bool,
}

impl Door {
    async fn prepare(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<Arc<tls::Acceptor>>,
    ) -> Result<Prepared, String> {
        let began = Instant::now();
        let config = self.config.load_full();
        let due = tokio::time::timeout_at(
            began + config.limits.header_timeout,
            self.prepare_in_time(stream, peer, tls, began, &config),
        );
        due.await.map_err(|_| "nothing was said in time".to_owned())?
    }

    async fn prepare_in_time(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
        tls: Option<Arc<tls::Acceptor>>,
        began: Instant,
        config: &Config,
    ) -> Result<Prepared, String> {
        // Small answers must not wait for the client's acknowledgement (Nagle).
        let _ = stream.set_nodelay(true);
        let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
        let mut client = peer;
        if self.proxy_protocol {
            let address = peer.ip().to_canonical();
            if !config.trusted_proxies.iter().any(|network| network.contains(&address)) {
                return Err("it is not from a trusted proxy".to_owned());
            }
            let named = proxy_protocol::read(&mut stream).await;
            client = named.map_err(|error| error.to_string())?.unwrap_or(peer);
        }
        // Nobody else has seen the digest yet, so the cell is empty.
        let _ = digest.peer_addr.set(Some(client.into()));
        let timeout = config.limits.header_timeout;
        let Some(tls) = tls else {
            let clear_http2 = begins_http2(&stream).await.map_err(|error| error.to_string())?;
            let wire = Wire::plain(Tcp { stream, digest: Arc::new(digest) }, began, timeout);
            let wire = if clear_http2 { wire.without_deadline() } else { wire };
            return Ok(Prepared { stream: Box::new(wire), clear_http2 });
        };
        let tcp = Tcp { stream, digest: Arc::new(digest) };
        let shaken = tls.tls_handshake(tcp).await.map_err(|error| error.to_string())?;
        let wire = Wire::tls(shaken, began, timeout);
        let http2 = pingora::protocols::Ssl::selected_alpn_proto(&wire)
            .is_some_and(|chosen| chosen.get_min_http_version() == 2);
        let wire = if http2 { wire.without_deadline() } else { wire };
        Ok(Prepared { stream: Box::new(wire), clear_http2: false })
    }
}

/// Looks at the first bytes without taking them.
async fn begins_http2(stream: &TcpStream) -> std::io::Result<bool> {
    let mut first = [0; 4];
    loop {
        let seen = stream.peek(&mut first).await?;
        let seen = first.get(..seen).unwrap_or_default();
        if seen.is_empty() || !HTTP2_PREFACE.starts_with(seen) {
            return Ok(false);
        }
        // No method begins with `PRI `.
        if seen.len() == first.len() {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Speaks HTTP/2 without TLS, and leaves the requests to the proxy.
struct ClearHttp2 {
    proxy: Arc<HttpProxy<FrontDoor>>,
    options: HttpServerOptions,
}

#[async_trait::async_trait]
impl HttpServerApp for ClearHttp2 {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        self.proxy.process_new_http(session, shutdown).await
    }

    fn h2_options(&self) -> Option<H2Options> {
        self.proxy.h2_options()
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}
