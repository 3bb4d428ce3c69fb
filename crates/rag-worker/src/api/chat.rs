//! `POST /v1/chat/completions`: an answer from the documents, streamed or whole.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use rag_core::{
    AnswerSink, Finish, Flow, GenerateError, GenerateRequest, Generated, Generator, Passage,
};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::error::ApiError;
use super::stream;
use super::wire::{self, ChatRequest};
use crate::answering::Plan;
use crate::state::Worker;

/// An answer that is being made: what is known of it from the start, and its pieces as they come.
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    pub(super) citations: Value,
    pub(super) notices: Vec<String>,
    pub(super) pieces: mpsc::Receiver<Piece>,
    pub(super) account: Account,
}

/// A piece of an answer.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    End(Result<Generated, GenerateError>),
}

/// Counts what became of an answer, also when its client goes away in the middle, and holds its
/// place until then.
pub(super) struct Account {
    worker: Arc<Worker>,
    started: Instant,
    first_token: bool,
    settled: bool,
    _place: OwnedSemaphorePermit,
}

impl Account {
    /// The first piece has come.
    pub(super) fn piece(&mut self) {
        if !self.first_token {
            self.first_token = true;
            self.worker.metrics.first_token.observe(self.started.elapsed().as_secs_f64());
        }
    }

    /// The answer is over.
    pub(super) fn settle(&mut self, outcome: &str) {
        self.settled = true;
        self.worker.metrics.answer(outcome);
        self.worker.metrics.duration.observe(self.started.elapsed().as_secs_f64());
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.settled {
            self.settle("abandoned");
        }
    }
}

/// Answers the last question of a conversation.
pub(super) async fn complete(
    State(worker): State<Arc<Worker>>,
    request: Result<Json<ChatRequest>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(request) = request?;
    request.check_supported()?;
    let answer = begin(worker, &request).await?;
    if request.stream {
        Ok(stream::respond(answer, request.wants_usage()))
    } else {
        Ok(Json(whole(answer).await?).into_response())
    }
}

/// Takes a place, finds passages, and starts the answer.
async fn begin(worker: Arc<Worker>, request: &ChatRequest) -> Result<Answer, ApiError> {
    let started = Instant::now();
    let name = uuid::Uuid::new_v4();
    let conversation = request.conversation()?;
    // Without a seed every answer is another one, as OpenAI's are.
    let sampling = request.sampling(name.as_u128() as u32)?;
    let stop = request.stop()?;
    let max_tokens = request.max_tokens()?.unwrap_or(worker.settings.inference.max_tokens);

    let answering = worker.answering().cloned().ok_or_else(|| ApiError::not_ready(&worker))?;
    let Some(place) = worker.answers.enter() else {
        worker.metrics.answer("busy");
        return Err(ApiError::busy(worker.answers.limit()));
    };
    let mut account = Account {
        worker: Arc::clone(&worker),
        started,
        first_token: false,
        settled: false,
        _place: place,
    };

    let planning = {
        let (worker, answering) = (Arc::clone(&worker), Arc::clone(&answering));
        tokio::task::spawn_blocking(move || {
            let observe = |seconds| worker.metrics.retrieval.observe(seconds);
            answering.plan(&conversation, max_tokens, observe)
        })
    };
    let failed = |account: &mut Account, error: ApiError| {
        account.settle("failed");
        error
    };
    let plan = planning
        .await
        .map_err(|e| failed(&mut account, ApiError::internal(format!("finding passages: {e}"))))?
        .map_err(|e| failed(&mut account, e.into()))?;

    let (citations, notices, pieces) = match plan {
        Plan::NotInDocuments { text } => {
            account.piece();
            account.settle("not_in_documents");
            (Value::Array(Vec::new()), vec![], said(text))
        }
        Plan::Generate { messages, citations, notices } => {
            // Every token is at most one piece, so the engine's thread never finds the channel full.
            let (sender, pieces) = mpsc::channel(answering.generator.identity().context + 2);
            let generate = GenerateRequest { messages, max_tokens, sampling, stop };
            answering
                .generator
                .submit(generate, Box::new(PieceSender(sender)))
                .map_err(|e| failed(&mut account, e.into()))?;
            let label = |passage: &Passage| answering.knowledge.page_label(passage);
            (wire::citations(&citations, label), notices, pieces)
        }
    };
    Ok(Answer {
        id: format!("chatcmpl-{}", name.simple()),
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        model: answering.generator.identity().name.clone(),
        citations,
        notices,
        pieces,
        account,
    })
}

/// The pieces of an answer that no model makes.
fn said(text: &str) -> mpsc::Receiver<Piece> {
    let (sender, pieces) = mpsc::channel(2);
    let generated = Generated { finish: Finish::Stop, prompt_tokens: 0, completion_tokens: 0 };
    for piece in [Piece::Text(text.to_owned()), Piece::End(Ok(generated))] {
        // There is room for both.
        let _ = sender.try_send(piece);
    }
    pieces
}

/// Carries an answer from the engine's thread to the request's task.
struct PieceSender(mpsc::Sender<Piece>);

impl AnswerSink for PieceSender {
    fn is_open(&self) -> bool {
        !self.0.is_closed()
    }

    fn text(&mut self, piece: &str) -> Flow {
        match self.0.try_send(Piece::Text(piece.to_owned())) {
            Ok(()) => Flow::Continue(()),
            Err(_) => Flow::Break(()),
        }
    }

    fn finish(self: Box<Self>, outcome: Result<Generated, GenerateError>) {
        // A client that left does not miss the end.
        let _ = self.0.try_send(Piece::End(outcome));
    }
}

/// Collects the whole answer into one response.
async fn whole(mut answer: Answer) -> Result<Value, ApiError> {
    let mut content = String::new();
    let generated = loop {
        match answer.pieces.recv().await {
            Some(Piece::Text(text)) => {
                answer.account.piece();
                content.push_str(&text);
            }
            Some(Piece::End(Ok(generated))) => break generated,
            Some(Piece::End(Err(error))) => {
                answer.account.settle("failed");
                return Err(error.into());
            }
            None => {
                answer.account.settle("failed");
                return Err(ApiError::internal("the engine stopped in the middle of the answer"));
            }
        }
    };
    answer.account.finish();
    let mut body = json!({
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content },
            "logprobs": null,
            "finish_reason": generated.finish.as_str(),
        }],
        "usage": wire::usage(&generated),
        "citations": answer.citations,
    });
    if !answer.notices.is_empty() {
        body["notices"] = json!(answer.notices);
    }
    Ok(body)
}

impl Account {
    /// The answer is complete; an answer that no model made is settled already.
    pub(super) fn finish(&mut self) {
        if !self.settled {
            self.settle("answered");
        }
    }
}
