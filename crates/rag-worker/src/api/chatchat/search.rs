//! Passages without an answer: `POST /knowledge_base/search_docs`, and what `return_direct` gives.
//!
//! Langchain-Chatchat says of its `score_threshold` that less is stricter, from 0 to "filters nothing" at 1 (with some stores 2), and recommends 0.5.
//! Scores here are probabilities, for which more is better: a passage counts when 1 − its score is at most the threshold. So 0.5 asks for what a
//! worker asks for by itself.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use rag_core::{Caller, Citation, Filter, Generator, Passage, Retrieved};
use rag_knowledge::{KnowledgeBase, KnowledgeError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::error::ApiError;
use super::super::object::Object;
use super::super::{caller, search, wire};
use super::check_name;
use super::error::KbError;
use crate::answering::{Answering, AnsweringError, Selection};
use crate::state::Worker;

/// Passages of documents that are listed; its page shows them in a table.
const MOST_LISTED: usize = 1000;

#[derive(Debug, Deserialize)]
pub(super) struct SearchDocs {
    #[serde(default)]
    query: String,
    knowledge_base_name: String,
    top_k: Option<usize>,
    score_threshold: Option<f64>,
    #[serde(default)]
    file_name: String,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// Passages for a question, or without one those of documents.
pub(super) async fn search_docs(
    State(worker): State<Arc<Worker>>,
    headers: HeaderMap,
    request: Result<Object<SearchDocs>, ApiError>,
) -> Result<Json<Value>, KbError> {
    let Object(request) = request?;
    check_name(&worker, &request.knowledge_base_name)?;
    let top_k = check_top_k(request.top_k)?.unwrap_or(worker.settings.retrieval.selection.top_k);
    let selection =
        Selection { top_k, min_score: min_score(request.score_threshold)?.unwrap_or(0.0) };
    let documents = Documents::of(&request)?;
    let (query, caller) = (request.query, caller::of(&headers));
    if query.trim().is_empty() && documents.any() {
        return Ok(Json(json!([])));
    }
    let found = work(&worker, move |answering| {
        let knowledge = &answering.knowledge;
        if query.trim().is_empty() {
            return documents.passages(knowledge);
        }
        let filter = documents.filter(knowledge);
        let Some(filter) = filter else { return Ok(Vec::new()) };
        let found = select(answering, &query, selection, &filter, &caller)?;
        Ok(found
            .iter()
            .map(|(position, found)| doc(*position, &found.passage, Some(found.score)))
            .collect())
    });
    Ok(Json(Value::Array(found.await?)))
}

/// The passages an answer would rest on, in a completion that lacks only its choices.
pub(super) async fn cited(
    worker: &Arc<Worker>,
    query: String,
    selection: Selection,
    caller: Caller,
) -> Result<Value, KbError> {
    check_query(&query)?;
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    work(worker, move |answering| {
        let found = select(answering, &query, selection, &Filter::default(), &caller)?;
        let cite = |(n, (_, retrieved))| Citation { n, retrieved };
        let citations: Vec<Citation> = (1..).zip(found).map(cite).collect();
        let label = |passage: &Passage| answering.knowledge.page_label(passage);
        Ok(json!({
            "id": format!("chatcmpl-{}", uuid::Uuid::new_v4().simple()),
            "created": created,
            "model": answering.generator.identity().name,
            "citations": wire::citations(&citations, label),
        }))
    })
    .await
}

/// Does something with the knowledge base, in one of the places for searches.
async fn work<T: Send + 'static>(
    worker: &Arc<Worker>,
    work: impl FnOnce(&Answering) -> Result<T, AnsweringError> + Send + 'static,
) -> Result<T, KbError> {
    let answering = Arc::clone(worker.ready_to_answer()?);
    let place = worker.searches.enter(1).ok_or_else(|| ApiError::busy(worker.searches.limit()))?;
    let done = tokio::task::spawn_blocking(move || {
        let done = work(&answering);
        drop(place);
        done
    });
    let done = done.await.map_err(|e| ApiError::internal(format!("searching: {e}")))?;
    Ok(done.map_err(ApiError::from)?)
}

/// The likeliest passages that are likely enough, with their positions.
fn select(
    answering: &Answering,
    query: &str,
    selection: Selection,
    filter: &Filter,
    caller: &Caller,
) -> Result<Vec<(usize, Retrieved)>, AnsweringError> {
    let found = answering.search(query, selection.top_k, filter, caller)?;
    let scored = found.into_iter().map(|chosen| {
        let score = answering.score(&chosen);
        (chosen.position, Retrieved { passage: chosen.passage, score })
    });
    Ok(scored.filter(|(_, found)| found.score >= selection.min_score).collect())
}

/// A passage as LangChain writes a document.
fn doc(position: usize, passage: &Passage, score: Option<f32>) -> Value {
    json!({
        "id": position.to_string(),
        "type": "Document",
        "page_content": passage.text,
        "metadata": { "source": passage.file, "page": passage.page, "heading": passage.heading },
        "score": score,
    })
}

/// Which documents are meant.
struct Documents {
    /// As in SQL's LIKE; empty for any.
    pattern: String,
    source: Option<String>,
}

impl Documents {
    fn of(request: &SearchDocs) -> Result<Self, ApiError> {
        let mut source = None;
        for (key, value) in &request.metadata {
            match (key.as_str(), value) {
                ("source", Value::String(file)) => source = Some(file.clone()),
                (key, _) => {
                    let message = format!(
                        "passages are told apart by metadata.source alone, not by {key:?}: POST /v1/search has a filter by folder and date"
                    );
                    return Err(ApiError::not_covered(message).with_param("metadata"));
                }
            }
        }
        Ok(Self { pattern: request.file_name.clone(), source })
    }

    /// Whether nothing is said of them.
    fn any(&self) -> bool {
        self.pattern.is_empty() && self.source.is_none()
    }

    fn holds(&self, file: &str) -> bool {
        (self.pattern.is_empty() || like(&self.pattern, file))
            && self.source.as_deref().is_none_or(|source| source == file)
    }

    /// The filter that lets them through; nothing when there are none.
    fn filter(&self, knowledge: &KnowledgeBase) -> Option<Filter> {
        if self.any() {
            return Some(Filter::default());
        }
        let files = knowledge.manifest().documents.iter().map(|document| document.file.as_str());
        let files: Vec<&str> = files.filter(|file| self.holds(file)).collect();
        // The names are those of documents, of which none is empty.
        Filter::from_json(&json!({ "file": files })).ok()
    }

    /// Their passages in the order of the text.
    fn passages(&self, knowledge: &KnowledgeBase) -> Result<Vec<Value>, AnsweringError> {
        let documents = knowledge.documents_with_passages();
        let positions = documents.filter(|(document, _)| self.holds(&document.file));
        let passages = positions.flat_map(|(_, positions)| positions).take(MOST_LISTED);
        passages
            .map(|position| Ok(doc(position, &knowledge.passage(position)?, None)))
            .collect::<Result<_, KnowledgeError>>()
            .map_err(AnsweringError::from)
    }
}

/// Whether a text is what a pattern of SQL's LIKE says: `%` is any text, `_` any character; letters of ASCII in either case.
fn like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Behind the last `%`, and where its text ends so far.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                p += 1;
                retry = Some((p, t));
            }
            Some(wanted) if *wanted == '_' || wanted.eq_ignore_ascii_case(&text[t]) => {
                p += 1;
                t += 1;
            }
            Some(_) | None => match retry {
                Some((behind, end)) => {
                    retry = Some((behind, end + 1));
                    (p, t) = (behind, end + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|left| *left == '%')
}

/// Refuses an empty question.
pub(super) fn check_query(query: &str) -> Result<(), ApiError> {
    if query.trim().is_empty() {
        return Err(ApiError::invalid("the query is empty").with_param("query"));
    }
    Ok(())
}

/// How many passages are asked for.
pub(super) fn check_top_k(top_k: Option<usize>) -> Result<Option<usize>, ApiError> {
    match top_k {
        Some(top_k) => search::check_top_k(top_k).map(Some),
        None => Ok(None),
    }
}

/// What a threshold means for a score.
pub(super) fn min_score(threshold: Option<f64>) -> Result<Option<f32>, ApiError> {
    let threshold = threshold
        .map(|threshold| wire::between("score_threshold", threshold, 0.0, 2.0))
        .transpose()?;
    Ok(threshold.map(|threshold| (1.0 - threshold).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_of_less_is_stricter() {
        for (threshold, score) in [(0.0, 1.0), (0.25, 0.75), (0.5, 0.5), (1.0, 0.0), (2.0, 0.0)] {
            assert_eq!(min_score(Some(threshold)).unwrap(), Some(score), "{threshold}");
        }
        assert_eq!(min_score(None).unwrap(), None);
        assert!(min_score(Some(2.1)).is_err() && min_score(Some(-0.1)).is_err());
    }

    #[test]
    fn names_are_matched_as_sql_does() {
        for (pattern, text, holds) in [
            ("handbook.pdf", "handbook.pdf", true),
            ("HANDBOOK.pdf", "handbook.pdf", true),
            ("handbook", "handbook.pdf", false),
            ("%.pdf", "policies/handbook.pdf", true),
            ("%.pdf", "handbook.pdf.docx", false),
            ("%book%", "handbook.pdf", true),
            ("员工__.pdf", "员工手册.pdf", true),
            ("员工_.pdf", "员工手册.pdf", false),
            ("%a%a%a", "aa", false),
            ("%", "anything", true),
            ("", "", true),
        ] {
            assert_eq!(like(pattern, text), holds, "{pattern} {text}");
        }
    }
}
