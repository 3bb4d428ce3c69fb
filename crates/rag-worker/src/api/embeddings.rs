//! `POST /v1/embeddings`: OpenAI's shape, with the loaded embedding.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rag_core::{EmbedError, Embedder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::object::Object;
use crate::state::Worker;

#[derive(Debug, Deserialize)]
pub(crate) struct EmbeddingRequest {
    /// Not looked at: a worker has one embedding.
    #[serde(rename = "model")]
    _model: Option<String>,
    input: Input,
    #[serde(default)]
    encoding_format: Encoding,
    /// Ours: E5-like models want to know; OpenAI's clients never say.
    #[serde(default)]
    input_type: InputType,
    dimensions: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`input` must be a text or a list of texts")]
enum Input {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Default, Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum InputType {
    #[default]
    Passage,
    Query,
}

/// Texts in one request.
const MOST: usize = 256;

/// One vector per text.
pub(crate) async fn embed(
    State(worker): State<Arc<Worker>>,
    request: Result<Object<EmbeddingRequest>, ApiError>,
) -> Result<Json<Value>, ApiError> {
    let Object(request) = request?;
    let texts = match request.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    };
    if texts.is_empty() || texts.len() > MOST {
        let message = format!("the input has {} texts, and must have 1 to {MOST}", texts.len());
        return Err(ApiError::invalid(message).with_param("input"));
    }
    if texts.iter().any(String::is_empty) {
        return Err(ApiError::invalid("a text of the input is empty").with_param("input"));
    }
    let answering = Arc::clone(worker.ready_to_answer()?);
    let identity = answering.embedder.identity();
    if request.dimensions.is_some_and(|wanted| wanted != identity.dimensions) {
        let message = format!("{} gives {} dimensions", identity.name, identity.dimensions);
        return Err(ApiError::invalid(message).with_param("dimensions"));
    }
    let name = identity.name.clone();
    let place = worker.searches.enter(1).ok_or_else(|| ApiError::busy(worker.searches.limit()))?;
    let (vectors, tokens) = tokio::task::spawn_blocking(move || {
        let embedder = &answering.embedder;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = match request.input_type {
            InputType::Passage => embedder.embed_passages(&texts)?,
            InputType::Query => {
                texts.iter().map(|text| embedder.embed_query(text)).collect::<Result<_, _>>()?
            }
        };
        let mut tokens = 0;
        for text in texts {
            tokens += embedder.count_tokens(text)?;
        }
        drop(place);
        Ok::<_, EmbedError>((vectors, tokens))
    })
    .await
    .map_err(|e| ApiError::internal(format!("embedding: {e}")))?
    .map_err(|e| ApiError::internal(e.to_string()))?;

    let data: Vec<Value> = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            let embedding = match request.encoding_format {
                Encoding::Float => json!(vector),
                Encoding::Base64 => json!(base64(vector)),
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    Ok(Json(json!({
        "object": "list",
        "data": data,
        "model": name,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })))
}

/// Little-endian float32, as OpenAI's clients decode it.
fn base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}
