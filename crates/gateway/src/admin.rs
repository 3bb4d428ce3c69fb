//! The operators' API: `/v1`, `/metrics`, `/healthz` and `/readyz`, on a unix socket and optionally on HTTP.

mod request;
mod standby;
mod warm;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use futures::{Stream, StreamExt};
use switch_api::{
    Decision, Done, Failure, History, Notes, Problem, Promote, Reloaded, Rollback, Running,
    SetCanary, SetDeadline, SetShadow, Status, Wait,
};
use switch_core::{Attempt, Event, Rule, Share, Slot, Timestamp};
use switch_journal::Note;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use crate::canary;
use crate::driver::{Ask, Message, No};
use crate::events;
use crate::operators::{self, Operators};
use crate::people::Caller;
use crate::reload::Reloader;
use crate::settings;
use crate::settings::check::share;
use crate::shared::Shared;
use crate::status;
use crate::worker::now_millis;

/// The longest request body, in bytes.
pub(crate) const LONGEST_BODY: usize = 64 * 1024;
/// How long an operator is kept waiting for a decision to be recorded.
const RECORD_PATIENCE: Duration = Duration::from_secs(30);
/// How long an operator may wait for a drain.
const DRAIN_PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// What the admin API needs.
#[derive(Clone)]
pub(crate) struct Desk {
    pub driver: mpsc::Sender<Message>,
    pub shared: Shared,
    pub operators: Arc<Operators>,
    pub reloader: Arc<Reloader>,
    pub warm: settings::Warm,
    pub stopping: watch::Receiver<bool>,
}

/// The routes, the same on both listeners.
pub(crate) fn router(desk: Desk) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/whoami", get(operators::whoami))
        .route("/v1/promote", post(promote))
        .route("/v1/rollback", post(rollback))
        .route("/v1/canary", post(set_canary))
        .route("/v1/shadow", post(set_shadow))
        .route("/v1/warm", post(warm::warm))
        .route("/v1/standby", post(standby::set_mode))
        .route("/v1/request", post(request::request_promotion))
        .route("/v1/drain", get(running).post(set_deadline))
        .route("/v1/reload", post(reload))
        .route("/v1/notes", get(notes))
        .route("/v1/history", get(history))
        .route("/v1/events", get(events))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .fallback(|| async {
            problem(StatusCode::NOT_FOUND, "not_found", "there is nothing here", None)
        })
        .layer(from_fn_with_state(desk.clone(), operators::authorize))
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
    let mut routes = router(desk.clone());
    if !desk.operators.ask_for_tokens() {
        routes = routes.layer(from_fn(no_strangers));
    }
    let service = routes.into_make_service_with_connect_info::<Caller>();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!(%error, "the admin HTTP address has ended");
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        match stream.io().peer_cred() {
            Ok(peer) => Self::Local { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() },
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
    match now(&desk).await {
        Some(status) => Json(status).into_response(),
        None => stopping(),
    }
}

/// Where everything stands; `None` when the gateway is stopping.
async fn now(desk: &Desk) -> Option<Status> {
    let (reply, answer) = oneshot::channel();
    desk.driver.send(Message::Status { reply }).await.ok()?;
    answer.await.ok()
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
            None => return no_such_slot(name),
        },
    };
    let Promote { reason, force, dry_run, wait, seen_attempt, steps, every_s, .. } = promote;
    let stages: Vec<Share> = match steps.iter().map(|step| share(step)).collect() {
        Ok(stages) => stages,
        Err(text) => return bad_value(text),
    };
    let Ok(every) = Duration::try_from_secs_f64(every_s.unwrap_or(300.0)) else {
        return bad_value("every_s is not a number of seconds");
    };
    let seen = seen_attempt.map(Attempt);
    let event = Event::Promote { to, reason, force, seen, stages, every };
    if !dry_run {
        warm::before(&desk, &caller, &event, to).await;
    }
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

async fn set_canary(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<SetCanary>, JsonRejection>,
) -> Response {
    let Json(wish) = match body {
        Ok(body) => body,
        Err(rejection) => return bad_body(&rejection),
    };
    let share = match wish.share.as_deref().map_or(Ok(Share::NONE), share) {
        Ok(share) => share,
        Err(text) => return bad_value(text),
    };
    let rules: Vec<Rule> = wish.rules.into_iter().map(status::read_rule).collect();
    if let Some(text) = rules.iter().find_map(|rule| canary::check(rule).err()) {
        return bad_value(text);
    }
    let SetCanary { reason, force, dry_run, .. } = wish;
    let ends = share == Share::NONE && rules.is_empty();
    let event = Event::Canary { share, rules, reason, force };
    if !dry_run && !ends {
        warm::before(&desk, &caller, &event, None).await;
    }
    ask(&desk, &caller, event, dry_run, Wait::Routed).await
}

async fn set_shadow(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<SetShadow>, JsonRejection>,
) -> Response {
    let Json(wish) = match body {
        Ok(body) => body,
        Err(rejection) => return bad_body(&rejection),
    };
    let share = match share(&wish.share) {
        Ok(share) => share,
        Err(text) => return bad_value(text),
    };
    let because = wish.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    let text = format!("{share} of the requests are copied to the idle slot{because}");
    let detail = serde_json::json!({ "thousandths": share.thousandths() });
    if let Err(problem) = note(&desk, &caller, "shadow", text.clone(), Some(detail)).await {
        return problem;
    }
    desk.shared.shadow.set_share(share);
    desk.shared.events.tell("shadow", text.clone(), None, None);
    Json(Done { text }).into_response()
}

#[derive(serde::Deserialize)]
struct Which {
    slot: Option<String>,
}

async fn running(State(desk): State<Desk>, Query(which): Query<Which>) -> Response {
    let slot = match which.slot.as_deref().map(|name| (name, Slot::named(name))) {
        None => None,
        Some((_, Some(slot))) => Some(slot),
        Some((name, None)) => return no_such_slot(name),
    };
    match look(&desk, slot).await {
        Some(running) => Json(running).into_response(),
        None => stopping(),
    }
}

async fn look(desk: &Desk, slot: Option<Slot>) -> Option<Running> {
    let (reply, answer) = oneshot::channel();
    desk.driver.send(Message::Running { slot, reply }).await.ok()?;
    answer.await.ok()
}

async fn set_deadline(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<SetDeadline>, JsonRejection>,
) -> Response {
    let Json(wish) = match body {
        Ok(body) => body,
        Err(rejection) => return bad_body(&rejection),
    };
    let Ok(after) = Duration::try_from_secs_f64(wish.deadline_s) else {
        return bad_value("deadline_s is not a number of seconds");
    };
    let Some(now) = now(&desk).await else { return stopping() };
    let Some(drain) = now.drain else {
        let hint = Some("switchctl drain shows what runs on each slot".to_owned());
        return problem(StatusCode::CONFLICT, "not_draining", "no slot is being drained", hint);
    };
    let at = Timestamp(events::now()).after(after);
    let when = events::rfc3339(at.0);
    let because = wish.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    let text = format!("answers that still run on {} at {when} are ended{because}", drain.slot);
    let detail = serde_json::json!({ "slot": drain.slot, "attempt": drain.attempt, "at": when });
    if let Err(problem) = note(&desk, &caller, "deadline", text.clone(), Some(detail)).await {
        return problem;
    }
    let message = Message::Deadline { attempt: Attempt(drain.attempt), at };
    if desk.driver.send(message).await.is_err() {
        return stopping();
    }
    desk.shared.events.tell("deadline", text.clone(), Some(&drain.slot), Some(drain.attempt));
    Json(Done { text }).into_response()
}

async fn reload(State(desk): State<Desk>, ConnectInfo(caller): ConnectInfo<Caller>) -> Response {
    match desk.reloader.reload(&caller.who()).await {
        Ok(changes) => Json(Reloaded { changes }).into_response(),
        Err(error) => {
            let text = "the settings stay as they were".to_owned();
            let mut failure = failure(error.reason(), text, error.hint());
            failure.error.causes = std::iter::once(error.to_string())
                .chain(telemetry::voice::causes(&error))
                .collect();
            failure.error.causes.dedup();
            (StatusCode::CONFLICT, Json(failure)).into_response()
        }
    }
}

/// Writes down what an operator did, before it has any effect.
async fn note(
    desk: &Desk,
    caller: &Caller,
    kind: &str,
    text: String,
    detail: Option<serde_json::Value>,
) -> Result<(), Response> {
    let note = Note {
        at: Timestamp(events::now()),
        kind: kind.to_owned(),
        who: caller.who(),
        text,
        detail: detail.map(|detail| detail.to_string()),
    };
    let cause = match desk.shared.journal.note(note) {
        Err(cause) => cause.to_owned(),
        Ok(answer) => match tokio::time::timeout(RECORD_PATIENCE, answer).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => std::iter::once(error.to_string())
                .chain(telemetry::voice::causes(&error))
                .collect::<Vec<_>>()
                .join(": "),
            Ok(Err(_)) => return Err(stopping()),
            Err(_) => "the state file's disk is too slow".to_owned(),
        },
    };
    let mut failure =
        failure("not_recorded", "it could not be recorded, so nothing was done".to_owned(), None);
    failure.error.causes = vec![cause];
    Err((StatusCode::INTERNAL_SERVER_ERROR, Json(failure)).into_response())
}

async fn notes(State(desk): State<Desk>, Query(page): Query<Page>) -> Response {
    match desk.shared.journal.notes(page.limit.min(LONGEST_HISTORY)).await {
        None => stopping(),
        Some(Err(error)) => problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unreadable",
            error.to_string(),
            Some(error.hint()),
        ),
        Some(Ok(notes)) => {
            let notes = notes.into_iter().map(|note| switch_api::Note {
                at: events::rfc3339(note.at.0),
                kind: note.kind,
                who: note.who.name,
                uid: note.who.uid,
                pid: note.who.pid,
                text: note.text,
                detail: note.detail.and_then(|detail| serde_json::from_str(&detail).ok()),
            });
            Json(Notes { notes: notes.collect() }).into_response()
        }
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
            let what = match cause {
                crate::driver::RecordError::NotFollowed(_) => "carried out",
                _ => "recorded",
            };
            not_recorded(format!("the decision could not be {what}, so {stays} stays live"), cause)
        }
        No::ModeNotRecorded { slot, cause } => not_recorded(
            format!("the mode could not be recorded, so {slot} stays as it was"),
            cause,
        ),
        No::Busy => problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too many operators are waiting",
            Some("leave out --wait drained".to_owned()),
        ),
    }
}

fn not_recorded(text: String, cause: &crate::driver::RecordError) -> Response {
    let hint = match cause {
        crate::driver::RecordError::Journal(error) => error.hint(),
        crate::driver::RecordError::NotFollowed(_) => {
            "the proxy is as it was; mend the cause, then try again".to_owned()
        }
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
    match desk.shared.journal.history(page.limit.min(LONGEST_HISTORY)).await {
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
                canary: entry
                    .decision
                    .canary
                    .as_ref()
                    .map(|tried| status::canary(tried, entry.decision.stages.as_ref())),
            });
            Json(History { decisions: decisions.collect() }).into_response()
        }
    }
}

async fn events(
    State(desk): State<Desk>,
) -> Sse<impl Stream<Item = Result<axum::response::sse::Event, Infallible>>> {
    let news = BroadcastStream::new(desk.shared.events.listen()).map(|news| {
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
    let shared = &desk.shared;
    let held = shared.hold.as_ref().map_or(0, |hold| hold.waiting());
    shared.metrics.held.set(i64::try_from(held).unwrap_or(i64::MAX));
    let known = shared.conversations.as_ref().map_or(0, |known| known.count().iter().sum());
    shared.metrics.conversations.set(i64::try_from(known).unwrap_or(i64::MAX));
    for pool in Slot::ALL.map(|slot| shared.routing.slot(slot)) {
        for worker in &pool.members().workers {
            let state = worker.breaker.state(now_millis());
            shared.metrics.breaker(pool.slot.as_str(), &worker.name).set(state as i64);
        }
    }
    for (slot, metrics) in Slot::ALL.into_iter().zip(&desk.shared.metrics.slots) {
        metrics
            .in_flight
            .set(i64::try_from(desk.shared.routing.slot(slot).in_flight()).unwrap_or(i64::MAX));
    }
    match desk.shared.metrics.render() {
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
    let live = desk.shared.routing.live();
    if desk.shared.routing.slot(live).can_serve() {
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

pub(crate) fn problem(
    status: StatusCode,
    reason: &str,
    message: impl Into<String>,
    hint: Option<String>,
) -> Response {
    (status, Json(failure(reason, message.into(), hint))).into_response()
}

fn no_such_slot(name: &str) -> Response {
    let text = format!("no slot is called {name:?}");
    problem(StatusCode::BAD_REQUEST, "unknown_slot", text, Some("blue or green".to_owned()))
}

fn bad_value(text: impl Into<String>) -> Response {
    problem(StatusCode::BAD_REQUEST, "bad_request", text, None)
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
    problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "stopping",
        "the gateway is stopping, or hands over to a new process",
        Some("ask again in a moment".to_owned()),
    )
}
