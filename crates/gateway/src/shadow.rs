//! A share of the requests is copied to the idle slot; the copies' answers are read and thrown away.
//!
//! The live path pays for one comparison and, when a request is copied, for keeping its body: never for the copy's
//! connection, its answer or its failure. What would be too much is dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Uri, header};
use http_body_util::{BodyExt, Full};
use switch_core::Share;
use telemetry::gateway::GatewayMetrics;
use tokio::sync::Semaphore;

use crate::exchange::{Failure, send};
use crate::journal_desk::JournalDesk;
use crate::routing::Assignment;
use crate::settings;
use crate::slot_pool::{Chosen, SlotPool};
use crate::warming::INTERNAL_HEADER;

/// Tells a worker that nobody will see its answer.
pub(crate) const SHADOW_HEADER: HeaderName = HeaderName::from_static("x-switchyard-shadow");

/// Copies requests.
pub(crate) struct Shadow {
    thousandths: AtomicU16,
    turn: AtomicU64,
    places: Arc<Semaphore>,
    longest: u64,
    timeout: Duration,
    metrics: Arc<GatewayMetrics>,
}

/// A request that is being copied while it passes by.
pub(crate) struct Copy {
    method: Method,
    target: Uri,
    headers: http::HeaderMap,
    body: BytesMut,
}

impl Copy {
    /// Takes headers away that workers must not see.
    pub(crate) fn hide(&mut self, names: &[&'static str]) {
        for name in names {
            self.headers.remove(*name);
        }
    }
}

impl Shadow {
    pub(crate) fn new(settings: &settings::Shadow, metrics: Arc<GatewayMetrics>) -> Self {
        Self {
            thousandths: AtomicU16::new(0),
            turn: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(settings.most)),
            longest: settings.longest,
            timeout: settings.timeout,
            metrics,
        }
    }

    pub(crate) fn share(&self) -> Share {
        Share::per_mille(self.thousandths.load(Ordering::Relaxed)).unwrap_or(Share::NONE)
    }

    /// From now on this share is copied.
    pub(crate) fn set_share(&self, share: Share) {
        self.thousandths.store(share.thousandths(), Ordering::Relaxed);
    }

    /// Begins a copy when it is this request's turn.
    pub(crate) fn begin(
        &self,
        method: &Method,
        target: &Uri,
        headers: &http::HeaderMap,
    ) -> Option<Copy> {
        let thousandths = u64::from(self.thousandths.load(Ordering::Relaxed));
        if thousandths == 0
            || self.turn.fetch_add(1, Ordering::Relaxed).wrapping_mul(617) % 1000 >= thousandths
        {
            return None;
        }
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if length.and_then(|text| text.parse::<u64>().ok()).is_some_and(|l| l > self.longest) {
            self.metrics.shadow("too_long");
            return None;
        }
        if headers.contains_key(header::UPGRADE) || self.places.available_permits() == 0 {
            self.metrics.shadow("dropped");
            return None;
        }
        let mut headers = headers.clone();
        for name in [
            header::CONNECTION,
            header::TRANSFER_ENCODING,
            header::CONTENT_LENGTH,
            header::EXPECT,
            INTERNAL_HEADER,
        ] {
            headers.remove(name);
        }
        headers.insert(SHADOW_HEADER, HeaderValue::from_static("1"));
        Some(Copy {
            method: method.clone(),
            target: target.clone(),
            headers,
            body: BytesMut::new(),
        })
    }

    /// Keeps another part of the body. `None` when the copy has become too long, and is given up.
    pub(crate) fn keep(&self, mut copy: Copy, part: &[u8]) -> Option<Copy> {
        if (copy.body.len() + part.len()) as u64 > self.longest {
            self.metrics.shadow("too_long");
            return None;
        }
        copy.body.extend_from_slice(part);
        Some(copy)
    }

    /// Sends the copy to a worker of `pool` and reads its answer, beside everything else.
    pub(crate) fn send(&self, copy: Copy, pool: &SlotPool) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return self.metrics.shadow("dropped");
        };
        let Chosen::Worker(_, assignment) = pool.choose(0, None) else {
            return self.metrics.shadow("no_worker");
        };
        let metrics = Arc::clone(&self.metrics);
        let timeout = self.timeout;
        tokio::spawn(async move {
            let began = Instant::now();
            let outcome = match tokio::time::timeout(timeout, exchange(copy, &assignment)).await {
                Ok(Ok(status)) if status < 500 => "answered",
                Ok(Ok(_) | Err(_)) => "failed",
                Err(_) => "timed_out",
            };
            metrics.shadow(outcome);
            metrics.shadow_duration.observe(began.elapsed().as_secs_f64());
            drop((assignment, place));
        });
    }
}

async fn exchange(copy: Copy, assignment: &Assignment) -> Result<u16, Failure> {
    let mut request = http::Request::new(Full::new(Bytes::from(copy.body)));
    *request.method_mut() = copy.method;
    *request.uri_mut() = copy.target;
    *request.headers_mut() = copy.headers;
    send(assignment.worker.address, request, async |answer| {
        let status = answer.status().as_u16();
        let mut body = answer.into_body();
        // Read and forgotten part by part: the worker does its whole work, and nothing piles up here.
        while let Some(part) = body.frame().await {
            part?;
        }
        Ok(status)
    })
    .await
}

/// The share that was copied to the idle slot before a restart.
pub(crate) async fn last_share(journal: &JournalDesk) -> Option<Share> {
    let note = journal.last_note("shadow").await?.ok()??;
    let detail: serde_json::Value = serde_json::from_str(&note.detail?).ok()?;
    Share::per_mille(u16::try_from(detail["thousandths"].as_u64()?).ok()?)
}
