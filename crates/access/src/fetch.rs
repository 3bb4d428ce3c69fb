//! Fetches a small document over http or https: bounded in bytes and time, following no redirect.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("the server cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("the server answered {0}")]
    Status(http::StatusCode),
    #[error("the answer is broken off, or longer than {limit} bytes")]
    Body { limit: usize, source: Box<dyn Error + Send + Sync> },
    #[error("this machine's certificates cannot be read")]
    Certificates(#[source] std::io::Error),
}

type Connector = HttpsConnector<HttpConnector>;

/// Fetches documents; connections are kept for the next time.
#[derive(Clone)]
pub(crate) struct Fetcher(Client<Connector, Empty<Bytes>>);

impl Fetcher {
    /// Trusts the certificate authorities of this machine (and `SSL_CERT_FILE`).
    pub(crate) fn new() -> Result<Self, FetchError> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .map_err(FetchError::Certificates)?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// The body of a 200 answer.
    pub(crate) async fn get(
        &self,
        url: http::Uri,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, FetchError> {
        let whole = async {
            let answer = self.0.get(url).await.map_err(FetchError::Unreachable)?;
            if answer.status() != http::StatusCode::OK {
                return Err(FetchError::Status(answer.status()));
            }
            let body = Limited::new(answer.into_body(), limit).collect().await;
            body.map(|body| body.to_bytes()).map_err(|source| FetchError::Body { limit, source })
        };
        tokio::time::timeout(timeout, whole).await.map_err(|_| FetchError::Timeout(timeout))?
    }
}
