//! A tiny HTTP client: one connection, kept alive, no retries, no surprises.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No test waits longer for one answer.
const LIMIT: Duration = Duration::from_secs(60);

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// A header as text; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

/// What can go wrong with a request.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One keep-alive connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender })
    }

    /// Sends a request and gives the answer when its headers are there.
    pub async fn begin(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        self.sender.ready().await?;
        Ok(tokio::time::timeout(LIMIT, self.sender.send_request(request)).await??)
    }

    /// Sends a request and reads the answer to its end.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let response = self.begin(request).await?;
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(LIMIT, body.collect()).await??.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        self.send(request("GET", path, "")).await
    }
}

/// A request with a host and, when `body` is not empty, a JSON content type.
pub fn request(method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
    let mut builder = Request::builder().method(method).uri(path).header("host", "localhost");
    if !body.is_empty() {
        builder = builder.header("content-type", "application/json");
    }
    builder.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()
}

/// A GET on a connection of its own.
pub async fn get(address: SocketAddr, path: &str) -> Result<Answer, Failure> {
    Connection::open(address).await?.get(path).await
}

/// A POST with a JSON body on a connection of its own.
pub async fn post(address: SocketAddr, path: &str, body: &str) -> Result<Answer, Failure> {
    Connection::open(address).await?.send(request("POST", path, body)).await
}

/// Sends bytes as they are and reads until the other side closes or says nothing for a second.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(Ok(count)) =
        tokio::time::timeout(Duration::from_secs(1), stream.read(&mut chunk)).await
        && count > 0
    {
        answer.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
