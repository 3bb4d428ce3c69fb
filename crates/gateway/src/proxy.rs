//! The request path: check the request, choose slot and worker, carry the answer, count it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Method, Version, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::l4::ext::TcpKeepalive;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, Result};
use switch_core::Slot;
use telemetry::gateway::GatewayMetrics;

use crate::answer;
use crate::routing::{Admission, Assignment, Routing};
use crate::settings::Upstream;

/// The end of the last event of OpenAI's streams. Its clients close as soon as they have read it.
const LAST_EVENT: &[u8] = b"data: [DONE]\n\n";
const SLOT_HEADER: &str = "x-switchyard-slot";
const RELEASE_HEADER: &str = "x-switchyard-release";
const REQUEST_ID_HEADER: &str = "x-request-id";

/// A front door that proxies to the live slot.
pub(crate) struct FrontDoor {
    pub routing: Arc<Routing>,
    pub metrics: Arc<GatewayMetrics>,
    pub upstream: Upstream,
    pub allow_slot_header: bool,
    pub ready_path: Option<String>,
    pub access_log: bool,
    pub stopping: tokio::sync::watch::Receiver<bool>,
}

/// What is remembered while one request is answered. Dropping it counts the request out.
pub(crate) struct Carried {
    started: Instant,
    first_byte: Option<Duration>,
    request_id: Option<HeaderValue>,
    admission: Option<Admission>,
    assignment: Option<Assignment>,
    /// One bit for each worker of the slot that was tried.
    tried: u64,
    tries: u32,
    /// The last failure was a connection that could not be made: nothing was sent.
    unreachable: bool,
    /// The last event of a streamed answer has passed.
    done: bool,
    bytes: u64,
    refused: Option<u16>,
}

#[async_trait]
impl ProxyHttp for FrontDoor {
    type CTX = Carried;

    fn new_ctx(&self) -> Carried {
        Carried {
            started: Instant::now(),
            first_byte: None,
            request_id: None,
            admission: None,
            assignment: None,
            tried: 0,
            tries: 0,
            unreachable: false,
            done: false,
            bytes: 0,
            refused: None,
        }
    }

    async fn request_filter(&self, session: &mut Session, carried: &mut Carried) -> Result<bool> {
        carried.request_id = Some(request_id(session.req_header()));
        if let Some(problem) = malformed(session) {
            return self.refuse(session, carried, 400, "malformed_request", problem).await;
        }
        if let Some(path) = &self.ready_path
            && session.req_header().uri.path() == path
        {
            let ready =
                !*self.stopping.borrow() && self.routing.slot(self.routing.live()).can_serve();
            let (status, code, text) = if ready {
                (200, "ready", "ready")
            } else {
                (503, "not_ready", "the live slot cannot serve")
            };
            return self.refuse(session, carried, status, code, text).await;
        }
        let named = match named_slot(session.req_header()) {
            None => None,
            Some(_) if !self.allow_slot_header => {
                let problem = "choosing a slot with x-switchyard-slot is not allowed here";
                return self
                    .refuse(session, carried, 403, "slot_header_not_allowed", problem)
                    .await;
            }
            Some(Ok(slot)) => Some(slot),
            Some(Err(())) => {
                let problem = "x-switchyard-slot must be blue or green";
                return self.refuse(session, carried, 400, "unknown_slot", problem).await;
            }
        };
        let admission = self.routing.admit(named);
        if !admission.pool.can_serve() {
            let text = format!("no worker of {} is ready", admission.pool.slot);
            drop(admission);
            return self.refuse(session, carried, 503, "no_worker_ready", &text).await;
        }
        carried.admission = Some(admission);
        Ok(false)
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        carried: &mut Carried,
    ) -> Result<Box<HttpPeer>> {
        let Some(admission) = &carried.admission else {
            return Err(Error::explain(ErrorType::InternalError, "a request without a slot"));
        };
        let Some((index, worker)) = admission.pool.choose(carried.tried) else {
            // Every worker was tried. Nothing of the request was processed if none could be reached.
            let status = if carried.unreachable || carried.tries == 0 { 503 } else { 502 };
            return Err(Error::explain(ErrorType::HTTPStatus(status), "no worker left to try"));
        };
        if carried.tries > 0
            && let Some(metrics) = self.metrics.slots.get(admission.pool.slot.index())
        {
            metrics.retries.inc();
        }
        carried.tried |= 1 << index;
        carried.tries += 1;
        carried.assignment = Some(Assignment::new(worker));
        let mut peer = Box::new(HttpPeer::new(worker.address, false, String::new()));
        peer.options.connection_timeout = Some(self.upstream.connect_timeout);
        peer.options.total_connection_timeout = Some(self.upstream.connect_timeout);
        peer.options.read_timeout = Some(self.upstream.read_timeout);
        peer.options.write_timeout = Some(self.upstream.write_timeout);
        peer.options.idle_timeout = Some(self.upstream.idle_timeout);
        peer.options.tcp_keepalive = Some(TcpKeepalive {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(10),
            count: 3,
            #[cfg(target_os = "linux")]
            user_timeout: Duration::ZERO,
        });
        Ok(peer)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        carried: &mut Carried,
    ) -> Result<()> {
        request.remove_header(SLOT_HEADER);
        request.remove_header(RELEASE_HEADER);
        if let Some(id) = &carried.request_id {
            request.insert_header(REQUEST_ID_HEADER, id.clone())?;
        }
        if let Some(address) = client_address(session) {
            let client = address.ip().to_string();
            let forwarded: Vec<u8> = request
                .headers
                .get_all("x-forwarded-for")
                .iter()
                .flat_map(|value| [value.as_bytes(), b", "].concat())
                .chain(client.bytes())
                .collect();
            request.insert_header("x-forwarded-for", forwarded)?;
            request.insert_header("x-real-ip", client)?;
        }
        request.insert_header("x-forwarded-proto", "http")?;
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        carried: &mut Carried,
    ) -> Result<()> {
        carried.first_byte = Some(carried.started.elapsed());
        if *self.stopping.borrow() {
            session.set_keepalive(None);
        }
        if let Some(id) = &carried.request_id {
            response.insert_header(REQUEST_ID_HEADER, id.clone())?;
        }
        if let Some(admission) = &carried.admission {
            response.insert_header(SLOT_HEADER, admission.pool.slot.as_str())?;
        }
        response.remove_header(RELEASE_HEADER);
        if let Some(assignment) = &carried.assignment {
            assignment.worker.succeeded();
            if let Some(value) =
                assignment.worker.identity().and_then(|identity| identity.header.clone())
            {
                response.insert_header(RELEASE_HEADER, value)?;
            }
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        carried: &mut Carried,
    ) -> Result<Option<Duration>> {
        carried.bytes += body.as_ref().map_or(0, |body| body.len() as u64);
        carried.done |= body.as_ref().is_some_and(|body| body.ends_with(LAST_EVENT));
        Ok(None)
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        carried: &mut Carried,
        mut error: Box<Error>,
    ) -> Box<Error> {
        carried.unreachable = true;
        self.blame_worker(carried, &error);
        // Nothing was sent: another worker may have the request, whatever its method.
        error.set_retry(true);
        error
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        carried: &mut Carried,
        _reused: bool,
    ) -> Box<Error> {
        carried.unreachable = false;
        if *error.esource() == ErrorSource::Upstream {
            self.blame_worker(carried, &error);
        }
        let request = session.req_header();
        let idempotent =
            request.method.is_idempotent() || request.headers.contains_key("idempotency-key");
        let may_retry = *error.esource() == ErrorSource::Upstream
            && idempotent
            && session.response_written().is_none()
            && !session.as_ref().retry_buffer_truncated()
            && !matches!(error.etype(), ErrorType::ReadTimedout);
        error.set_retry(may_retry);
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        carried: &mut Carried,
    ) -> FailToProxy {
        let status = match (error.etype(), error.esource()) {
            (ErrorType::HTTPStatus(status), _) => *status,
            (ErrorType::ReadTimedout | ErrorType::WriteTimedout, ErrorSource::Upstream) => 504,
            (
                ErrorType::ConnectRefused
                | ErrorType::ConnectTimedout
                | ErrorType::ConnectNoRoute
                | ErrorType::ConnectError,
                ErrorSource::Upstream,
            ) => 503,
            (_, ErrorSource::Upstream) => 502,
            (ErrorType::ReadTimedout, ErrorSource::Downstream) => 408,
            (
                ErrorType::WriteError | ErrorType::ReadError | ErrorType::ConnectionClosed,
                ErrorSource::Downstream,
            ) => 0,
            (_, ErrorSource::Downstream) => 400,
            (_, ErrorSource::Internal | ErrorSource::Unset) => 500,
        };
        if status > 0 && session.response_written().is_none() {
            let (code, text) = match status {
                400 => ("malformed_request", "the request cannot be understood"),
                408 => ("request_timeout", "the request did not arrive in time"),
                502 => ("worker_failed", "the worker ended without an answer"),
                503 => ("no_worker_ready", "no worker could be reached"),
                504 => ("worker_timeout", "the worker did not answer in time"),
                _ => ("internal_error", "the gateway could not answer"),
            };
            session.set_keepalive(None);
            // A client that is gone cannot be told.
            let _ = self.answer(session, carried, status, code, text).await;
        }
        FailToProxy { error_code: status, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, carried: &mut Carried) {
        let status = session
            .response_written()
            .map_or(carried.refused.unwrap_or(0), |response| response.status.as_u16());
        let duration = carried.started.elapsed();
        let slot = carried.admission.as_ref().map(|admission| admission.pool.slot);
        // Nothing is missing behind the last event, whoever closes first.
        let error = error.filter(|_| !carried.done);
        let by_client = error.is_some_and(|error| *error.esource() == ErrorSource::Downstream);
        let cut = carried.first_byte.is_some() && error.is_some() && !by_client;
        match slot.and_then(|slot| self.metrics.slots.get(slot.index())) {
            Some(metrics) => {
                if by_client {
                    metrics.abandoned.inc();
                }
                if cut {
                    metrics.truncated.inc();
                }
                if status > 0 {
                    metrics.requests.count(status);
                    metrics.duration.observe(duration.as_secs_f64());
                }
                if let Some(first_byte) = carried.first_byte {
                    metrics.first_byte.observe(first_byte.as_secs_f64());
                }
            }
            None => self.metrics.refused.count(status),
        }
        if self.access_log {
            let request = session.req_header();
            let worker = carried
                .assignment
                .as_ref()
                .map_or("-", |assignment| assignment.worker.name.as_str());
            let release =
                carried.assignment.as_ref().and_then(|assignment| assignment.worker.identity());
            let release = release.as_ref().and_then(|identity| identity.release.as_ref());
            tracing::info!(
                target: "access",
                method = %request.method,
                // The query may hold secrets; the path is enough to find a request by its id.
                path = request.uri.path(),
                status,
                slot = slot.map_or("-", Slot::as_str),
                release = release.map_or("-", |release| release.label.as_str()),
                worker,
                attempt = carried.admission.as_ref().map_or(0, |admission| admission.attempt),
                ttfb_ms = carried.first_byte.map_or(0.0, millis),
                bytes = carried.bytes,
                duration_ms = millis(duration),
                end = if by_client { "client left" } else if cut { "cut" } else if error.is_some() { "failed" } else { "whole" },
                request_id = carried.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or("-"),
            );
        }
    }

    fn suppress_error_log(&self, _session: &Session, _carried: &Carried, _error: &Error) -> bool {
        true
    }
}

impl FrontDoor {
    /// Answers without a worker. Always `Ok(true)`: the response has been sent.
    async fn refuse(
        &self,
        session: &mut Session,
        carried: &mut Carried,
        status: u16,
        code: &str,
        text: &str,
    ) -> Result<bool> {
        carried.refused = Some(status);
        // After a malformed request nobody knows where the next one begins.
        if status == 400 || *self.stopping.borrow() {
            session.set_keepalive(None);
        }
        self.answer(session, carried, status, code, text).await?;
        Ok(true)
    }

    async fn answer(
        &self,
        session: &mut Session,
        carried: &Carried,
        status: u16,
        code: &str,
        text: &str,
    ) -> Result<()> {
        let body = answer::problem_body(status, code, text);
        let mut response = ResponseHeader::build(status, Some(6))?;
        response.insert_header(header::CONTENT_TYPE, "application/json")?;
        response.insert_header(header::CONTENT_LENGTH, body.len().to_string())?;
        response.insert_header(header::CACHE_CONTROL, "no-store")?;
        if status == 503 {
            response.insert_header(header::RETRY_AFTER, "1")?;
        }
        if let Some(id) = &carried.request_id {
            response.insert_header(REQUEST_ID_HEADER, id.clone())?;
        }
        if let Some(admission) = &carried.admission {
            response.insert_header(SLOT_HEADER, admission.pool.slot.as_str())?;
        }
        let head = session.req_header().method == Method::HEAD;
        session.write_response_header(Box::new(response), head).await?;
        if !head {
            session.write_response_body(Some(body), true).await?;
        }
        Ok(())
    }

    fn blame_worker(&self, carried: &mut Carried, error: &Error) {
        let Some(assignment) = carried.assignment.take() else { return };
        let worker = &assignment.worker;
        if worker.failed() {
            tracing::warn!(
                slot = %worker.slot, worker = worker.name, cause = %error.etype().as_str(),
                "worker set aside: too many requests to it failed"
            );
        }
        carried.assignment = Some(assignment);
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 100.0
}

fn client_address(session: &Session) -> Option<SocketAddr> {
    session.client_addr().and_then(|address| address.as_inet()).copied()
}

/// Keeps an id the caller sent, when it is short and plain enough to be copied into logs; makes one otherwise.
fn request_id(request: &RequestHeader) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let id = id.as_bytes();
        (1..=128).contains(&id.len())
            && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(b))
    };
    match request.headers.get(REQUEST_ID_HEADER).filter(plain) {
        Some(id) => id.clone(),
        None => made_id(),
    }
}

/// A random beginning for this process and a count: unique, without asking the kernel for randomness per request.
fn made_id() -> HeaderValue {
    static BEGINNING: LazyLock<u64> = LazyLock::new(|| uuid::Uuid::new_v4().as_u64_pair().0);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let text = format!("{:016x}{:016x}", *BEGINNING, COUNT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("-"))
}

fn named_slot(request: &RequestHeader) -> Option<std::result::Result<Slot, ()>> {
    let value = request.headers.get(SLOT_HEADER)?;
    Some(value.to_str().ok().and_then(Slot::named).ok_or(()))
}

/// What makes a request's length or target doubtful: two readers of it could disagree where it ends, which is how
/// requests are smuggled (RFC 9112, sections 3.2 and 6.3).
fn malformed(session: &Session) -> Option<&'static str> {
    let request = session.req_header();
    let mut lengths = request.headers.get_all(header::CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next() {
        if lengths.next().is_some() {
            return Some("more than one content-length");
        }
        if length.as_bytes().contains(&b',') {
            return Some("a list of content-lengths");
        }
    }
    if request.headers.contains_key(header::TRANSFER_ENCODING) && raw_headers_name_a_length(session)
    {
        return Some("both content-length and transfer-encoding");
    }
    if request.version == Version::HTTP_11 && !request.headers.contains_key(header::HOST) {
        return Some("no host");
    }
    None
}

/// The parser drops the length when both are sent, so only the bytes as they came still tell.
fn raw_headers_name_a_length(session: &Session) -> bool {
    let Some(session) = session.as_ref().as_http1() else { return false };
    let raw = session.get_headers_raw_bytes();
    const NAME: &[u8] = b"\ncontent-length";
    raw.windows(NAME.len()).any(|window| window.eq_ignore_ascii_case(NAME))
}
