//! `POST /v1/warm`, and the warming before a slot gets traffic.

use axum::Json;
use axum::extract::State;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use switch_api::{Done, Warm};
use switch_core::{Event, Slot};
use tokio::sync::oneshot;

use super::{Desk, RECORD_PATIENCE, bad_body, no_such_slot, note, problem};
use crate::driver::{Ask, Message};
use crate::people::Caller;
use crate::warming::{self, Outcome};

/// Warms a slot because an operator asks for it.
pub(super) async fn warm(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<Warm>, JsonRejection>,
) -> Response {
    let Json(Warm { slot }) = match body {
        Ok(body) => body,
        Err(rejection) => return bad_body(&rejection),
    };
    let slot = match slot.as_deref().map(|name| (name, Slot::named(name))) {
        None => desk.shared.routing.live().other(),
        Some((_, Some(slot))) => slot,
        Some((name, None)) => return no_such_slot(name),
    };
    if let Err(problem) = note(&desk, &caller, "warm", format!("{slot} is warmed"), None).await {
        return problem;
    }
    match carry_out(&desk, slot).await {
        Some(outcome) if outcome.is_complete() => {
            Json(Done { text: outcome.to_string() }).into_response()
        }
        Some(outcome) => problem(StatusCode::BAD_GATEWAY, "not_warm", outcome.to_string(), None),
        None => {
            let text = format!("no worker of {slot} is ready and can be warmed");
            let hint = format!("switchctl wait {slot}");
            problem(StatusCode::CONFLICT, "cannot_be_warmed", text, Some(hint))
        }
    }
}

/// Warms the slot that is about to get traffic, where it is cold. What is refused anyway is not warmed for, and a slot
/// that stays cold is no reason to refuse.
pub(super) async fn before(desk: &Desk, caller: &Caller, event: &Event, to: Option<Slot>) {
    let routing = &desk.shared.routing;
    let slot = to.unwrap_or_else(|| routing.live().other());
    if !desk.warm.before || !warming::is_cold(routing, slot) {
        return;
    }
    let (reply, answer) = oneshot::channel();
    let (event, who) = (event.clone(), caller.who());
    let ask = Ask { event, who, dry_run: true, wait_drained: false, reply };
    if desk.driver.send(Message::Ask(ask)).await.is_err() {
        return;
    }
    if let Ok(Ok(Ok(_))) = tokio::time::timeout(RECORD_PATIENCE, answer).await {
        carry_out(desk, slot).await;
    }
}

async fn carry_out(desk: &Desk, slot: Slot) -> Option<Outcome> {
    let routing = &desk.shared.routing;
    let outcome = warming::warm(routing, slot, desk.warm.questions, desk.warm.limit).await?;
    let text = outcome.to_string();
    if outcome.is_complete() {
        tracing::info!(%slot, "{text}");
    } else {
        tracing::warn!(%slot, "{text}");
    }
    desk.shared.events.tell("warm", text, Some(slot.as_str()), None);
    Some(outcome)
}
