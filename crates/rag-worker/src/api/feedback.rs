//! `POST /v1/feedback`: what somebody thinks of an answer. `GET` says whether it is kept here.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use rag_core::Generator;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ApiError;
use super::object::Object;
use crate::feedback::Feedback;
use crate::state::Worker;

/// The longest text in it, in characters; an answer is seldom longer.
const LONGEST: usize = 32 << 10;
/// The longest name in it.
const LONGEST_NAME: usize = 256;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    /// The answer's id.
    id: String,
    rating: Rating,
    question: String,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    conversation_id: String,
    /// The slot and release that answered, as the answer's headers told.
    #[serde(default)]
    slot: String,
    #[serde(default)]
    release: String,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Rating {
    Up,
    Down,
}

/// Whether there is a file for it.
pub(super) async fn show(State(worker): State<Arc<Worker>>) -> Result<Json<Value>, ApiError> {
    kept(&worker)?;
    Ok(Json(json!({ "ratings": ["up", "down"] })))
}

/// Keeps it.
pub(super) async fn add(
    State(worker): State<Arc<Worker>>,
    request: Result<Object<Wire>, ApiError>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Object(wire) = request?;
    let feedback = Arc::clone(kept(&worker)?);
    check(&wire)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let answering = worker.answering();
    let line = json!({
        "at": now,
        // Who keeps it; the answer may be another slot's, which `slot` and `release` tell.
        "kept_by": {
            "slot": worker.settings.slot,
            "model": answering.map(|it| it.generator.identity().name.clone()),
            "tag": answering.map(|it| it.knowledge.tag().to_owned()),
            "fingerprint": answering.map(|it| it.knowledge.fingerprint().to_owned()),
        },
        "feedback": wire,
    });
    tokio::task::spawn_blocking(move || feedback.add(&line))
        .await
        .map_err(|error| ApiError::internal(format!("keeping the feedback: {error}")))?
        .map_err(|error| ApiError::internal(format!("keeping the feedback: {error}")))?;
    Ok((StatusCode::CREATED, Json(json!({ "kept": true }))))
}

fn kept(worker: &Worker) -> Result<&Arc<Feedback>, ApiError> {
    worker.feedback.as_ref().ok_or_else(|| {
        ApiError::not_found("feedback is not kept here: worker.yaml names no feedback.file")
    })
}

fn check(wire: &Wire) -> Result<(), ApiError> {
    let texts = [
        ("question", &wire.question, LONGEST),
        ("answer", &wire.answer, LONGEST),
        ("comment", &wire.comment, LONGEST),
        ("id", &wire.id, LONGEST_NAME),
        ("conversation_id", &wire.conversation_id, LONGEST_NAME),
        ("slot", &wire.slot, LONGEST_NAME),
        ("release", &wire.release, LONGEST_NAME),
    ];
    for (name, text, longest) in texts {
        let length = text.chars().count();
        if length > longest {
            let message = format!("{name} has {length} characters, and {longest} are taken");
            return Err(ApiError::invalid(message).with_param(name));
        }
    }
    if wire.id.is_empty() || wire.question.is_empty() {
        return Err(ApiError::invalid("id and question must be said").with_param("id"));
    }
    Ok(())
}
