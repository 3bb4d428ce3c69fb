//! One question to a worker, and its whole answer, on a connection of its own.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;

/// Asks and reads the answer, of at most `longest` bytes. The connection is driven here and dropped with the future:
/// nothing is left behind when the caller's time is over.
///
/// # Errors
/// The cause, in words.
pub(crate) async fn exchange(
    address: SocketAddr,
    host: &str,
    mut request: http::Request<Full<Bytes>>,
    longest: usize,
) -> Result<http::Response<Bytes>, String> {
    let words = |error: hyper::Error| error.to_string();
    let headers = request.headers_mut();
    headers.insert(header::HOST, host.parse().map_err(|_| format!("{host:?} names no host"))?);
    let agent = concat!("switchyard/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, http::HeaderValue::from_static(agent));
    let stream =
        tokio::net::TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    let exchange = async {
        let (head, body) = sender.send_request(request).await.map_err(words)?.into_parts();
        let body = Limited::new(body, longest).collect().await.map_err(|e| e.to_string())?;
        Ok(http::Response::from_parts(head, body.to_bytes()))
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        outcome = &mut exchange => outcome,
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(error.to_string()),
        },
    }
}
