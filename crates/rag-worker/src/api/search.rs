//! `POST /v1/search`: retrieval alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use rag_core::{Chosen, Filter};
use rag_knowledge::KnowledgeBase;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller;
use super::error::ApiError;
use super::object::Object;
use crate::state::Worker;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchRequest {
    query: String,
    top_k: Option<usize>,
    filter: Option<Value>,
}

/// More passages than anybody reads.
const MOST: usize = 100;

/// The passages that most likely answer a question, best first, whatever their score.
pub(crate) async fn search(
    State(worker): State<Arc<Worker>>,
    headers: HeaderMap,
    request: Result<Object<SearchRequest>, ApiError>,
) -> Result<Json<Value>, ApiError> {
    let Object(request) = request?;
    if request.query.trim().is_empty() {
        return Err(ApiError::invalid("the query is empty").with_param("query"));
    }
    let top_k = check_top_k(request.top_k.unwrap_or(worker.settings.retrieval.selection.top_k))?;
    let filter = Filter::from_json(request.filter.as_ref().unwrap_or(&Value::Null))
        .map_err(|e| ApiError::invalid(e.to_string()).with_param("filter"))?;
    let caller = caller::of(&headers);
    let answering = Arc::clone(worker.ready_to_answer()?);
    let place = worker.searches.enter(1).ok_or_else(|| ApiError::busy(worker.searches.limit()))?;
    let min_score = answering.selection.min_score;
    let passages = tokio::task::spawn_blocking(move || {
        let found = answering.search(&request.query, top_k, &filter, &caller).map(|found| {
            let passage = |(rank, chosen)| {
                passage(rank, chosen, answering.score(chosen), &answering.knowledge)
            };
            (1..).zip(&found).map(passage).collect::<Vec<Value>>()
        });
        drop(place);
        found
    })
    .await
    .map_err(|e| ApiError::internal(format!("searching: {e}")))??;
    Ok(Json(json!({ "passages": passages, "min_score": min_score })))
}

/// Refuses more passages than are given.
pub(super) fn check_top_k(top_k: usize) -> Result<usize, ApiError> {
    if (1..=MOST).contains(&top_k) {
        return Ok(top_k);
    }
    let message = format!("top_k is {top_k}, and must be between 1 and {MOST}");
    Err(ApiError::invalid(message).with_param("top_k"))
}

fn passage(rank: usize, chosen: &Chosen, score: f32, knowledge: &KnowledgeBase) -> Value {
    let Chosen { passage, evidence, .. } = chosen;
    let mut told = json!({
        "rank": rank,
        "score": score,
        "file": passage.file,
        "page": passage.page,
        "heading": passage.heading,
        "text": passage.text,
        "cosine": evidence.cosine,
        "words": evidence.words,
    });
    if let Some(label) = knowledge.page_label(passage) {
        told["page_label"] = json!(label);
    }
    if let Some(logit) = chosen.logit {
        told["logit"] = json!(logit);
    }
    told
}
