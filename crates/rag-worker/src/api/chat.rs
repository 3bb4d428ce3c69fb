//! `POST /v1/chat/completions`: an answer from the documents, streamed or whole.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use rag_core::{
    AnswerSink, Caller, Finish, Flow, GenerateError, GenerateRequest, Generated, Generator,
    Passage, Piece, Sampling, TokenChoice,
};
use serde_json::{Value, json};
use telemetry::traces;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::Span;

use super::asked::Asked;
use super::caller;
use super::error::ApiError;
use super::object::Object;
use super::stream;
use super::wire::{self, ChatRequest};
use crate::answering::{AnsweringError, Plan, Planned};
use crate::state::Worker;

/// An answer that is being made: what is known of it from the start, and its pieces as they come.
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    pub(super) citations: Value,
    pub(super) notices: Vec<String>,
    /// The question as it was searched for, too, when it was rewritten to stand alone.
    pub(super) rewritten: Option<String>,
    /// How many choices are made.
    pub(super) choices: usize,
    /// Whether it is told how likely tokens were.
    pub(super) likelihoods: bool,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) account: Account,
}

/// What comes of one of the choices.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) choice: usize,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Piece(Piece),
    /// Instead of an answer of the form asked for: why there is none.
    Refusal(String),
    End(Result<Generated, GenerateError>),
}

/// Counts what became of an answer, also when its client goes away in the middle, and holds its
/// place until then.
pub(super) struct Account {
    worker: Arc<Worker>,
    started: Instant,
    first_token: bool,
    settled: bool,
    span: Span,
    _place: OwnedSemaphorePermit,
}

impl Account {
    /// The first piece has come.
    pub(super) fn piece(&mut self) {
        if !self.first_token {
            self.first_token = true;
            self.worker.warmth.used();
            self.worker.metrics.first_token.observe(self.started.elapsed().as_secs_f64());
        }
    }

    /// The answer is over.
    pub(super) fn settle(&mut self, outcome: &str) {
        self.settled = true;
        self.worker.metrics.answer(outcome);
        traces::set(&self.span, "switchyard.outcome", outcome.to_owned());
        if outcome == "failed" {
            traces::fail(&self.span, "the answer failed");
        }
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
    headers: HeaderMap,
    request: Result<Object<ChatRequest>, ApiError>,
) -> Result<Response, ApiError> {
    let Object(request) = request?;
    let asked = Asked::of(&request)?;
    let answer = begin(worker, asked, caller::of(&headers)).await?;
    if request.wants_stream() {
        Ok(stream::respond(answer, request.wants_usage(), request.may_continue()))
    } else {
        Ok(Json(whole(answer).await?).into_response())
    }
}

/// Takes a place, finds passages, and starts the answer.
pub(super) async fn begin(
    worker: Arc<Worker>,
    asked: Asked,
    caller: Caller,
) -> Result<Answer, ApiError> {
    let started = Instant::now();
    let Asked { name, conversation, said, sampling, stop, form, likelihoods, choices, .. } = asked;
    let max_tokens = asked.max_tokens.unwrap_or(worker.settings.inference.max_tokens);

    let answering = Arc::clone(worker.ready_to_answer()?);
    let Some(place) = worker.answers.enter(choices) else {
        worker.metrics.answer("busy");
        return Err(ApiError::busy(worker.answers.limit()));
    };
    let mut account = Account {
        worker: Arc::clone(&worker),
        started,
        first_token: false,
        settled: false,
        span: Span::current(),
        _place: place,
    };
    let id = format!("chatcmpl-{}", name.simple());
    let model = answering.generator.identity().name.clone();
    for (attribute, value) in [
        ("gen_ai.operation.name", "chat".into()),
        ("gen_ai.provider.name", "switchyard".into()),
        ("gen_ai.request.model", traces::Value::from(model.clone())),
        ("gen_ai.request.temperature", f64::from(sampling.temperature).into()),
        ("gen_ai.request.top_p", f64::from(sampling.top_p).into()),
        ("gen_ai.request.max_tokens", i64::try_from(max_tokens).unwrap_or(i64::MAX).into()),
        ("gen_ai.request.choice.count", i64::from(choices).into()),
        ("gen_ai.response.id", id.clone().into()),
        ("gen_ai.response.model", model.clone().into()),
        ("switchyard.knowledge.tag", answering.knowledge.tag().to_owned().into()),
    ] {
        traces::set(&account.span, attribute, value);
    }

    let planning = {
        let (worker, answering) = (Arc::clone(&worker), Arc::clone(&answering));
        let span = account.span.clone();
        tokio::task::spawn_blocking(move || {
            let _in_trace = span.enter();
            let observe = |seconds| worker.metrics.retrieval.observe(seconds);
            let selection = asked.selection.unwrap_or(answering.selection);
            let planned = answering.plan(&conversation, max_tokens, selection, &caller, observe)?;
            if let Caller::Known(hash) = &caller {
                worker.recent.note(&conversation, *hash);
            }
            Ok::<_, AnsweringError>((planned, caller))
        })
    };
    let failed = |account: &mut Account, error: ApiError| {
        account.settle("failed");
        error
    };
    let (Planned { rewritten, plan }, caller) = planning
        .await
        .map_err(|e| failed(&mut account, ApiError::internal(format!("finding passages: {e}"))))?
        .map_err(|e| failed(&mut account, e.into()))?;

    let (citations, notices, events) = match plan {
        Plan::NotInDocuments { text } => {
            account.piece();
            account.settle("not_in_documents");
            // What another worker said of it already is not said again.
            let rest = text.strip_prefix(said.as_str()).unwrap_or_default();
            (Value::Array(Vec::new()), vec![], told(rest, choices, form.is_some()))
        }
        Plan::Generate { messages, citations, notices } => {
            // Every token is at most one piece, so the engine's thread never finds the channel full.
            let room = (answering.generator.identity().context + 2) * choices as usize;
            let (sender, events) = mpsc::channel(room);
            for choice in 0..choices {
                let seed = sampling.seed.wrapping_add(choice);
                let generate = GenerateRequest {
                    messages: messages.clone(),
                    said: said.clone(),
                    max_tokens,
                    sampling: Sampling { seed, ..sampling.clone() },
                    stop: stop.clone(),
                    form: form.clone(),
                    likelihoods,
                    caller: caller.clone(),
                };
                let sink = EventSender { choice: choice as usize, events: sender.clone() };
                answering
                    .generator
                    .submit(generate, Box::new(sink))
                    .map_err(|e| failed(&mut account, e.into()))?;
            }
            let label = |passage: &Passage| answering.knowledge.page_label(passage);
            (wire::citations(&citations, label), notices, events)
        }
    };
    Ok(Answer {
        id,
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        model,
        citations,
        notices,
        rewritten,
        choices: choices as usize,
        likelihoods: likelihoods.is_some(),
        events,
        account,
    })
}

/// The events of answers that no model makes. A text is none of the form that was asked for, and so a refusal.
fn told(text: &str, choices: u32, formed: bool) -> mpsc::Receiver<Event> {
    let (sender, events) = mpsc::channel(2 * choices as usize);
    let generated = Generated {
        finish: Finish::Stop,
        prompt_tokens: 0,
        reused_tokens: 0,
        completion_tokens: 0,
    };
    for choice in 0..choices as usize {
        let what = if formed {
            What::Refusal(text.to_owned())
        } else {
            What::Piece(Piece { text: text.to_owned(), tokens: Vec::new() })
        };
        for what in [what, What::End(Ok(generated))] {
            // There is room for both.
            let _ = sender.try_send(Event { choice, what });
        }
    }
    events
}

/// Carries a choice from the engine's thread to the request's task.
struct EventSender {
    choice: usize,
    events: mpsc::Sender<Event>,
}

impl AnswerSink for EventSender {
    fn is_open(&self) -> bool {
        !self.events.is_closed()
    }

    fn piece(&mut self, piece: Piece) -> Flow {
        match self.events.try_send(Event { choice: self.choice, what: What::Piece(piece) }) {
            Ok(()) => Flow::Continue(()),
            Err(_) => Flow::Break(()),
        }
    }

    fn finish(self: Box<Self>, outcome: Result<Generated, GenerateError>) {
        // A client that left does not miss the end.
        let _ = self.events.try_send(Event { choice: self.choice, what: What::End(outcome) });
    }
}

/// One of the choices, as far as it has come.
#[derive(Default)]
struct Choice {
    content: String,
    refusal: Option<String>,
    tokens: Vec<TokenChoice>,
    generated: Option<Generated>,
}

/// Collects the whole answer into one response.
pub(super) async fn whole(mut answer: Answer) -> Result<Value, ApiError> {
    let mut choices: Vec<Choice> = (0..answer.choices).map(|_| Choice::default()).collect();
    while choices.iter().any(|choice| choice.generated.is_none()) {
        let Some(Event { choice, what }) = answer.events.recv().await else {
            answer.account.settle("failed");
            return Err(ApiError::internal("the engine stopped in the middle of the answer"));
        };
        let Some(choice) = choices.get_mut(choice) else { continue };
        match what {
            What::Piece(piece) => {
                answer.account.piece();
                choice.content.push_str(&piece.text);
                choice.tokens.extend(piece.tokens);
            }
            What::Refusal(text) => choice.refusal = Some(text),
            What::End(Ok(generated)) => choice.generated = Some(generated),
            What::End(Err(error)) => {
                answer.account.settle("failed");
                return Err(error.into());
            }
        }
    }
    let generated: Vec<Generated> = choices.iter().filter_map(|choice| choice.generated).collect();
    answer.account.finish(&generated);
    let told = choices.iter().zip(&generated).enumerate().map(|(index, (choice, generated))| {
        let content = choice.refusal.is_none().then_some(&choice.content);
        json!({
            "index": index,
            "message": { "role": "assistant", "content": content, "refusal": choice.refusal },
            "logprobs": answer.likelihoods.then(|| wire::logprobs(&choice.tokens)),
            "finish_reason": generated.finish.as_str(),
        })
    });
    let mut body = json!({
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.model,
        "choices": told.collect::<Vec<_>>(),
        "usage": wire::usage(&generated),
        "citations": answer.citations,
    });
    if !answer.notices.is_empty() {
        body["notices"] = json!(answer.notices);
    }
    if let Some(rewritten) = answer.rewritten {
        body["rewritten"] = json!(rewritten);
    }
    Ok(body)
}

impl Account {
    /// The answer is complete; an answer that no model made is settled already.
    pub(super) fn finish(&mut self, generated: &[Generated]) {
        let tokens = |of: fn(&Generated) -> usize| -> i64 {
            generated.iter().map(|one| i64::try_from(of(one)).unwrap_or(i64::MAX)).sum()
        };
        traces::set(&self.span, "gen_ai.usage.output_tokens", tokens(|one| one.completion_tokens));
        if let Some(first) = generated.first() {
            let read = i64::try_from(first.prompt_tokens).unwrap_or(i64::MAX);
            traces::set(&self.span, "gen_ai.usage.input_tokens", read);
            let reasons = generated.iter().map(|one| one.finish.as_str().into()).collect();
            let reasons = traces::Value::Array(traces::Array::String(reasons));
            traces::set(&self.span, "gen_ai.response.finish_reasons", reasons);
        }
        if !self.settled {
            self.settle("answered");
        }
    }
}
