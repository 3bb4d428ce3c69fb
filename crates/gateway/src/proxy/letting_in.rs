//! Before a request goes anywhere: whose it is, whether it may come in, and which slot and worker it gets.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header;
use pingora::proxy::Session;
use switch_core::Slot;

use super::refusing::No;
use super::request_id::request_id;
use super::trace::Trace;
use super::{Carried, FrontDoor, SLOT_HEADER};
use crate::client::Client;
use crate::routing::{Admission, Asked, Assignment, Way};
use crate::running;
use crate::slot_pool::Chosen;
use crate::strict;
use crate::users::Gate;
use crate::waiting;
use crate::wire::Wire;

/// The longest body that is looked into. Pingora keeps as much of a request for sending it on (and again).
const LONGEST_LOOK: usize = 64 * 1024;

impl FrontDoor {
    /// Notes whose request it is, and how long its client may take.
    pub(super) fn begin(&self, session: &mut Session, carried: &mut Carried) {
        let mut secure = false;
        carried.doubtful = wire(session).is_some_and(Wire::header_is_read);
        if let Some(digest) = session.digest() {
            secure = digest.ssl_digest.is_some();
        }
        if let Some(peer) = peer_address(session) {
            let headers = &session.req_header().headers;
            carried.client =
                Client::of(peer.ip(), secure, headers, &carried.config.trusted_proxies);
        }
        carried.request_id = Some(request_id(session.req_header()));
        carried.trace = Trace::begin(session.req_header());
        session.set_keepalive(Some(carried.config.limits.keep_alive.as_secs().max(1)));
        // What was upgraded has no body to wait for: both sides may be silent for as long as they like.
        let upgrades = session.req_header().headers.contains_key(header::UPGRADE);
        session.set_read_timeout((!upgrades).then_some(carried.config.limits.body_timeout));
        session.set_write_timeout(Some(carried.config.limits.body_timeout));
    }

    /// Checks the request, counts it in on a slot and chooses its worker.
    pub(super) async fn let_in(
        &self,
        session: &mut Session,
        carried: &mut Carried,
    ) -> Result<(), No> {
        self.check(session, carried)?;
        if let Some(gate) = carried.config.gate.clone() {
            let request = session.req_header();
            let (headers, path) = (&request.headers, request.uri.path());
            let asked = gate.ask(headers, path, carried.client.address, &mut carried.visitor).await;
            asked.map_err(|no| No::new(no.status, no.code, no.text))?;
        }
        let named = self.named_slot(session, carried)?;
        carried.config.retry_budget.pay_in();
        let mut wants_stream = waiting::asks_for_a_stream(session.req_header());
        if let Some(conversations) = &self.conversations {
            let look = conversations.wants_body(&session.req_header().headers);
            let body = if look { look_into_body(session).await? } else { None };
            carried.body_is_here |= body.is_some();
            wants_stream |= body.as_deref().is_some_and(waiting::body_asks_for_a_stream);
            carried.conversation = conversations.of(&session.req_header().headers, body.as_deref());
        }
        let (admission, index, assignment) = match self.choose(session, carried, named) {
            Ok(found) => found,
            Err(no) => self.wait_for_a_place(session, carried, named, wants_stream, no).await?,
        };
        let request = session.req_header();
        if admission.way != Way::Named {
            carried.copy = self.shadow.begin(&request.method, &request.uri, &request.headers);
            if let Some(copy) = &mut carried.copy {
                copy.hide(Gate::hidden(carried.config.gate.as_ref()));
            }
        }
        // Those who have a look at a drain want to see everything that runs.
        carried.running = Some(self.running.enter(running::Answer {
            started: carried.started,
            slot: admission.pool.slot,
            worker: ArcSwapOption::empty(),
            request_id: carried.request_id.clone(),
            peer: peer_address(session),
            client: Some(carried.client.address),
            method: request.method.clone(),
            target: request.uri.clone(),
            bytes: AtomicU64::new(0),
        }));
        if let Some(metrics) = self.metrics.slots.get(admission.pool.slot.index()) {
            match admission.way {
                Way::Canary => metrics.canary.inc(),
                Way::Conversation => metrics.pinned.inc(),
                Way::Live | Way::Named => {}
            }
        }
        carried.tried = 1 << index;
        carried.admission = Some(admission);
        carried.assignment = Some(assignment);
        Ok(())
    }

    /// Whether the request can be read in one way only.
    pub(super) fn well_formed(&self, session: &Session, carried: &Carried) -> Result<(), No> {
        if carried.doubtful {
            let problem = "a request line with doubtful characters";
            return Err(No::new(400, "malformed_request", problem));
        }
        let config = &carried.config;
        let request = session.req_header();
        let raw = session.as_ref().as_http1().map(|session| session.get_headers_raw_bytes());
        if let Some(problem) = strict::malformed(request, raw.as_deref()) {
            return Err(No::new(400, "malformed_request", problem));
        }
        let length = raw.as_ref().map_or(0, |raw| raw.len() as u64);
        if length > config.limits.request_header {
            let text = format!(
                "the request's header is longer than {} bytes",
                config.limits.request_header
            );
            return Err(No::new(431, "request_header_too_large", text));
        }
        Ok(())
    }

    fn check(&self, session: &Session, carried: &Carried) -> Result<(), No> {
        let config = &carried.config;
        let request = session.req_header();
        let body = request.headers.get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok());
        let longest = carried.longest_body();
        if body.and_then(|text| text.parse::<u64>().ok()).is_some_and(|body| body > longest) {
            let text = format!("the request's body is longer than {longest} bytes");
            return Err(No::new(413, "request_too_large", text));
        }
        if let Some(path) = &config.ready_path
            && request.uri.path() == path
        {
            let live = self.routing.slot(self.routing.live());
            return Err(if !*self.stopping.borrow() && live.can_serve() {
                No::new(200, "ready", "ready")
            } else {
                No::new(503, "not_ready", "the live slot cannot serve")
            });
        }
        Ok(())
    }

    /// The slot the caller names, if it may.
    fn named_slot(&self, session: &Session, carried: &Carried) -> Result<Option<Slot>, No> {
        let Some(value) = session.req_header().headers.get(SLOT_HEADER) else { return Ok(None) };
        if !carried.config.allow_slot_header
            && !carried.user().is_some_and(|user| user.may_choose_slot)
        {
            let text = "choosing a slot with x-switchyard-slot is not allowed here";
            return Err(No::new(403, "slot_header_not_allowed", text));
        }
        let slot = value.to_str().ok().and_then(Slot::named);
        let text = "x-switchyard-slot must be blue or green";
        slot.map(Some).ok_or_else(|| No::new(400, "unknown_slot", text))
    }

    fn choose(
        &self,
        session: &Session,
        carried: &Carried,
        named: Option<Slot>,
    ) -> Result<(Admission, usize, Assignment), No> {
        let request = session.req_header();
        let number = carried.conversation.map(|conversation| conversation.number);
        let admission = self.routing.admit(&Asked {
            headers: &request.headers,
            path: request.uri.path(),
            client: Some(carried.client.address),
            claims: carried.user().map(|user| &user.claims),
            named,
            conversation: number,
            home: carried.conversation.and_then(|conversation| conversation.home),
        });
        let slot = admission.pool.slot;
        match admission.pool.choose(0, number) {
            Chosen::Worker(index, assignment) => Ok((admission, index, assignment)),
            Chosen::Busy => {
                let text = format!("every worker of {slot} has as many requests as it may have");
                Err(No::new(503, "workers_busy", text))
            }
            Chosen::Nobody => {
                Err(No::new(503, "no_worker_ready", format!("no worker of {slot} is ready")))
            }
        }
    }

    /// Waits, when the settings allow it, until somebody can answer; says `no` when nobody can in time.
    async fn wait_for_a_place(
        &self,
        session: &mut Session,
        carried: &mut Carried,
        named: Option<Slot>,
        mut wants_stream: bool,
        mut no: No,
    ) -> Result<(Admission, usize, Assignment), No> {
        let Some(hold) = &self.hold else { return Err(no) };
        let Some(place) = hold.enter() else {
            self.metrics.holds("full");
            return Err(no);
        };
        if !wants_stream && let Some(body) = look_into_body(session).await? {
            carried.body_is_here = true;
            wants_stream = waiting::body_asks_for_a_stream(&body);
        }
        let until = tokio::time::Instant::now() + hold.wait;
        let mut stopping = self.stopping.clone();
        loop {
            let news = place.news();
            tokio::pin!(news);
            // From here on no change is missed.
            news.as_mut().enable();
            match self.choose(session, carried, named) {
                Ok(found) => {
                    self.metrics.holds("answered");
                    return Ok(found);
                }
                Err(why) => no = why,
            }
            let beat = until.min(tokio::time::Instant::now() + hold.heartbeat);
            tokio::select! {
                () = news => continue,
                // The gateway stops: nobody will come any more.
                _ = stopping.changed() => {
                    self.metrics.holds("gave_up");
                    return Err(no);
                }
                () = tokio::time::sleep_until(beat) => {}
            }
            if tokio::time::Instant::now() >= until {
                self.metrics.holds("timed_out");
                return Err(no);
            }
            if wants_stream {
                let id = carried.request_id.clone();
                if waiting::beat(session, carried.early.is_none(), id).await.is_err() {
                    self.metrics.holds("left");
                    return Err(no);
                }
                carried.early.get_or_insert_default();
            }
        }
    }
}

/// Reads a body that is short enough to be kept whole, so that it can be both looked into and sent on.
async fn look_into_body(session: &mut Session) -> Result<Option<Bytes>, No> {
    let headers = &session.req_header().headers;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok());
    let length = length.and_then(|text| text.parse::<usize>().ok());
    if !length.is_some_and(|length| (1..=LONGEST_LOOK).contains(&length)) {
        return Ok(None);
    }
    let failed = |_| No::new(400, "malformed_request", "the request's body did not arrive");
    if headers.contains_key(header::EXPECT) {
        session.as_mut().write_continue_response().await.map_err(failed)?;
    }
    session.as_mut().enable_retry_buffering();
    while session.as_mut().read_request_body().await.map_err(failed)?.is_some() {}
    Ok(session.as_ref().get_retry_buffer())
}

/// The client's connection, when it speaks HTTP/1.
pub(super) fn wire(session: &Session) -> Option<&Wire> {
    session.as_ref().stream()?.as_ref().as_any().downcast_ref::<Wire>()
}

pub(super) fn peer_address(session: &Session) -> Option<SocketAddr> {
    session.client_addr().and_then(|address| address.as_inet()).copied()
}
