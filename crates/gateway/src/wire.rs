//! One client's connection as Pingora sees it: small writes are sent together, and a request's header must come in time.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::{SslDigest, TlsStream};
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Writes are gathered up to this many bytes: an answer's header and a short body leave in one packet.
const GATHERED: usize = 8 * 1024;

/// A TCP connection, and who is at its other end.
#[derive(Debug)]
pub(crate) struct Tcp {
    pub stream: TcpStream,
    pub digest: Arc<SocketDigest>,
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for Tcp {
    async fn shutdown(&mut self) {
        // The client may be gone already.
        let _ = self.stream.shutdown().await;
    }
}

impl UniqueID for Tcp {
    fn id(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

impl Ssl for Tcp {}
impl Peek for Tcp {}

impl GetTimingDigest for Tcp {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Tcp {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Tcp {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.digest))
    }
}

#[derive(Debug)]
enum Carrier {
    Plain(Tcp),
    Tls(Box<TlsStream<Tcp>>),
}

/// A connection that carries requests.
#[derive(Debug)]
pub(crate) struct Wire {
    carrier: Carrier,
    gathered: Vec<u8>,
    sent: usize,
    /// A request's header is being read, or waited for.
    reading_header: AtomicBool,
    header_timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    request_line: RequestLine,
    /// The next bytes begin another request line.
    next: AtomicBool,
    /// The request line has a character that belongs in none.
    doubtful: AtomicBool,
}

/// How far the request line has been seen. Pingora escapes what does not belong there before anybody can look at it.
#[derive(Debug, PartialEq, Eq)]
enum RequestLine {
    /// Only line ends so far, which servers skip (RFC 9112, section 2.2).
    Before,
    Inside {
        after_return: bool,
    },
    Behind,
}

impl RequestLine {
    /// Looks at more bytes; `true` when one of them belongs in no request line.
    fn is_doubtful(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            match (&*self, byte) {
                (Self::Behind, _) => return false,
                (Self::Before, b'\r' | b'\n') => {}
                (Self::Inside { after_return: true }, b'\n') => *self = Self::Behind,
                (Self::Inside { after_return: false }, b'\r') => {
                    *self = Self::Inside { after_return: true };
                }
                (Self::Inside { after_return: true }, _) => return true,
                (_, byte) if *byte < b' ' || *byte == 0x7f => return true,
                _ => *self = Self::Inside { after_return: false },
            }
        }
        false
    }
}

impl Wire {
    /// `began` is when the connection was accepted: its first header is due `header_timeout` later.
    pub(crate) fn plain(tcp: Tcp, began: Instant, header_timeout: Duration) -> Self {
        Self::new(Carrier::Plain(tcp), began, header_timeout)
    }

    pub(crate) fn tls(tls: TlsStream<Tcp>, began: Instant, header_timeout: Duration) -> Self {
        Self::new(Carrier::Tls(Box::new(tls)), began, header_timeout)
    }

    fn new(carrier: Carrier, began: Instant, header_timeout: Duration) -> Self {
        Self {
            carrier,
            gathered: Vec::new(),
            sent: 0,
            reading_header: AtomicBool::new(true),
            header_timeout,
            deadline: Some(Box::pin(tokio::time::sleep_until(began + header_timeout))),
            request_line: RequestLine::Before,
            next: AtomicBool::new(false),
            doubtful: AtomicBool::new(false),
        }
    }

    /// HTTP/2 has its own idle timeout, and no moment at which the next header begins.
    pub(crate) fn without_deadline(mut self) -> Self {
        *self.reading_header.get_mut() = false;
        self.deadline = None;
        self
    }

    /// The header has been read. `true` when its request line is one that readers may disagree about.
    pub(crate) fn header_is_read(&self) -> bool {
        self.reading_header.store(false, Ordering::Relaxed);
        self.doubtful.load(Ordering::Relaxed)
    }

    /// The request is over: the next bytes begin another header.
    pub(crate) fn await_header(&self) {
        self.next.store(true, Ordering::Relaxed);
        self.reading_header.store(true, Ordering::Relaxed);
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.gathered.len() {
            let rest = self.gathered.get(self.sent..).unwrap_or_default();
            let sent = match &mut self.carrier {
                Carrier::Plain(tcp) => ready!(Pin::new(tcp).poll_write(context, rest))?,
                Carrier::Tls(tls) => ready!(Pin::new(tls).poll_write(context, rest))?,
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        self.sent = 0;
        self.gathered.clear();
        // An idle stream keeps no buffer.
        if self.gathered.capacity() > GATHERED {
            self.gathered = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match &mut self.carrier {
            Carrier::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Carrier::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        };
        if !*self.reading_header.get_mut() {
            self.deadline = None;
            return read;
        }
        if read.is_ready() {
            if std::mem::take(self.next.get_mut()) {
                self.request_line = RequestLine::Before;
            }
            let bytes = buffer.filled().get(before..).unwrap_or_default();
            if self.request_line != RequestLine::Behind && self.request_line.is_doubtful(bytes) {
                *self.doubtful.get_mut() = true;
            }
            // The first bytes of a header start the clock, unless the whole connection's runs already.
            if buffer.filled().len() > before && self.deadline.is_none() {
                let due = Instant::now() + self.header_timeout;
                self.deadline = Some(Box::pin(tokio::time::sleep_until(due)));
            }
            return read;
        }
        let due = self.deadline.as_mut().map(|deadline| deadline.as_mut().poll(context));
        if matches!(due, Some(Poll::Ready(()))) {
            let text = "the request's header did not arrive in time";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)));
        }
        Poll::Pending
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.gathered.len() + bytes.len() > GATHERED {
            ready!(self.poll_send(context))?;
        }
        if bytes.len() >= GATHERED {
            return match &mut self.carrier {
                Carrier::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
                Carrier::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
            };
        }
        self.gathered.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        match &mut self.carrier {
            Carrier::Plain(_) => Poll::Ready(Ok(())),
            Carrier::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        match &mut self.carrier {
            Carrier::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Carrier::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}

#[async_trait]
impl Shutdown for Wire {
    async fn shutdown(&mut self) {
        // The client may be gone already.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Wire {
    fn id(&self) -> RawFd {
        match &self.carrier {
            Carrier::Plain(tcp) => tcp.id(),
            Carrier::Tls(tls) => tls.id(),
        }
    }
}

impl Ssl for Wire {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        match &self.carrier {
            Carrier::Plain(_) => None,
            Carrier::Tls(tls) => tls.get_ssl_digest(),
        }
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        match &self.carrier {
            Carrier::Plain(_) => None,
            Carrier::Tls(tls) => tls.selected_alpn_proto(),
        }
    }
}

impl Peek for Wire {}

impl GetTimingDigest for Wire {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Wire {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Wire {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        match &self.carrier {
            Carrier::Plain(tcp) => tcp.get_socket_digest(),
            Carrier::Tls(tls) => tls.get_socket_digest(),
        }
    }
}
