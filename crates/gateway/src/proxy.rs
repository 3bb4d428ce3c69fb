//! The request path: check the request, choose slot and worker, carry the answer, count it.

mod at_door;
mod going_on;
mod letting_in;
mod refusing;
mod request_id;
mod trace;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, header};
use ipnet::IpNet;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::l4::ext::TcpKeepalive;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, Result};
use switch_core::Slot;
use telemetry::gateway::GatewayMetrics;

use crate::client::Client;
use crate::continued::Said;
use crate::conversations::{Conversation, Conversations};
use crate::hold::Hold;
use crate::retry_budget::RetryBudget;
use crate::routes::{Route, Routes, Taken};
use crate::routing::{Admission, Assignment, Routing, Way};
use crate::running::{self, Running};
use crate::settings::{Limits, Upstream};
use crate::shadow::{Copy, SHADOW_HEADER, Shadow};
use crate::slot_pool::Chosen;
use crate::users::{Gate, USER_HEADER, User, Visitor};
use crate::waiting::{self, Early};
use crate::warming::INTERNAL_HEADER;
use refusing::No;
use trace::Trace;

/// The end of the last event of OpenAI's streams. Its clients close as soon as they have read it.
const LAST_EVENT: &[u8] = b"data: [DONE]\n\n";
pub(crate) const SLOT_HEADER: &str = "x-switchyard-slot";
const RELEASE_HEADER: &str = "x-switchyard-release";
const REQUEST_ID_HEADER: &str = "x-request-id";

/// A front door that proxies to the slots. Each thread has one; what they share is shared by it.
#[derive(Clone)]
pub(crate) struct FrontDoor {
    pub routing: Arc<Routing>,
    pub running: Arc<Running>,
    pub conversations: Option<Arc<Conversations>>,
    pub hold: Option<Arc<Hold>>,
    pub shadow: Arc<Shadow>,
    pub metrics: Arc<GatewayMetrics>,
    pub config: Arc<ArcSwap<Config>>,
    /// Set when nobody will come any more.
    pub stopping: tokio::sync::watch::Receiver<bool>,
    /// Set when an answer is the last one on its connection.
    pub leaving: tokio::sync::watch::Receiver<bool>,
}

/// What a reload may change. A request keeps what was in force when it began.
pub(crate) struct Config {
    /// Asks who is asking; none when anybody may.
    pub gate: Option<Arc<Gate>>,
    pub upstream: Upstream,
    pub retry_budget: RetryBudget,
    pub limits: Limits,
    pub trusted_proxies: Vec<IpNet>,
    pub allow_slot_header: bool,
    pub ready_path: Option<String>,
    /// Paths that are treated in their own way.
    pub routes: Option<Arc<Routes>>,
    pub access_log: bool,
}

/// What is remembered while one request is answered. Dropping it counts the request out.
pub(crate) struct Carried {
    config: Arc<Config>,
    started: Instant,
    first_byte: Option<Duration>,
    request_id: Option<HeaderValue>,
    client: Client,
    route: Option<Taken>,
    visitor: Option<Visitor>,
    conversation: Option<Conversation>,
    admission: Option<Admission>,
    assignment: Option<Assignment>,
    running: Option<running::Entry>,
    copy: Option<Copy>,
    /// The answer's header had to be sent before a worker was there.
    early: Option<Early>,
    /// One bit for each worker of the slot that was tried.
    tried: u64,
    tries: u32,
    /// The last failure was a connection that could not be made: nothing was sent.
    unreachable: bool,
    /// The last event of a streamed answer has passed.
    done: bool,
    /// What was said of an answer that another worker can go on with.
    said: Option<Said>,
    /// What a worker gets instead of the client's body, to go on with an answer.
    instead: Option<Bytes>,
    body_received: u64,
    /// The request line has a character that belongs in none.
    doubtful: bool,
    /// The body was read before a worker was chosen.
    body_is_here: bool,
    bytes: u64,
    refused: Option<u16>,
    trace: Trace,
}

impl Carried {
    /// Who is asking; `None` when nobody was asked.
    fn user(&self) -> Option<&User> {
        self.visitor.as_ref()?.user.as_ref()
    }

    fn route(&self) -> Option<&Route> {
        self.route.as_ref().map(|taken| &*taken.route)
    }

    /// The longest body of this request, in bytes.
    fn longest_body(&self) -> u64 {
        let own = self.route().and_then(|route| route.request_body);
        own.unwrap_or(self.config.limits.request_body)
    }
}

#[async_trait]
impl ProxyHttp for FrontDoor {
    type CTX = Carried;

    fn new_ctx(&self) -> Carried {
        Carried {
            config: self.config.load_full(),
            started: Instant::now(),
            first_byte: None,
            request_id: None,
            client: Client {
                address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                scheme: "http",
                by_proxy: false,
            },
            route: None,
            visitor: None,
            conversation: None,
            admission: None,
            assignment: None,
            running: None,
            copy: None,
            early: None,
            tried: 0,
            tries: 0,
            unreachable: false,
            done: false,
            said: None,
            instead: None,
            body_received: 0,
            doubtful: false,
            body_is_here: false,
            bytes: 0,
            refused: None,
            trace: Trace::none(),
        }
    }

    async fn request_filter(&self, session: &mut Session, carried: &mut Carried) -> Result<bool> {
        self.begin(session, carried);
        let routed =
            self.well_formed(session, carried).and_then(|()| at_door::route(session, carried));
        if let Err(no) = routed {
            return self.refuse(session, carried, &no).await;
        }
        if carried.route().is_some_and(|route| route.answer.is_some()) {
            return self.answer_at_door(session, carried).await;
        }
        match self.let_in(session, carried).await {
            Ok(()) => Ok(false),
            Err(no) => self.refuse(session, carried, &no).await,
        }
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        carried: &mut Carried,
    ) -> Result<Box<HttpPeer>> {
        let Some(admission) = &carried.admission else {
            return Err(Error::explain(ErrorType::InternalError, "a request without a slot"));
        };
        // The first worker was chosen when the request was let in.
        if carried.tries > 0 {
            let number = carried.conversation.map(|conversation| conversation.number);
            let Chosen::Worker(index, assignment) = admission.pool.choose(carried.tried, number)
            else {
                // Every worker was tried. Nothing of the request was processed if none could be reached.
                let status = if carried.unreachable { 503 } else { 502 };
                return Err(Error::explain(ErrorType::HTTPStatus(status), "no worker left to try"));
            };
            if !carried.config.retry_budget.spend() {
                self.metrics.retries_denied.inc();
                return Err(Error::explain(ErrorType::HTTPStatus(502), "no retry left"));
            }
            if let Some(metrics) = self.metrics.slots.get(admission.pool.slot.index()) {
                metrics.retries.inc();
            }
            carried.tried |= 1 << index;
            carried.assignment = Some(assignment);
        }
        carried.tries += 1;
        let Some(assignment) = &carried.assignment else {
            return Err(Error::explain(ErrorType::InternalError, "a request without a worker"));
        };
        carried.trace.try_worker(assignment, carried.tries);
        if let Some(running) = &carried.running {
            running.answer.worker.store(Some(Arc::clone(&assignment.worker)));
        }
        let mut peer = Box::new(HttpPeer::new(assignment.worker.address, false, String::new()));
        let upstream = &carried.config.upstream;
        let own = carried.route();
        let connect = own.and_then(|route| route.connect_timeout);
        let connect = connect.unwrap_or(upstream.connect_timeout);
        let read = own.and_then(|route| route.read_timeout).unwrap_or(upstream.read_timeout);
        let write = own.and_then(|route| route.write_timeout).unwrap_or(upstream.write_timeout);
        peer.options.connection_timeout = Some(connect);
        peer.options.total_connection_timeout = Some(connect);
        peer.options.read_timeout = Some(read);
        peer.options.write_timeout = Some(write);
        peer.options.idle_timeout = Some(carried.config.upstream.idle_timeout);
        peer.options.tcp_keepalive = Some(TcpKeepalive {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(10),
            count: 3,
            #[cfg(target_os = "linux")]
            user_timeout: Duration::ZERO,
        });
        Ok(peer)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        carried: &mut Carried,
    ) -> Result<()> {
        if let Some(said) = &carried.said
            && said.continued() > 0
        {
            // All of it at once, in place of what the client sent.
            *body = carried.instead.take();
            return Ok(());
        }
        let part: &[u8] = body.as_deref().unwrap_or_default();
        // A retry sends the kept beginning again: only the first try counts and is copied.
        if carried.tries > 1 {
            return Ok(());
        }
        carried.body_received += part.len() as u64;
        if carried.body_received > carried.longest_body() {
            return Err(Error::explain(ErrorType::HTTPStatus(413), "the body is too long"));
        }
        if let Some(copy) = carried.copy.take()
            && let Some(copy) = self.shadow.keep(copy, part)
        {
            if end_of_stream {
                let idle = self.routing.live().other();
                self.shadow.send(copy, self.routing.slot(idle));
            } else {
                carried.copy = Some(copy);
            }
        }
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        carried: &mut Carried,
    ) -> Result<()> {
        request.remove_header(SLOT_HEADER);
        request.remove_header(RELEASE_HEADER);
        request.remove_header(&SHADOW_HEADER);
        request.remove_header(&INTERNAL_HEADER);
        for hidden in Gate::hidden(carried.config.gate.as_ref()) {
            request.remove_header(*hidden);
        }
        if let Some(user) = carried.user() {
            request.insert_header(USER_HEADER, user.name.as_bytes())?;
        }
        if let Some(id) = &carried.request_id {
            request.insert_header(REQUEST_ID_HEADER, id.clone())?;
        }
        if carried.body_is_here {
            // The worker need not be asked whether it wants the body.
            request.remove_header(&header::EXPECT);
        }
        let client = &carried.client;
        let address = client.address.to_string();
        let forwarded = match letting_in::peer_address(session).map(|peer| peer.ip()) {
            // What a trusted proxy says about the way here is kept, and the proxy added to it.
            Some(peer) if client.by_proxy => request
                .headers
                .get_all("x-forwarded-for")
                .iter()
                .flat_map(|value| [value.as_bytes(), b", "].concat())
                .chain(peer.to_string().bytes())
                .collect(),
            Some(_) | None => address.clone().into_bytes(),
        };
        request.insert_header("x-forwarded-for", forwarded)?;
        request.insert_header("x-real-ip", address)?;
        request.insert_header("x-forwarded-proto", client.scheme)?;
        if let Some(instead) = &carried.instead {
            request.remove_header(&header::TRANSFER_ENCODING);
            request.insert_header(header::CONTENT_LENGTH, instead.len().to_string())?;
        }
        carried.trace.pass_on(request)?;
        at_door::pass_on(session, carried, request)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        carried: &mut Carried,
    ) -> Result<()> {
        if going_on::look_at(response, carried)? {
            // The answer's header was sent long ago.
            return Ok(());
        }
        carried.first_byte = Some(carried.started.elapsed());
        if *self.leaving.borrow() {
            session.set_keepalive(None);
        }
        if let Some(id) = &carried.request_id {
            response.insert_header(REQUEST_ID_HEADER, id.clone())?;
        }
        response.remove_header(RELEASE_HEADER);
        if let Some(visitor) = &carried.visitor {
            visitor.stamp(response)?;
        }
        if let Some(admission) = &carried.admission {
            let slot = admission.pool.slot;
            response.insert_header(SLOT_HEADER, slot.as_str())?;
            if let Some(conversation) = carried.conversation
                && let Some(conversations) = &self.conversations
                && admission.way != Way::Named
                && let Some(cookie) = conversations.went(conversation, slot)
            {
                response.append_header(header::SET_COOKIE, cookie)?;
            }
        }
        if let Some(assignment) = &carried.assignment {
            if assignment.worker.succeeded() {
                tracing::info!(
                    slot = %assignment.worker.slot, worker = assignment.worker.name,
                    "worker gets requests again: one was answered"
                );
            }
            if let Some(value) =
                assignment.worker.identity().and_then(|identity| identity.header.clone())
            {
                response.insert_header(RELEASE_HEADER, value)?;
            }
        }
        if let Some(early) = &mut carried.early {
            early.look_at(response);
        }
        at_door::stamp(session, carried, response)
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        carried: &mut Carried,
    ) -> Result<Option<Duration>> {
        if let Some(early) = &mut carried.early {
            early.fit(body, end_of_stream);
        }
        if let Some(said) = &mut carried.said {
            said.pass(body, end_of_stream);
        }
        if let Some(part) = body {
            carried.bytes += part.len() as u64;
            carried.done |= part.ends_with(LAST_EVENT);
            if let Some(visitor) = &mut carried.visitor {
                visitor.read(part);
            }
            if let Some(running) = &carried.running {
                running.add(part.len() as u64);
            }
        }
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
        if *error.esource() == ErrorSource::Upstream && self.goes_on(session, carried) {
            error.set_retry(true);
            return error;
        }
        let request = session.req_header();
        let repeatable = &carried.config.upstream.repeatable;
        let idempotent = request.method.is_idempotent()
            || request.headers.contains_key("idempotency-key")
            || repeatable.iter().any(|path| path == request.uri.path());
        let unanswered = session.response_written().is_none()
            || carried.early.is_some() && carried.first_byte.is_none();
        let may_retry = *error.esource() == ErrorSource::Upstream
            && idempotent
            && unanswered
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
        let (code, text) = match status {
            400 => ("malformed_request", "the request cannot be understood"),
            408 => ("request_timeout", "the request did not arrive in time"),
            413 => ("request_too_large", "the request's body is longer than this gateway takes"),
            502 => ("worker_failed", "the worker ended without an answer"),
            503 => ("no_worker_ready", "no worker could be reached"),
            504 => ("worker_timeout", "the worker did not answer in time"),
            _ => ("internal_error", "the gateway could not answer"),
        };
        session.set_keepalive(None);
        if status > 0 {
            let no = No::new(status, code, text);
            // A client that is gone cannot be told.
            if session.response_written().is_none() {
                let _ = self.answer(session, carried, &no).await;
            } else if carried.early.is_some() && carried.first_byte.is_none() {
                let _ = waiting::tell(session, status, code, text).await;
            } else if carried.said.as_ref().is_some_and(Said::lacks_only_the_end) {
                let last = (!carried.done).then(|| Bytes::from_static(LAST_EVENT));
                carried.done |= session.write_response_body(last, true).await.is_ok();
            }
        }
        FailToProxy { error_code: status, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, carried: &mut Carried) {
        if let Some(wire) = letting_in::wire(session) {
            wire.await_header();
        }
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
        let access_log = carried.route().and_then(|route| route.access_log);
        let logged = access_log.unwrap_or(carried.config.access_log);
        // What nobody is told is not looked up.
        let release = match &carried.assignment {
            Some(assignment) if logged || carried.trace.is_told() => assignment.worker.identity(),
            Some(_) | None => None,
        };
        let release = release.as_ref().and_then(|identity| identity.release.as_ref());
        let end = match error {
            _ if by_client => "client left",
            _ if cut => "cut",
            Some(_) => "failed",
            None => "whole",
        };
        if logged {
            let request = session.req_header();
            let worker = carried
                .assignment
                .as_ref()
                .map_or("-", |assignment| assignment.worker.name.as_str());
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
                end,
                user = carried.user().map_or("-", |user| user.name.as_str()),
                request_id = carried.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or("-"),
                trace = carried.trace.id(),
            );
        }
        carried.end_trace(status, release.map(|release| release.label.as_str()), end);
    }

    fn suppress_error_log(&self, _session: &Session, _carried: &Carried, _error: &Error) -> bool {
        true
    }
}

impl FrontDoor {
    fn blame_worker(&self, carried: &Carried, error: &Error) {
        let Some(assignment) = &carried.assignment else { return };
        let worker = &assignment.worker;
        if worker.failed() {
            tracing::warn!(
                slot = %worker.slot, worker = worker.name, cause = %error.etype().as_str(),
                "worker set aside: too many requests to it failed"
            );
        }
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 100.0
}
