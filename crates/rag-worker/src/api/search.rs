//! `POST /v1/search`: retrieval alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use rag_core::Retrieved;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use crate::state::Worker;

#[derive(Debug, Deserialize)]
pub(crate) struct SearchRequest {
    query: String,
    top_k: Option<usize>,
}

/// More passages than anybody reads.
const MOST: usize = 100;

/// The nearest passages, best first, whatever their score.
pub(crate) async fn search(
    State(worker): State<Arc<Worker>>,
    request: Result<Json<SearchRequest>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(request) = request?;
    if request.query.trim().is_empty() {
        return Err(ApiError::invalid("the query is empty").with_param("query"));
    }
    let top_k = request.top_k.unwrap_or(worker.settings.retrieval.top_k);
    if !(1..=MOST).contains(&top_k) {
        let message = format!("top_k is {top_k}, and must be between 1 and {MOST}");
        return Err(ApiError::invalid(message).with_param("top_k"));
    }
    let answering = worker.answering().cloned().ok_or_else(|| ApiError::not_ready(&worker))?;
    let place = worker.searches.enter().ok_or_else(|| ApiError::busy(worker.searches.limit()))?;
    let min_score = answering.min_score;
    let found = tokio::task::spawn_blocking(move || {
        let found = answering.search(&request.query, top_k);
        drop(place);
        found
    })
    .await
    .map_err(|e| ApiError::internal(format!("searching: {e}")))??;
    let passages: Vec<Value> =
        found.iter().enumerate().map(|(i, retrieved)| passage(i + 1, retrieved)).collect();
    Ok(Json(json!({ "passages": passages, "min_score": min_score })))
}

fn passage(rank: usize, retrieved: &Retrieved) -> Value {
    json!({
        "rank": rank,
        "score": retrieved.score,
        "file": retrieved.passage.file,
        "page": retrieved.passage.page,
        "heading": retrieved.passage.heading,
        "text": retrieved.passage.text,
    })
}
