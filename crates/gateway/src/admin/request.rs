//! `POST /v1/request`: somebody asks for a promotion, which an operator decides.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use switch_api::{Done, RequestPromotion};
use switch_core::{Attempt, Release, Slot, Timestamp};

use super::{Desk, bad_body, bad_value, no_such_slot, note, now, problem, stopping};
use crate::driver::Message;
use crate::events;
use crate::people::Caller;
use crate::requested::{self, Requested};

pub(super) async fn request_promotion(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<RequestPromotion>, JsonRejection>,
) -> Response {
    let Json(wish) = match body {
        Ok(body) => body,
        Err(rejection) => return bad_body(&rejection),
    };
    if let Err(text) = requested::check(wish.reason.as_deref(), &wish.evidence) {
        return bad_value(text);
    }
    let Some(now) = now(&desk).await else { return stopping() };
    let because = wish.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    if wish.withdraw {
        let Some(before) = now.request else {
            return problem(StatusCode::CONFLICT, "no_request", "no promotion is asked for", None);
        };
        let text = format!("the promotion of {} is no longer asked for{because}", before.slot);
        return keep_request(&desk, &caller, None, text, &before.slot).await;
    }
    let slot = match wish.slot.as_deref() {
        None => Slot::named(&now.live).map_or(Slot::Green, Slot::other),
        Some(name) => match Slot::named(name) {
            Some(slot) => slot,
            None => return no_such_slot(name),
        },
    };
    if slot.as_str() == now.live {
        let text = format!("{slot} is live already");
        return problem(StatusCode::CONFLICT, "already_live", text, None);
    }
    let release = match ready_release(&desk, slot, wish.knowledge.as_deref()) {
        Ok(release) => release,
        Err(refused) => return *refused,
    };
    let text = format!(
        "{} asks for the promotion of {slot} with {}{because}",
        caller.who().name,
        release.label
    );
    let requested = Requested {
        slot,
        release,
        reason: wish.reason,
        evidence: wish.evidence,
        attempt: Attempt(now.attempt),
        at: Timestamp(events::now()),
        who: caller.who().name,
    };
    keep_request(&desk, &caller, Some(requested), text, slot.as_str()).await
}

/// What a slot serves, if it is ready and serves the knowledge base that is meant.
fn ready_release(
    desk: &Desk,
    slot: Slot,
    knowledge: Option<&str>,
) -> Result<Release, Box<Response>> {
    let pool = desk.shared.routing.slot(slot);
    let not_ready = |text: String| {
        let hint = Some(format!("switchctl wait {slot} --timeout 60s"));
        Box::new(problem(StatusCode::CONFLICT, "not_ready", text, hint))
    };
    if pool.state() != "ready" {
        return Err(not_ready(format!(
            "{slot} is {}, so nobody can ask for its promotion",
            pool.state()
        )));
    }
    let identity = pool.identity();
    let Some((health, release)) = identity
        .as_ref()
        .and_then(|identity| identity.release.clone().map(|release| (&identity.health, release)))
    else {
        return Err(not_ready(format!("the workers of {slot} do not say what they serve")));
    };
    let serves = health.pointer("/knowledge/fingerprint").and_then(Value::as_str);
    match knowledge {
        Some(meant) if serves != Some(meant) => {
            let text =
                format!("{slot} serves {}, not the knowledge base that is meant", release.label);
            let hint = Some("restart its workers with the new tag, then ask again".to_owned());
            Err(Box::new(problem(StatusCode::CONFLICT, "other_release", text, hint)))
        }
        Some(_) | None => Ok(release),
    }
}

/// Writes down what is asked for, then shows it.
async fn keep_request(
    desk: &Desk,
    caller: &Caller,
    requested: Option<Requested>,
    text: String,
    slot: &str,
) -> Response {
    let detail = requested.as_ref().map(Requested::detail);
    if let Err(problem) = note(desk, caller, requested::KIND, text.clone(), detail).await {
        return problem;
    }
    if desk.driver.send(Message::Requested { requested }).await.is_err() {
        return stopping();
    }
    desk.shared.events.tell(requested::KIND, text.clone(), Some(slot), None);
    Json(Done { text }).into_response()
}
