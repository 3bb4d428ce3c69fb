//! Tags in an object store.

use std::collections::{HashMap, HashSet};
use std::path::Path as FilePath;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};

use super::Place;
use super::chunks::{Piece, Pieces};
use super::error::SyncError;
use super::garbage::{Held, Unused};
use crate::fingerprint::hex;

/// The largest list read, in bytes.
const LARGEST_LIST: usize = 512 * 1024 * 1024;
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a request that failed is tried again.
const RETRY_FOR: Duration = Duration::from_secs(60);
const RETRIES: usize = 6;
/// What of the pieces no tag uses.
const UNUSED: &str = "pieces/unused.json";

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
        let Some(bytes) = self.get_small(&name)? else { return Ok(None) };
        let pieces: Pieces = serde_json::from_slice(&bytes).map_err(|e| self.error(&name, e))?;
        pieces.check(FilePath::new(&format!("{}/{name}", self.place)))?;
        if pieces.tag != tag {
            return Err(self.error(&name, format!("it is the list of `{}`", pieces.tag)));
        }
        Ok(Some(pieces))
    }

    /// An object that is held in memory, if it is there.
    fn get_small(&self, name: &str) -> Result<Option<Bytes>, SyncError> {
        let fail = |e: object_store::Error| self.error(name, e);
        self.runtime.block_on(async {
            let got = match self.store.get(&self.at(name)).await {
                Ok(got) => got,
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(e) => return Err(fail(e)),
            };
            if got.meta.size > LARGEST_LIST as u64 {
                return Err(self.error(name, format!("{} bytes are too many", got.meta.size)));
            }
            got.bytes().await.map(Some).map_err(fail)
        })
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

    /// The tags that are there, and when their lists were written, newest first.
    pub(super) fn tags(&self) -> Result<Vec<(String, OffsetDateTime)>, SyncError> {
        let folder = (!self.prefix.is_empty()).then(|| Path::from(self.prefix.as_str()));
        let found = self.runtime.block_on(self.store.list_with_delimiter(folder.as_ref()));
        let found = found.map_err(|e| self.error("", e))?;
        let tag = |object: ObjectMeta| {
            let tag = object.location.filename()?.strip_suffix(".json")?.to_owned();
            crate::tag::check(&tag).ok()?;
            Some((tag, modified(&object)))
        };
        let mut tags: Vec<_> = found.objects.into_iter().filter_map(tag).collect();
        tags.sort_by(|a, b| b.1.cmp(&a.1).then(b.0.cmp(&a.0)));
        Ok(tags)
    }

    /// Removes the list of a tag, which makes the tag invisible.
    pub(super) fn remove_list(&self, tag: &str) -> Result<(), SyncError> {
        self.remove(&format!("{tag}.json"))
    }

    /// The pieces that are there, by their hashes.
    pub(super) fn pieces(&self) -> Result<HashMap<String, Held>, SyncError> {
        let folder = self.at("pieces");
        let found = self.runtime.block_on(async {
            self.store.list(Some(&folder)).try_collect::<Vec<ObjectMeta>>().await
        });
        let found = found.map_err(|e| self.error("pieces", e))?;
        let piece = |object: ObjectMeta| {
            let name = object.location.filename()?.to_owned();
            let held = Held { bytes: object.size, since: modified(&object) };
            (name.len() == 64 && object.size > 0).then_some((name, held))
        };
        Ok(found.into_iter().filter_map(piece).collect())
    }

    /// The hashes of the pieces that are there and will stay.
    pub(super) fn held(&self) -> Result<HashSet<String>, SyncError> {
        let unused = self.unused()?;
        let pieces = self.pieces()?;
        let stays = |(hash, held): &(String, Held)| !unused.names(hash, held);
        Ok(pieces.into_iter().filter(stays).map(|(hash, _)| hash).collect())
    }

    /// What the last collection of garbage noted.
    pub(super) fn unused(&self) -> Result<Unused, SyncError> {
        let Some(bytes) = self.get_small(UNUSED)? else { return Ok(Unused::default()) };
        serde_json::from_slice(&bytes).map_err(|e| self.error(UNUSED, e))
    }

    /// Notes what no tag uses.
    pub(super) fn put_unused(&self, unused: &Unused) -> Result<(), SyncError> {
        let bytes = serde_json::to_vec(unused).map_err(|e| self.error(UNUSED, e))?;
        self.runtime
            .block_on(self.store.put(&self.at(UNUSED), PutPayload::from(bytes)))
            .map(|_| ())
            .map_err(|e| self.error(UNUSED, e))
    }

    /// Removes a piece if it still is the one that was noted; says whether it was.
    pub(super) fn remove_unused(&self, hash: &str, unused: &Unused) -> Result<bool, SyncError> {
        let name = piece_name(hash);
        let found = match self.runtime.block_on(self.store.head(&self.at(&name))) {
            Ok(found) => Held { bytes: found.size, since: modified(&found) },
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(e) => return Err(self.error(&name, e)),
        };
        if !unused.names(hash, &found) {
            return Ok(false);
        }
        self.remove(&name).map(|()| true)
    }

    fn remove(&self, name: &str) -> Result<(), SyncError> {
        match self.runtime.block_on(self.store.delete(&self.at(name))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.error(name, e)),
        }
    }

    /// Writes a piece.
    pub(super) async fn put_piece(&self, piece: &Piece, bytes: Vec<u8>) -> Result<(), SyncError> {
        let name = piece_name(&piece.sha256);
        let put = self.store.put(&self.at(&name), PutPayload::from(bytes)).await;
        put.map(|_| ()).map_err(|e| self.error(&name, e))
    }

    /// Reads a piece and compares it with its name.
    pub(super) async fn get_piece(&self, piece: &Piece) -> Result<Vec<u8>, SyncError> {
        let name = piece_name(&piece.sha256);
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

fn piece_name(hash: &str) -> String {
    format!("pieces/{}/{hash}", hash.get(..2).unwrap_or_default())
}

/// When an object was written, by the store's clock.
fn modified(object: &ObjectMeta) -> OffsetDateTime {
    let seconds = object.last_modified.timestamp();
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
