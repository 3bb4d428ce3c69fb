//! The operators' API: `/v1`, `/metrics`, `/healthz` and `/readyz`, on a unix socket and optionally on HTTP.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use futures::{Stream, StreamExt};
use switch_api::{Decision, Failure, History, Problem, Promote, Rollback, Wait};
use switch_core::{Attempt, Event, Slot};
use telemetry::gateway::GatewayMetrics;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use crate::driver::{Ask, Message, No};
use crate::events::{self, Events};
use crate::journal_desk::JournalDesk;
use crate::people::Caller;
use crate::routing::Routing;

/// The longest request body, in bytes.
const LONGEST_BODY: usize = 64 * 1024;
/// How long an operator is kept waiting for a decision to be recorded.
const RECORD_PATIENCE: Duration = Duration::from_secs(30);
/// How long an operator may wait for a drain.
const DRAIN_PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// What the admin API needs.
#[derive(Clone)]
pub(crate) struct Desk {
    pub driver: mpsc::Sender<Message>,
    pub journal: JournalDesk,
    pub events: Events,
    pub metrics: Arc<GatewayMetrics>,
    pub routing: Arc<Routing>,
    pub stopping: watch::Receiver<bool>,
}

/// The routes, the same on both listeners.
pub(crate) fn router(desk: Desk) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/promote", post(promote))
        .route("/v1/rollback", post(rollback))
        .route("/v1/history", get(history))
        .route("/v1/events", get(events))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .fallback(|| async {
            problem(StatusCode::NOT_FOUND, "not_found", "there is nothing here", None)
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(desk)
}

/// Serves operators on the unix socket.
pub(crate) async fn serve_socket(listener: UnixListener, desk: Desk) {
    let service = router(desk).into_make_service_with_connect_info::<Caller>();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!(%error, "the admin socket has ended");
    }
}

/// Serves operators over HTTP.
pub(crate) async fn serve_http(listener: TcpListener, desk: Desk) {
    let service =
        router(desk).layer(from_fn(no_strangers)).into_make_service_with_connect_info::<Caller>();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!(%error, "the admin HTTP address has ended");
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        match stream.io().peer_cred() {
            Ok(peer) => Self::Local { uid: peer.uid(), pid: peer.pid() },
            Err(_) => Self::Unknown,
        }
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self::Remote(*stream.remote_addr())
    }
}

/// A page in the operator's browser must not be able to ask: not by a form (we take only JSON, which a browser does
/// not send to strangers without our leave), and not by a name that was made to point here (DNS rebinding).
async fn no_strangers(request: Request, next: Next) -> Response {
    let host =
        request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.parse::<Authority>().map(|authority| authority.host().to_owned());
    let name = name.unwrap_or_default();
    let plain = name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if plain || request.method().is_safe() && request.headers().get(header::ORIGIN).is_none() {
        return next.run(request).await;
    }
    problem(
        StatusCode::FORBIDDEN,
        "unknown_host",
        format!("this address is not called {name:?}"),
        Some("ask by IP address, or through the unix socket".to_owned()),
    )
}

async fn status(State(desk): State<Desk>) -> Response {
    let (reply, answer) = oneshot::channel();
    if desk.driver.send(Message::Status { reply }).await.is_err() {
        return stopping();
    }
    match answer.await {
        Ok(status) => Json(status).into_response(),
        Err(_) => stopping(),
    }
}

async fn promote(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<Promote>, JsonRejection>,
) -> Response {
    let Json(promote) = match body {
        Ok(body) => body,
        Err(rejection) => return bad_body(&rejection),
    };
    let to = match promote.slot.as_deref() {
        None => None,
        Some(name) => match Slot::named(name) {
            Some(slot) => Some(slot),
            None => {
                let text = format!("no slot is called {name:?}");
                return problem(
                    StatusCode::BAD_REQUEST,
                    "unknown_slot",
                    text,
                    Some("blue or green".to_owned()),
                );
            }
        },
    };
    let Promote { reason, force, dry_run, wait, seen_attempt, .. } = promote;
    let event = Event::Promote { to, reason, force, seen: seen_attempt.map(Attempt) };
    ask(&desk, &caller, event, dry_run, wait).await
}

async fn rollback(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<Rollback>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(Rollback { reason, force, dry_run, wait })) => {
            ask(&desk, &caller, Event::Rollback { reason, force }, dry_run, wait).await
        }
        Err(rejection) => bad_body(&rejection),
    }
}

async fn ask(desk: &Desk, caller: &Caller, event: Event, dry_run: bool, wait: Wait) -> Response {
    let wait_drained = wait == Wait::Drained;
    let (reply, answer) = oneshot::channel();
    let ask = Ask { event, who: caller.who(), dry_run, wait_drained, reply };
    if desk.driver.send(Message::Ask(ask)).await.is_err() {
        return stopping();
    }
    let patience = if wait_drained { DRAIN_PATIENCE } else { RECORD_PATIENCE };
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(Ok(outcome))) => Json(outcome).into_response(),
        Ok(Ok(Err(no))) => say_no(&no),
        Ok(Err(_)) => stopping(),
        Err(_) => problem(
            StatusCode::GATEWAY_TIMEOUT,
            "still_recording",
            "the decision is still being written; traffic has not moved yet",
            Some("switchctl status shows how it ends".to_owned()),
        ),
    }
}

fn say_no(no: &No) -> Response {
    match no {
        No::Refused(refusal) => {
            let mut failure = failure(refusal.reason(), refusal.to_string(), Some(refusal.hint()));
            failure.error.numbers = refusal
                .numbers()
                .into_iter()
                .map(|(name, number)| (name.to_owned(), number))
                .collect();
            (StatusCode::CONFLICT, Json(failure)).into_response()
        }
        No::NotRecorded { stays, cause } => {
            let text = format!("the decision could not be recorded, so {stays} stays live");
            let hint = match cause {
                crate::driver::RecordError::Journal(error) => error.hint(),
                crate::driver::RecordError::Slow(_) | crate::driver::RecordError::Gone => {
                    "check the disk of the state file, then try again".to_owned()
                }
            };
            let mut failure = failure("not_recorded", text, Some(hint));
            failure.error.causes =
                std::iter::once(cause.to_string()).chain(telemetry::voice::causes(cause)).collect();
            failure.error.causes.dedup();
            (StatusCode::INTERNAL_SERVER_ERROR, Json(failure)).into_response()
        }
        No::Busy => problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too many operators are waiting",
            Some("leave out --wait drained".to_owned()),
        ),
    }
}

#[derive(serde::Deserialize)]
struct Page {
    #[serde(default = "fifty")]
    limit: u32,
}

fn fifty() -> u32 {
    50
}

/// The most decisions in one answer.
const LONGEST_HISTORY: u32 = 1_000;

async fn history(State(desk): State<Desk>, Query(page): Query<Page>) -> Response {
    match desk.journal.history(page.limit.min(LONGEST_HISTORY)).await {
        None => stopping(),
        Some(Err(error)) => problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unreadable",
            error.to_string(),
            Some(error.hint()),
        ),
        Some(Ok(entries)) => {
            let decisions = entries.into_iter().map(|entry| Decision {
                attempt: entry.decision.attempt.0,
                kind: entry.decision.kind.as_str().to_owned(),
                from: entry.decision.from.to_string(),
                to: entry.decision.to.to_string(),
                at: events::rfc3339(entry.at.0),
                who: entry.who.name,
                uid: entry.who.uid,
                pid: entry.who.pid,
                reason: entry.decision.reason,
                forced: entry.decision.forced,
                outcome: entry.outcome,
                from_release: entry.decision.from_release.map(|release| release.label),
                to_release: entry.decision.to_release.map(|release| release.label),
            });
            Json(History { decisions: decisions.collect() }).into_response()
        }
    }
}

async fn events(
    State(desk): State<Desk>,
) -> Sse<impl Stream<Item = Result<axum::response::sse::Event, Infallible>>> {
    let news = BroadcastStream::new(desk.events.listen()).map(|news| {
        let event =
            news.unwrap_or_else(|BroadcastStreamRecvError::Lagged(missed)| switch_api::Event {
                at: events::rfc3339(events::now()),
                kind: "lagged".to_owned(),
                text: format!("{missed} events were missed"),
                slot: None,
                attempt: None,
            });
        let line = serde_json::to_string(&event).unwrap_or_default();
        Ok(axum::response::sse::Event::default().event(event.kind).data(line))
    });
    Sse::new(news).keep_alive(KeepAlive::default())
}

async fn metrics(State(desk): State<Desk>) -> Response {
    for (slot, metrics) in Slot::ALL.into_iter().zip(&desk.metrics.slots) {
        metrics
            .in_flight
            .set(i64::try_from(desk.routing.slot(slot).in_flight()).unwrap_or(i64::MAX));
    }
    match desk.metrics.render() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, telemetry::family::TEXT_FORMAT)], text).into_response()
        }
        Err(error) => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "metrics", error.to_string(), None)
        }
    }
}

async fn readyz(State(desk): State<Desk>) -> Response {
    if *desk.stopping.borrow() {
        return stopping();
    }
    let live = desk.routing.live();
    if desk.routing.slot(live).can_serve() {
        return "ready\n".into_response();
    }
    let text = format!("no worker of {live} is ready");
    let hint = format!("switchctl wait {live} --timeout 60s");
    problem(StatusCode::SERVICE_UNAVAILABLE, "not_ready", text, Some(hint))
}

fn failure(reason: &str, message: String, hint: Option<String>) -> Failure {
    let numbers = std::collections::BTreeMap::new();
    Failure {
        error: Problem { reason: reason.to_owned(), message, causes: Vec::new(), hint, numbers },
    }
}

fn problem(
    status: StatusCode,
    reason: &str,
    message: impl Into<String>,
    hint: Option<String>,
) -> Response {
    (status, Json(failure(reason, message.into(), hint))).into_response()
}

fn bad_body(rejection: &JsonRejection) -> Response {
    problem(
        rejection.status(),
        "bad_request",
        rejection.body_text(),
        Some("send a JSON object with content-type application/json".to_owned()),
    )
}

fn stopping() -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the gateway is stopping", None)
}
