//! A streamed answer as server-sent events, in the shape and order OpenAI's clients expect: the role
//! first, one id throughout, `finish_reason` last, then `[DONE]`.
//!
//! `citations` come with the first event, so that a page can show them while the text is typed, and
//! again with the last, for clients that keep only that.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use rag_core::Generated;
use serde_json::{Value, json};
use tokio_stream::wrappers::ReceiverStream;

use super::chat::{Account, Answer, Event as AnswerEvent, What};
use super::error::ApiError;
use super::wire;

/// A comment this often keeps proxies from taking a long prompt for a dead connection.
const PING: Duration = Duration::from_secs(10);
/// Tells the gateway that another worker can go on with the answer, should this one die: `continue_final_message` says where.
const CONTINUABLE: HeaderName = HeaderName::from_static("x-switchyard-continuable");

/// The response that streams `answer`; `with_usage` adds OpenAI's usage event. Another worker can go on with it if
/// `continuable`.
pub(super) fn respond(answer: Answer, with_usage: bool, continuable: bool) -> Response {
    let mut response = events(told(answer, with_usage).map(|told| told.data()));
    if continuable {
        response.headers_mut().insert(CONTINUABLE, HeaderValue::from_static("1"));
    }
    response
}

/// A response of server-sent events with these `data`.
pub(super) fn events(data: impl Stream<Item = String> + Send + 'static) -> Response {
    let events = data.map(|data| Ok::<_, Infallible>(Event::default().data(data)));
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(PING)).into_response();
    // nginx and its kin would otherwise collect the answer before passing it on.
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// What a stream tells next.
pub(super) enum Told {
    Chunk(Value),
    /// The answer ends here, and not well.
    Failed(ApiError),
    /// It was all told.
    Done,
}

impl Told {
    /// The `data` of its event.
    pub(super) fn data(&self) -> String {
        match self {
            Self::Chunk(chunk) => chunk.to_string(),
            Self::Failed(error) => error.body().to_string(),
            Self::Done => "[DONE]".to_owned(),
        }
    }
}

/// All that is told of an answer, in order.
pub(super) fn told(answer: Answer, with_usage: bool) -> impl Stream<Item = Told> {
    let mut telling = Telling {
        frame: json!({
            "id": answer.id,
            "object": "chat.completion.chunk",
            "created": answer.created,
            "model": answer.model,
        }),
        citations: answer.citations,
        notices: answer.notices,
        rewritten: answer.rewritten,
        with_usage,
        likelihoods: answer.likelihoods,
        ended: vec![None; answer.choices],
        account: answer.account,
    };
    let first = telling.first();
    stream::iter(first).chain(
        ReceiverStream::new(answer.events).flat_map(move |event| stream::iter(telling.tell(event))),
    )
}

/// What the events of one answer have in common.
struct Telling {
    frame: Value,
    citations: Value,
    notices: Vec<String>,
    rewritten: Option<String>,
    with_usage: bool,
    likelihoods: bool,
    /// The choices that are complete, by number.
    ended: Vec<Option<Generated>>,
    account: Account,
}

impl Telling {
    fn first(&self) -> Vec<Told> {
        let said = json!({ "role": "assistant", "content": "" });
        (0..self.ended.len())
            .map(|choice| {
                let mut chunk = self.chunk(choice, &said, Value::Null, Value::Null);
                chunk["citations"] = self.citations.clone();
                if !self.notices.is_empty() {
                    chunk["notices"] = json!(self.notices);
                }
                if let Some(rewritten) = &self.rewritten {
                    chunk["rewritten"] = json!(rewritten);
                }
                Told::Chunk(chunk)
            })
            .collect()
    }

    fn tell(&mut self, AnswerEvent { choice, what }: AnswerEvent) -> Vec<Told> {
        match what {
            What::Piece(piece) => {
                self.account.piece();
                let logprobs =
                    if self.likelihoods { wire::logprobs(&piece.tokens) } else { Value::Null };
                let said = json!({ "content": piece.text });
                vec![Told::Chunk(self.chunk(choice, &said, logprobs, Value::Null))]
            }
            What::Refusal(text) => {
                let said = json!({ "refusal": text });
                vec![Told::Chunk(self.chunk(choice, &said, Value::Null, Value::Null))]
            }
            What::End(Ok(generated)) => self.end(choice, generated),
            What::End(Err(error)) => {
                self.account.settle("failed");
                vec![Told::Failed(error.into())]
            }
        }
    }

    /// A choice is complete; with the last one the stream is.
    fn end(&mut self, choice: usize, generated: Generated) -> Vec<Told> {
        let reason = json!(generated.finish.as_str());
        let mut chunk = self.chunk(choice, &json!({}), Value::Null, reason);
        chunk["citations"] = self.citations.clone();
        let mut events = vec![Told::Chunk(chunk)];
        if let Some(ended) = self.ended.get_mut(choice) {
            *ended = Some(generated);
        }
        let Some(all) = self.ended.iter().copied().collect::<Option<Vec<_>>>() else {
            return events;
        };
        self.account.finish(&all);
        if self.with_usage {
            let mut chunk = self.frame.clone();
            chunk["choices"] = json!([]);
            chunk["usage"] = wire::usage(&all);
            events.push(Told::Chunk(chunk));
        }
        events.push(Told::Done);
        events
    }

    fn chunk(&self, choice: usize, delta: &Value, logprobs: Value, reason: Value) -> Value {
        let mut chunk = self.frame.clone();
        chunk["choices"] = json!([{
            "index": choice,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": reason,
        }]);
        chunk
    }
}
