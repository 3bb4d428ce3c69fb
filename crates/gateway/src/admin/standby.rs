//! `POST /v1/standby`: a slot is put to sleep, run on the CPU, or woken.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use switch_api::ModeSet;
use switch_core::{Mode, Slot};
use tokio::sync::oneshot;

use super::{Desk, RECORD_PATIENCE, bad_body, bad_value, no_such_slot, problem, say_no, stopping};
use crate::driver::{Message, SetMode};
use crate::people::Caller;
use crate::standby::note;

pub(super) async fn set_mode(
    State(desk): State<Desk>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<switch_api::SetMode>, JsonRejection>,
) -> Response {
    let Json(wish) = match body {
        Ok(body) => body,
        Err(rejection) => return bad_body(&rejection),
    };
    let slot = match wish.slot.as_deref().map(|name| (name, Slot::named(name))) {
        None => None,
        Some((_, Some(slot))) => Some(slot),
        Some((name, None)) => return no_such_slot(name),
    };
    let Some(mode) = Mode::named(&wish.mode) else {
        return bad_value(format!("no mode is called {:?}: full, cpu or asleep", wish.mode));
    };
    let meant = slot.unwrap_or_else(|| desk.shared.routing.live().other());
    if let Some(missing) = desk.shared.standby.missing_setting(meant, mode) {
        let text = format!("the settings do not say how {meant} is set to {mode}: no {missing}");
        let hint = format!("add {missing} to the gateway's settings and restart it (--upgrade)");
        return problem(StatusCode::CONFLICT, "no_standby", text, Some(hint));
    }
    let (reply, answer) = oneshot::channel();
    let (reason, force, who) = (wish.reason, wish.force, caller.who());
    let wish = SetMode { slot, mode, reason, force, who, reply };
    if desk.driver.send(Message::SetMode(wish)).await.is_err() {
        return stopping();
    }
    match tokio::time::timeout(RECORD_PATIENCE, answer).await {
        Ok(Ok(Ok(change))) => Json(ModeSet {
            slot: change.slot.to_string(),
            mode: change.mode.to_string(),
            forced: change.forced,
            text: note::text(&change),
        })
        .into_response(),
        Ok(Ok(Err(no))) => say_no(&no),
        Ok(Err(_)) => stopping(),
        Err(_) => problem(
            StatusCode::GATEWAY_TIMEOUT,
            "still_recording",
            "the mode is still being written; nothing was started or stopped yet",
            Some("switchctl status shows how it ends".to_owned()),
        ),
    }
}
