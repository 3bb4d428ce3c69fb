//! One request to a worker and its answer, on a connection of its own: the gateway's questions, the shadow's copies.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

/// What went wrong on the way to a worker, or back.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Asks and reads the answer, of at most `longest` bytes.
///
/// # Errors
/// The cause, in words.
pub(crate) async fn exchange(
    address: SocketAddr,
    host: &str,
    mut request: http::Request<Full<Bytes>>,
    longest: usize,
) -> Result<http::Response<Bytes>, String> {
    let headers = request.headers_mut();
    headers.insert(header::HOST, host.parse().map_err(|_| format!("{host:?} names no host"))?);
    let agent = concat!("switchyard/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, http::HeaderValue::from_static(agent));
    let answer = send(address, request, async |answer| {
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, longest).collect().await?;
        Ok(http::Response::from_parts(head, body.to_bytes()))
    });
    answer.await.map_err(|failure| failure.to_string())
}

/// Sends a request and gives what `read` makes of the answer. The connection is driven here and dropped with the future:
/// nothing is left behind when the caller's time is over.
pub(crate) async fn send<T>(
    address: SocketAddr,
    request: http::Request<Full<Bytes>>,
    read: impl AsyncFnOnce(http::Response<Incoming>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async { read(sender.send_request(request).await?).await };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        outcome = &mut exchange => outcome,
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(error.into()),
        },
    }
}
