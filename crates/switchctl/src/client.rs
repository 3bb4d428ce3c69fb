//! Talks to the gateway's operators' API over a unix socket or HTTP.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use switch_api::{Failure, Problem};
use tokio::net::{TcpStream, UnixStream};

use crate::credentials::{self, Credentials};

/// The longest answer read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// How long a new process may take until it answers in place of one that has handed over.
const HANDOVER_PATIENCE: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The gateway said no.
    #[error("{}", .0.message)]
    Refused(Problem),
    /// The gateway could not be asked.
    #[error("asking the gateway at {server}: {cause}")]
    Unreachable { server: String, cause: String },
    /// The gateway does not let this operator ask.
    #[error("{}", .0.message)]
    NotAllowed(Problem),
    /// The stored tokens cannot be used.
    #[error("{0}")]
    Credentials(String, Option<String>),
    /// Something that asks no gateway failed.
    #[error("{0}")]
    Failed(String, Option<String>),
    /// The command line cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// Time is over.
    #[error("{0}")]
    TimedOut(String),
}

impl Trouble {
    pub(crate) fn unreachable(server: &str, cause: impl std::fmt::Display) -> Self {
        Self::Unreachable { server: server.to_owned(), cause: cause.to_string() }
    }

    pub(crate) fn credentials(text: impl Into<String>, hint: Option<String>) -> Self {
        Self::Credentials(text.into(), hint)
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(problem) | Self::NotAllowed(problem) => problem.hint.clone(),
            Self::Credentials(_, hint) | Self::Failed(_, hint) => hint.clone(),
            Self::Unreachable { .. } => Some(
                "is switchyard running? name it with --server unix:PATH or http://HOST:PORT".into(),
            ),
            Self::Usage(_) => Some("switchctl --help".into()),
            Self::TimedOut(_) => Some("switchctl status shows where it stands".into()),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::TimedOut(_) | Self::Failed(..) => 1,
            Self::Unreachable { .. } | Self::NotAllowed(_) | Self::Credentials(..) => 2,
            Self::Usage(_) => 64,
        }
    }
}

enum Place {
    Socket(PathBuf),
    Http(String),
}

/// Asks one gateway.
pub(crate) struct Client {
    server: String,
    place: Place,
    /// Shown over HTTP only: the unix socket knows its callers by themselves.
    token: Option<String>,
}

impl Client {
    /// # Errors
    /// [`Trouble::Usage`] when `server` is neither `unix:PATH` nor `http://HOST:PORT`.
    pub(crate) fn new(server: &str) -> Result<Self, Trouble> {
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
    pub(crate) fn with_token(server: &str, token: &str) -> Result<Self, Trouble> {
        Ok(Self { token: Some(token.to_owned()), ..Self::without_token(server)? })
    }

    fn without_token(server: &str) -> Result<Self, Trouble> {
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
            return Err(Trouble::Usage(format!(
                "--server {server:?} is neither unix:PATH nor http://HOST:PORT"
            )));
        };
        Ok(Self { server: server.to_owned(), place, token: None })
    }

    /// The answer to a GET.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        self.ask(Method::GET, path, None).await
    }

    /// The answer to a POST with a JSON body.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, Trouble> {
        self.ask(Method::POST, path, Some(body.to_string())).await
    }

    /// Asks, and asks again for a while when the gateway hands over to a new process at this very moment.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<T, Trouble> {
        let until = tokio::time::Instant::now() + HANDOVER_PATIENCE;
        loop {
            let response = self.send(method.clone(), path, body.clone()).await?;
            match self.read(response).await {
                Err(Trouble::Refused(problem))
                    if problem.reason == "stopping" && tokio::time::Instant::now() < until =>
                {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                answer => return answer,
            }
        }
    }

    /// The body of a GET, as it comes.
    pub(crate) async fn stream(&self, path: &str) -> Result<Incoming, Trouble> {
        let response = self.send(Method::GET, path, None).await?;
        if response.status().is_success() {
            Ok(response.into_body())
        } else {
            Err(self.no(response).await)
        }
    }

    pub(crate) fn lost(&self, cause: impl std::fmt::Display) -> Trouble {
        Trouble::unreachable(&self.server, cause)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<http::Response<Incoming>, Trouble> {
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

    async fn connect(&self) -> Result<http1::SendRequest<Full<Bytes>>, Trouble> {
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
    ) -> Result<T, Trouble> {
        if !response.status().is_success() {
            return Err(self.no(response).await);
        }
        let body = self.body(response).await?;
        serde_json::from_slice(&body)
            .map_err(|error| self.lost(format!("the answer cannot be read: {error}")))
    }

    async fn no(&self, response: http::Response<Incoming>) -> Trouble {
        let status = response.status();
        let body = match self.body(response).await {
            Ok(body) => body,
            Err(trouble) => return trouble,
        };
        match serde_json::from_slice::<Failure>(&body) {
            Ok(Failure { error })
                if status != StatusCode::FORBIDDEN && status != StatusCode::UNAUTHORIZED =>
            {
                Trouble::Refused(error)
            }
            Ok(Failure { error }) => Trouble::NotAllowed(error),
            Err(_) => self.lost(format!("it answers {status}, which is not a gateway's answer")),
        }
    }

    async fn body(&self, response: http::Response<Incoming>) -> Result<Bytes, Trouble> {
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        body.map(|body| body.to_bytes()).map_err(|error| self.lost(error))
    }
}
