//! Answers from the knowledge base: `POST /chat/kb_chat`, and the same for OpenAI's clients.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use rag_core::{Language, Message, Role};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::asked::Asked;
use super::super::error::ApiError;
use super::super::object::Object;
use super::super::stream::{self, Told};
use super::super::wire::{self, WireMessage, between};
use super::super::{caller, chat};
use super::error::KbError;
use super::{NO_FILES, check_name, search, shape};
use crate::answering::Selection;
use crate::state::Worker;

#[derive(Debug, Deserialize)]
pub(super) struct KbChat {
    query: String,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    kb_name: String,
    #[serde(default)]
    history: Vec<Object<WireMessage>>,
    stream: Option<bool>,
    top_k: Option<usize>,
    score_threshold: Option<f64>,
    /// Not looked at: a worker has one model.
    #[serde(rename = "model")]
    _model: Option<String>,
    temperature: Option<f64>,
    max_tokens: Option<usize>,
    prompt_name: Option<String>,
    return_direct: Option<bool>,
}

/// What OpenAI's clients send, with the fields of [`KbChat`] as their extra body.
#[derive(Debug, Deserialize)]
pub(super) struct Completions {
    messages: Vec<Object<WireMessage>>,
    stream: Option<bool>,
    top_k: Option<usize>,
    score_threshold: Option<f64>,
    #[serde(rename = "model")]
    _model: Option<String>,
    temperature: Option<f64>,
    max_tokens: Option<usize>,
    prompt_name: Option<String>,
    return_direct: Option<bool>,
}

/// Where an answer comes from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    #[default]
    LocalKb,
    TempKb,
    SearchEngine,
}

/// A question, in either shape.
struct Question {
    conversation: Vec<Message>,
    stream: bool,
    /// Whether a stream ends with `[DONE]`: readers of its own endpoint take every event for JSON.
    says_done: bool,
    selection: Selection,
    temperature: Option<f32>,
    max_tokens: Option<usize>,
    return_direct: bool,
}

/// `POST /chat/kb_chat`.
pub(super) async fn kb_chat(
    State(worker): State<Arc<Worker>>,
    headers: HeaderMap,
    request: Result<Object<KbChat>, ApiError>,
) -> Result<Response, KbError> {
    let Object(request) = request?;
    check_mode(request.mode)?;
    check_name(&worker, &request.kb_name)?;
    check_prompt(request.prompt_name.as_deref())?;
    search::check_query(&request.query)?;
    let mut conversation = read(&request.history)?;
    conversation.push(Message::new(Role::User, request.query));
    let question = Question {
        conversation,
        stream: request.stream.unwrap_or(true),
        says_done: false,
        selection: selection(&worker, request.top_k, request.score_threshold)?,
        temperature: temperature(request.temperature)?,
        max_tokens: request.max_tokens,
        return_direct: request.return_direct.unwrap_or(false),
    };
    answer(worker, &headers, question).await
}

/// `POST /knowledge_base/{mode}/{param}/chat/completions`.
pub(super) async fn completions(
    State(worker): State<Arc<Worker>>,
    place: Result<Path<(Mode, String)>, PathRejection>,
    headers: HeaderMap,
    request: Result<Object<Completions>, ApiError>,
) -> Result<Response, KbError> {
    let Path((mode, name)) = place?;
    let Object(request) = request?;
    check_mode(mode)?;
    check_name(&worker, &name)?;
    check_prompt(request.prompt_name.as_deref())?;
    let question = Question {
        conversation: read(&request.messages)?,
        stream: request.stream.unwrap_or(false),
        says_done: true,
        selection: selection(&worker, request.top_k, request.score_threshold)?,
        temperature: temperature(request.temperature)?,
        max_tokens: request.max_tokens,
        return_direct: request.return_direct.unwrap_or(false),
    };
    answer(worker, &headers, question).await
}

fn check_mode(mode: Mode) -> Result<(), ApiError> {
    match mode {
        Mode::LocalKb => Ok(()),
        Mode::TempKb => Err(ApiError::not_covered(NO_FILES).with_param("mode")),
        Mode::SearchEngine => {
            let message = "nothing leaves the network: there is no search engine, only local_kb";
            Err(ApiError::not_covered(message).with_param("mode"))
        }
    }
}

fn check_prompt(name: Option<&str>) -> Result<(), ApiError> {
    match name {
        None | Some("default") => Ok(()),
        Some(other) => {
            let message = format!(
                "there is no prompt {other:?}, only `default`: instructions of your own go into a system message of /v1/chat/completions"
            );
            Err(ApiError::not_covered(message).with_param("prompt_name"))
        }
    }
}

fn read(messages: &[Object<WireMessage>]) -> Result<Vec<Message>, ApiError> {
    messages.iter().map(|message| message.read()).collect()
}

fn temperature(asked: Option<f64>) -> Result<Option<f32>, ApiError> {
    asked.map(|asked| between("temperature", asked, 0.0, 2.0)).transpose()
}

/// Which passages may be used. A client may be stricter than the worker, never laxer: what the documents do not say is not
/// to be invented because a client sends its default.
fn selection(
    worker: &Worker,
    top_k: Option<usize>,
    threshold: Option<f64>,
) -> Result<Selection, ApiError> {
    let usual = worker.settings.retrieval.selection;
    let top_k = search::check_top_k(top_k)?.unwrap_or(usual.top_k);
    let asked = search::min_score(threshold)?.unwrap_or(0.0);
    Ok(Selection { top_k, min_score: usual.min_score.max(asked) })
}

async fn answer(
    worker: Arc<Worker>,
    headers: &HeaderMap,
    question: Question,
) -> Result<Response, KbError> {
    let Question { conversation, stream, says_done, selection, .. } = question;
    let asked = conversation.last().map_or("", |last| last.content.as_str());
    let language = Language::of(asked);
    let caller = caller::of(headers);
    if question.return_direct {
        let found = search::cited(&worker, asked.to_owned(), selection, caller).await?;
        return Ok(directly(found, stream, says_done, language));
    }
    let mut asked = Asked::plain(conversation);
    asked.selection = Some(selection);
    // 0 is its word for "as much as the settings allow".
    asked.max_tokens = question.max_tokens.filter(|tokens| *tokens > 0);
    if let Some(temperature) = question.temperature {
        asked.sampling.temperature = temperature;
    }
    let answer = chat::begin(worker, asked, caller).await?;
    if !stream {
        return Ok(Json(shape::whole(chat::whole(answer).await?, language)).into_response());
    }
    let data = stream::told(answer, false).filter_map(move |told| {
        let data = match told {
            Told::Chunk(chunk) => Some(shape::chunk(chunk, language).to_string()),
            Told::Done if !says_done => None,
            Told::Done | Told::Failed(_) => Some(told.data()),
        };
        std::future::ready(data)
    });
    Ok(stream::events(data))
}

/// What was found, without an answer: `found` has all but the choices.
fn directly(mut found: Value, stream: bool, says_done: bool, language: Language) -> Response {
    let said = json!({ "role": "assistant", "content": "" });
    let mut choice = json!({ "index": 0, "logprobs": null, "finish_reason": "stop" });
    if !stream {
        found["object"] = json!("chat.completion");
        choice["message"] = said;
        choice["message"]["refusal"] = Value::Null;
        found["choices"] = json!([choice]);
        found["usage"] = wire::usage(&[]);
        return Json(shape::whole(found, language)).into_response();
    }
    found["object"] = json!("chat.completion.chunk");
    choice["delta"] = said;
    found["choices"] = json!([choice]);
    let mut data = vec![shape::chunk(found, language).to_string()];
    if says_done {
        data.push(Told::Done.data());
    }
    stream::events(futures::stream::iter(data))
}
