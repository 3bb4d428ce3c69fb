//! What the gateway asks of workers, and nobody else: `GET /internal/questions` and `POST /internal/warm`.
//!
//! The gateway takes the header that is asked for here from every request it passes on.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use crate::recent::Question;
use crate::state::Worker;
use crate::warming;

const INTERNAL: HeaderName = HeaderName::from_static("x-switchyard-internal");

/// Lets only the gateway's own requests through.
pub(super) async fn only(request: Request, next: Next) -> Response {
    if request.headers().contains_key(INTERNAL) {
        return next.run(request).await;
    }
    super::no_such_path(request).await.into_response()
}

#[derive(Deserialize)]
pub(super) struct Most {
    most: usize,
}

/// What is asked most.
pub(super) async fn questions(
    State(worker): State<Arc<Worker>>,
    most: Result<Query<Most>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(Most { most }) = most.map_err(|e| ApiError::invalid(e.body_text()))?;
    let told: Vec<Value> = worker
        .recent
        .most_asked(most)
        .into_iter()
        .map(|(Question { caller, question }, asked)| {
            json!({ "question": question, "caller": BASE64_STANDARD.encode(caller), "asked": asked })
        })
        .collect();
    Ok(Json(json!({ "questions": told })))
}

#[derive(Deserialize)]
pub(super) struct Warm {
    questions: Vec<WireQuestion>,
}

#[derive(Deserialize)]
struct WireQuestion {
    question: String,
    caller: String,
}

/// Warms this worker, and says after how long the first token of an answer then came.
pub(super) async fn warm(
    State(worker): State<Arc<Worker>>,
    request: Result<Json<Warm>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(Warm { questions }) = request?;
    let read = |WireQuestion { question, caller }: WireQuestion| {
        let bytes = BASE64_STANDARD.decode(&caller).ok().and_then(|bytes| bytes.try_into().ok());
        let wrong = || ApiError::invalid(format!("caller {caller:?} is no hash in Base64"));
        Ok(Question { caller: bytes.ok_or_else(wrong)?, question })
    };
    let questions = questions.into_iter().map(read).collect::<Result<Vec<_>, ApiError>>()?;
    let answering = Arc::clone(worker.ready_to_answer()?);
    let Ok(turn) = Arc::clone(&worker.warming).try_lock_owned() else {
        return Err(ApiError::invalid("this worker is being warmed already")
            .with_status(StatusCode::CONFLICT));
    };
    let started = Instant::now();
    let count = questions.len();
    let first_token = tokio::task::spawn_blocking({
        let worker = Arc::clone(&worker);
        move || {
            // Held to the end, also when whoever asked has given up.
            let _turn = turn;
            warming::warm(&worker.settings, &answering, &questions, &worker.warmth)
        }
    })
    .await
    .map_err(|e| ApiError::internal(format!("warming: {e}")))?
    .map_err(|e| ApiError::internal(format!("warming: {e}")))?;
    let (milliseconds, took) = (first_token.as_secs_f64() * 1e3, started.elapsed().as_secs_f64());
    tracing::info!(questions = count, first_token_ms = milliseconds, seconds = took, "warm");
    Ok(Json(json!({ "first_token_ms": milliseconds, "seconds": took, "questions": count })))
}
