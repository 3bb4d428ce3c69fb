//! Answers that say no, and why.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use switch_api::{Failure, Problem};

use crate::driver::{No, RecordError};

pub(super) fn say_no(no: &No) -> Response {
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
                RecordError::NotFollowed(_) => "carried out",
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

fn not_recorded(text: String, cause: &RecordError) -> Response {
    let hint = match cause {
        RecordError::Journal(error) => error.hint(),
        RecordError::NotFollowed(_) => {
            "the proxy is as it was; mend the cause, then try again".to_owned()
        }
        RecordError::Slow(_) | RecordError::Gone => {
            "check the disk of the state file, then try again".to_owned()
        }
    };
    let mut failure = failure("not_recorded", text, Some(hint));
    failure.error.causes =
        std::iter::once(cause.to_string()).chain(telemetry::voice::causes(cause)).collect();
    failure.error.causes.dedup();
    (StatusCode::INTERNAL_SERVER_ERROR, Json(failure)).into_response()
}

pub(super) fn failure(reason: &str, message: String, hint: Option<String>) -> Failure {
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

pub(super) fn no_such_slot(name: &str) -> Response {
    let text = format!("no slot is called {name:?}");
    problem(StatusCode::BAD_REQUEST, "unknown_slot", text, Some("blue or green".to_owned()))
}

pub(super) fn bad_value(text: impl Into<String>) -> Response {
    problem(StatusCode::BAD_REQUEST, "bad_request", text, None)
}

pub(super) fn bad_body(rejection: &JsonRejection) -> Response {
    problem(
        rejection.status(),
        "bad_request",
        rejection.body_text(),
        Some("send a JSON object with content-type application/json".to_owned()),
    )
}

pub(super) fn stopping() -> Response {
    problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "stopping",
        "the gateway is stopping, or hands over to a new process",
        Some("ask again in a moment".to_owned()),
    )
}
