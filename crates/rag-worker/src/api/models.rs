//! `GET /v1/models`: the one model, in OpenAI's list.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use rag_core::Generator;
use serde_json::{Value, json};

use super::error::ApiError;
use crate::state::Worker;

/// The list.
pub(crate) async fn list(State(worker): State<Arc<Worker>>) -> Result<Json<Value>, ApiError> {
    let model = describe(&worker)?;
    Ok(Json(json!({ "object": "list", "data": [model] })))
}

/// One entry by its id.
pub(crate) async fn show(
    State(worker): State<Arc<Worker>>,
    Path(wanted): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let model = describe(&worker)?;
    if model["id"] == json!(wanted) {
        return Ok(Json(model));
    }
    Err(ApiError::not_found(format!("there is no model {wanted}; this worker has {}", model["id"])))
}

fn describe(worker: &Worker) -> Result<Value, ApiError> {
    let answering = worker.ready_to_answer()?;
    let model = answering.generator.identity();
    Ok(json!({
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": "switchyard",
        "meta": { "file": model.file, "quantization": model.quantization, "n_ctx": model.context },
    }))
}
