//! Tags in an object store.

use std::collections::HashSet;
use std::path::Path as FilePath;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
};
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, Runtime};

use super::Place;
use super::chunks::{Piece, Pieces};
use super::error::SyncError;
use crate::fingerprint::hex;

/// The largest list read, in bytes.
const LARGEST_LIST: usize = 512 * 1024 * 1024;
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a request that failed is tried again.
const RETRY_FOR: Duration = Duration::from_secs(60);
const RETRIES: usize = 6;

/// A prefix in a bucket.
pub(super) struct Store {
    store: AmazonS3,
    place: Place,
    prefix: String,
    runtime: Runtime,
}

impl Store {
    /// Opens it with what the environment says (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_REGION`, `AWS_ENDPOINT_URL`); nothing is asked of it yet.
    pub(super) fn open(place: &Place) -> Result<Self, SyncError> {
        let fail = |cause: String| SyncError::Store { place: place.to_string(), cause };
        let Place::Bucket { bucket, prefix } = place else {
            return Err(fail("it is not a bucket".to_owned()));
        };
        let plain = std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| url.starts_with("http://"));
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_client_options(
                ClientOptions::new().with_timeout(REQUEST_TIMEOUT).with_allow_http(plain),
            )
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: RETRIES,
                retry_timeout: RETRY_FOR,
            })
            .build()
            .map_err(|e| fail(e.to_string()))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|e| fail(e.to_string()))?;
        Ok(Self { store, place: place.clone(), prefix: prefix.clone(), runtime })
    }

    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    fn at(&self, name: &str) -> Path {
        let whole = if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.prefix)
        };
        Path::from(whole)
    }

    /// Where a tag is, for people.
    pub(super) fn shown(&self, tag: &str) -> String {
        format!("{}/{tag}", self.place)
    }

    fn error(&self, name: &str, cause: impl ToString) -> SyncError {
        SyncError::Store { place: format!("{}/{name}", self.place), cause: cause.to_string() }
    }

    fn piece_name(piece: &Piece) -> String {
        format!("pieces/{}/{}", piece.sha256.get(..2).unwrap_or_default(), piece.sha256)
    }

    /// The list of a tag.
    ///
    /// # Errors
    /// When it is not there or is no list.
    pub(super) fn list_of(&self, tag: &str) -> Result<Pieces, SyncError> {
        match self.find_list(tag)? {
            Some(pieces) => Ok(pieces),
            None => Err(SyncError::Missing { place: self.shown(tag) }),
        }
    }

    /// The list of a tag, if the tag is there.
    pub(super) fn find_list(&self, tag: &str) -> Result<Option<Pieces>, SyncError> {
        let name = format!("{tag}.json");
        let fail = |e: object_store::Error| self.error(&name, e);
        let got = self.runtime.block_on(async {
            let got = match self.store.get(&self.at(&name)).await {
                Ok(got) => got,
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(e) => return Err(fail(e)),
            };
            if got.meta.size > LARGEST_LIST as u64 {
                return Err(self.error(&name, format!("{} bytes are too many", got.meta.size)));
            }
            got.bytes().await.map(Some).map_err(fail)
        })?;
        let Some(bytes) = got else { return Ok(None) };
        let pieces: Pieces = serde_json::from_slice(&bytes).map_err(|e| self.error(&name, e))?;
        pieces.check(FilePath::new(&format!("{}/{name}", self.place)))?;
        if pieces.tag != tag {
            return Err(self.error(&name, format!("it is the list of `{}`", pieces.tag)));
        }
        Ok(Some(pieces))
    }

    /// Writes the list of a tag, which makes the tag visible.
    pub(super) fn put_list(&self, pieces: &Pieces) -> Result<(), SyncError> {
        let name = format!("{}.json", pieces.tag);
        let bytes = serde_json::to_vec(pieces).map_err(|e| self.error(&name, e))?;
        self.runtime
            .block_on(self.store.put(&self.at(&name), PutPayload::from(bytes)))
            .map(|_| ())
            .map_err(|e| self.error(&name, e))
    }

    /// The hashes of the pieces that are there.
    pub(super) fn held(&self) -> Result<HashSet<String>, SyncError> {
        let folder = self.at("pieces");
        let names = self.runtime.block_on(async {
            self.store
                .list(Some(&folder))
                .map_ok(|object| {
                    (object.location.filename().unwrap_or_default().to_owned(), object.size)
                })
                .try_collect::<Vec<_>>()
                .await
        });
        let names = names.map_err(|e| self.error("pieces", e))?;
        Ok(names.into_iter().filter(|(_, size)| *size > 0).map(|(name, _)| name).collect())
    }

    /// Writes a piece.
    pub(super) async fn put_piece(&self, piece: &Piece, bytes: Vec<u8>) -> Result<(), SyncError> {
        let name = Self::piece_name(piece);
        let put = self.store.put(&self.at(&name), PutPayload::from(bytes)).await;
        put.map(|_| ()).map_err(|e| self.error(&name, e))
    }

    /// Reads a piece and compares it with its name.
    pub(super) async fn get_piece(&self, piece: &Piece) -> Result<Vec<u8>, SyncError> {
        let name = Self::piece_name(piece);
        let fail = |e: object_store::Error| self.error(&name, e);
        let got = self.store.get(&self.at(&name)).await.map_err(fail)?;
        if got.meta.size != piece.bytes {
            return Err(SyncError::Damaged { place: format!("{}/{name}", self.place) });
        }
        let bytes = got.bytes().await.map_err(fail)?.to_vec();
        if hex(&Sha256::digest(&bytes)) != piece.sha256 {
            return Err(SyncError::Damaged { place: format!("{}/{name}", self.place) });
        }
        Ok(bytes)
    }
}
