//! One gateway that can be asked.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use switch_api::Failure;
use tokio::net::{TcpStream, UnixStream};

use crate::credentials::{self, Credentials};
use crate::error::ClientError;

/// The longest answer read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// How long a new process may take until it answers in place of one that has handed over.
const HANDOVER_PATIENCE: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

enum Place {
    Socket(PathBuf),
    Http(String),
}

/// Asks one gateway.
pub struct Client {
    server: String,
    place: Place,
    /// Shown over HTTP only: the unix socket knows its callers by themselves.
    token: Option<String>,
}

impl Client {
    /// A client of the gateway at `server`. Over HTTP it shows the token of `SWITCHYARD_TOKEN`, or the stored one.
    ///
    /// # Errors
    /// [`ClientError::BadServer`] when `server` is neither `unix:PATH` nor `http://HOST:PORT`.
    pub fn new(server: &str) -> Result<Self, ClientError> {
        let mut client = Self::without_token(server)?;
        if matches!(client.place, Place::Http(_)) {
            client.token = match std::env::var(credentials::VARIABLE) {
                Ok(token) if !token.is_empty() => Some(token),
                _ => match Credentials::of_this_user() {
                    Ok(stored) => stored.token(server)?,
                    // Nowhere to look: the gateway may ask for no token.
                    Err(_) => None,
                },
            };
        }
        Ok(client)
    }

    /// A client that shows this token, whatever is stored.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_token(server: &str, token: &str) -> Result<Self, ClientError> {
        Ok(Self { token: Some(token.to_owned()), ..Self::without_token(server)? })
    }

    fn without_token(server: &str) -> Result<Self, ClientError> {
        let place = if let Some(path) = server.strip_prefix("unix:").filter(|path| !path.is_empty())
        {
            Place::Socket(PathBuf::from(path))
        } else if let Some(authority) =
            server.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'))
            && !authority.is_empty()
            && !authority.contains('/')
        {
            let has_port =
                authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            Place::Http(if has_port { authority.to_owned() } else { format!("{authority}:80") })
        } else {
            return Err(ClientError::BadServer(server.to_owned()));
        };
        Ok(Self { server: server.to_owned(), place, token: None })
    }

    /// The answer to a GET.
    ///
    /// # Errors
    /// When the gateway cannot be asked, says no, or answers something else.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, None).await
    }

    /// The answer to a POST with a JSON body.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_string(body).map_err(ClientError::BadRequest)?;
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Asks, and asks again for a while when the gateway hands over to a new process at this very moment.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<T, ClientError> {
        let until = tokio::time::Instant::now() + HANDOVER_PATIENCE;
        loop {
            let response = self.send(method.clone(), path, body.clone()).await?;
            match self.read(response).await {
                Err(ClientError::Refused(problem))
                    if problem.reason == "stopping" && tokio::time::Instant::now() < until =>
                {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                answer => return answer,
            }
        }
    }

    /// The body of a GET, as it comes.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn stream(&self, path: &str) -> Result<Incoming, ClientError> {
        let response = self.send(Method::GET, path, None).await?;
        if response.status().is_success() {
            Ok(response.into_body())
        } else {
            Err(self.no(response).await)
        }
    }

    /// The connection ended, and why.
    pub fn lost(&self, cause: impl std::fmt::Display) -> ClientError {
        ClientError::Unreachable { server: self.server.clone(), cause: cause.to_string() }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<http::Response<Incoming>, ClientError> {
        let host = match &self.place {
            Place::Socket(_) => "localhost",
            Place::Http(authority) => authority,
        };
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|error| self.lost(error))?;
        let mut sender = tokio::time::timeout(CONNECT_TIMEOUT, self.connect())
            .await
            .map_err(|_| self.lost("no connection within 5s"))??;
        sender.send_request(request).await.map_err(|error| self.lost(error))
    }

    async fn connect(&self) -> Result<http1::SendRequest<Full<Bytes>>, ClientError> {
        macro_rules! shake_hands {
            ($stream:expr) => {{
                let stream = $stream.map_err(|error| self.lost(error))?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream))
                    .await
                    .map_err(|error| self.lost(error))?;
                // The request itself reports what goes wrong with its connection.
                tokio::spawn(async move { drop(connection.await) });
                Ok(sender)
            }};
        }
        match &self.place {
            Place::Socket(path) => shake_hands!(UnixStream::connect(path).await),
            Place::Http(authority) => shake_hands!(TcpStream::connect(authority.as_str()).await),
        }
    }

    async fn read<T: DeserializeOwned>(
        &self,
        response: http::Response<Incoming>,
    ) -> Result<T, ClientError> {
        if !response.status().is_success() {
            return Err(self.no(response).await);
        }
        let body = self.body(response).await?;
        serde_json::from_slice(&body)
            .map_err(|error| self.lost(format!("the answer cannot be read: {error}")))
    }

    async fn no(&self, response: http::Response<Incoming>) -> ClientError {
        let status = response.status();
        let body = match self.body(response).await {
            Ok(body) => body,
            Err(trouble) => return trouble,
        };
        match serde_json::from_slice::<Failure>(&body) {
            Ok(Failure { error })
                if status != StatusCode::FORBIDDEN && status != StatusCode::UNAUTHORIZED =>
            {
                ClientError::Refused(error.into())
            }
            Ok(Failure { error }) => ClientError::NotAllowed(error.into()),
            Err(_) => self.lost(format!("it answers {status}, which is not a gateway's answer")),
        }
    }

    async fn body(&self, response: http::Response<Incoming>) -> Result<Bytes, ClientError> {
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        body.map(|body| body.to_bytes()).map_err(|error| self.lost(error))
    }
}
