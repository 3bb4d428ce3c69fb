//! What operators and their programs may look at: where everything stands, what was decided and done, and the metrics.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use switch_api::{Decision, History, Notes, Status};
use switch_core::Slot;
use switch_journal::JournalError;
use tokio::sync::oneshot;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::Desk;
use super::refusals::{problem, stopping};
use crate::driver::Message;
use crate::worker::now_millis;
use crate::{events, status};

pub(super) async fn status(State(desk): State<Desk>) -> Response {
    match now(&desk).await {
        Some(status) => Json(status).into_response(),
        None => stopping(),
    }
}

/// Where everything stands; `None` when the gateway is stopping.
pub(super) async fn now(desk: &Desk) -> Option<Status> {
    let (reply, answer) = oneshot::channel();
    desk.driver.send(Message::Status { reply }).await.ok()?;
    answer.await.ok()
}

#[derive(serde::Deserialize)]
pub(super) struct Page {
    #[serde(default = "fifty")]
    limit: u32,
}

fn fifty() -> u32 {
    50
}

/// The most decisions in one answer.
const LONGEST_HISTORY: u32 = 1_000;

pub(super) async fn history(State(desk): State<Desk>, Query(page): Query<Page>) -> Response {
    match desk.shared.journal.history(page.limit.min(LONGEST_HISTORY)).await {
        None => stopping(),
        Some(Err(error)) => unreadable(&error),
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

fn unreadable(error: &JournalError) -> Response {
    let (text, hint) = (error.to_string(), Some(error.hint()));
    problem(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", text, hint)
}

pub(super) async fn events(
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

pub(super) async fn metrics(State(desk): State<Desk>) -> Response {
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

pub(super) async fn readyz(State(desk): State<Desk>) -> Response {
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

pub(super) async fn notes(State(desk): State<Desk>, Query(page): Query<Page>) -> Response {
    match desk.shared.journal.notes(page.limit.min(LONGEST_HISTORY)).await {
        None => stopping(),
        Some(Err(error)) => unreadable(&error),
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
