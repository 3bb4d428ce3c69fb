//! Where the keys for tokens come from: a file or a URL, read again in the background, the last good set kept.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::fetch::{FetchError, Fetcher};
use crate::jwt::{self, Bearer, Rules, TokenRefusal};
use crate::verification_keys::{KeyError, VerificationKeys};

/// Larger key sets are refused. 1 MiB.
const MAX_SET: usize = 1 << 20;
/// Time for one fetch.
const FETCH_TIME: Duration = Duration::from_secs(5);
/// Tokens with unknown key ids make the set be fetched at most this often: anybody can write such a token.
const REFETCH: Duration = Duration::from_secs(10);

/// Where the keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A shared secret of at least 32 bytes.
    Secret(PathBuf),
    /// One public key in PEM format.
    Pem(PathBuf),
    /// A JSON Web Key Set.
    SetFile(PathBuf),
    /// A JSON Web Key Set behind an http or https address.
    SetUrl(http::Uri),
}

impl std::fmt::Display for Source {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(file) | Self::Pem(file) | Self::SetFile(file) => {
                write!(to, "{}", file.display())
            }
            Self::SetUrl(url) => write!(to, "{url}"),
        }
    }
}

/// Why keys could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("reading the keys in {0}")]
    Unreadable(String, #[source] std::io::Error),
    #[error("fetching the keys from {0}")]
    Fetch(String, #[source] FetchError),
    #[error("using the keys from {0}")]
    Unusable(String, #[source] KeyError),
}

/// Checks tokens against keys that change.
pub struct Verifier {
    source: Source,
    rules: Rules,
    fetcher: Option<Fetcher>,
    keys: ArcSwap<VerificationKeys>,
    /// The bytes that were last read, so that an unchanged file is not parsed again.
    last_read: Mutex<Vec<u8>>,
    /// One fetch at a time, and when the last one began.
    last_fetch: tokio::sync::Mutex<Option<Instant>>,
}

impl Verifier {
    /// Without keys until the first [`refresh`](Self::refresh): every token is then signed by an unknown key.
    ///
    /// # Errors
    /// [`SourceError::Fetch`] when this machine's certificates cannot be read.
    pub fn new(source: Source, rules: Rules) -> Result<Self, SourceError> {
        let fetcher = match &source {
            Source::SetUrl(_) => Some(
                Fetcher::new().map_err(|error| SourceError::Fetch(source.to_string(), error))?,
            ),
            _ => None,
        };
        Ok(Self {
            source,
            rules,
            fetcher,
            keys: ArcSwap::default(),
            last_read: Mutex::default(),
            last_fetch: tokio::sync::Mutex::default(),
        })
    }

    /// Reads the keys again, and says whether they changed.
    ///
    /// # Errors
    /// [`SourceError`]; the keys known before stay in use.
    pub async fn refresh(&self) -> Result<bool, SourceError> {
        let mut last_fetch = self.last_fetch.lock().await;
        *last_fetch = Some(Instant::now());
        self.read().await
    }

    /// Checks a token. One from a key that is not known yet makes the keys be read again first, unless they just
    /// were.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub async fn verify(&self, token: &str, now: SystemTime) -> Result<Bearer, TokenRefusal> {
        let known = self.keys.load_full();
        let first = jwt::verify(token, &known, &self.rules, now);
        if first != Err(TokenRefusal::UnknownKey) {
            return first;
        }
        {
            let mut last_fetch = self.last_fetch.lock().await;
            // Somebody else may have read them while this one waited.
            let changed = !Arc::ptr_eq(&known, &self.keys.load());
            if !changed && last_fetch.is_none_or(|last| last.elapsed() >= REFETCH) {
                *last_fetch = Some(Instant::now());
                if let Err(error) = self.read().await {
                    tracing::warn!(error = %chain(&error), "the keys for tokens stay as they were");
                }
            }
        }
        jwt::verify(token, &self.keys.load(), &self.rules, now)
    }

    /// Reads the keys every `interval`, for as long as the future is polled. Failures are logged.
    pub async fn keep_fresh(&self, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            match self.refresh().await {
                Ok(true) => {
                    tracing::info!(source = %self.source, keys = self.keys.load().len(), "new keys for tokens");
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "the keys for tokens stay as they were");
                }
            }
        }
    }

    /// How many keys are known.
    pub fn keys(&self) -> usize {
        self.keys.load().len()
    }

    async fn read(&self) -> Result<bool, SourceError> {
        let source = || self.source.to_string();
        let bytes = match &self.source {
            Source::Secret(file) | Source::Pem(file) | Source::SetFile(file) => {
                tokio::fs::read(file)
                    .await
                    .map_err(|error| SourceError::Unreadable(source(), error))?
            }
            Source::SetUrl(url) => match &self.fetcher {
                Some(fetcher) => fetcher
                    .get(url.clone(), MAX_SET, FETCH_TIME)
                    .await
                    .map_err(|error| SourceError::Fetch(source(), error))?
                    .to_vec(),
                None => return Ok(false),
            },
        };
        if *self.last_read.lock().unwrap_or_else(PoisonError::into_inner) == bytes {
            return Ok(false);
        }
        let keys = match &self.source {
            Source::Secret(_) => VerificationKeys::from_secret(&bytes),
            Source::Pem(_) => VerificationKeys::from_pem(&bytes),
            Source::SetFile(_) | Source::SetUrl(_) => VerificationKeys::from_jwks(&bytes),
        };
        let keys = keys.map_err(|error| SourceError::Unusable(source(), error))?;
        self.keys.store(Arc::new(keys));
        *self.last_read.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        Ok(true)
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
