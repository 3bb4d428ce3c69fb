//! The operators' API: `/v1`, `/metrics`, `/healthz` and `/readyz`, on a unix socket and optionally on HTTP.

mod looking;
mod refusals;
mod request;
mod standby;
mod warm;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use switch_api::{
    Done, Promote, Reloaded, Rollback, Running, SetCanary, SetDeadline, SetShadow, Wait,
};
use switch_core::{Attempt, Event, Rule, Share, Slot, Timestamp};
use switch_journal::Note;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot, watch};

use crate::canary;
use crate::driver::{Ask, Message};
use crate::events;
use crate::operators::{self, Operators};
use crate::people::Caller;
use crate::reload::Reloader;
use crate::settings;
use crate::settings::check::share;
use crate::shared::Shared;
use crate::status;

use looking::now;
pub(crate) use refusals::problem;
use refusals::{bad_body, bad_value, failure, no_such_slot, say_no, stopping};

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
        .route("/v1/status", get(looking::status))
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
        .route("/v1/notes", get(looking::notes))
        .route("/v1/history", get(looking::history))
        .route("/v1/events", get(looking::events))
        .route("/metrics", get(looking::metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(looking::readyz))
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
