//! A streamed answer as server-sent events, in the shape and order OpenAI's clients expect: the role
//! first, one id throughout, `finish_reason` last, then `[DONE]`.
//!
//! `citations` come with the first event, so that a page can show them while the text is typed, and
//! again with the last, for clients that keep only that.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use rag_core::Generated;
use serde_json::{Value, json};
use tokio_stream::wrappers::ReceiverStream;

use super::chat::{Account, Answer, Piece};
use super::error::ApiError;
use super::wire;

/// A comment this often keeps proxies from taking a long prompt for a dead connection.
const PING: Duration = Duration::from_secs(10);

/// The response that streams `answer`; `with_usage` adds OpenAI's usage event.
pub(super) fn respond(answer: Answer, with_usage: bool) -> Response {
    let mut response = Sse::new(events(answer, with_usage))
        .keep_alive(KeepAlive::new().interval(PING))
        .into_response();
    // nginx and its kin would otherwise collect the answer before passing it on.
    response.headers_mut().insert(
        axum::http::HeaderName::from_static("x-accel-buffering"),
        axum::http::HeaderValue::from_static("no"),
    );
    response
}

fn events(answer: Answer, with_usage: bool) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut telling = Telling {
        frame: json!({
            "id": answer.id,
            "object": "chat.completion.chunk",
            "created": answer.created,
            "model": answer.model,
        }),
        citations: answer.citations,
        notices: answer.notices,
        with_usage,
        account: answer.account,
    };
    let first = telling.first();
    stream::iter(first)
        .chain(
            ReceiverStream::new(answer.pieces)
                .flat_map(move |piece| stream::iter(telling.tell(piece))),
        )
        .map(|data| Ok(Event::default().data(data)))
}

/// What the events of one answer have in common.
struct Telling {
    frame: Value,
    citations: Value,
    notices: Vec<String>,
    with_usage: bool,
    account: Account,
}

impl Telling {
    fn first(&self) -> Vec<String> {
        let mut chunk = self.chunk(json!({ "role": "assistant", "content": "" }), Value::Null);
        chunk["citations"] = self.citations.clone();
        if !self.notices.is_empty() {
            chunk["notices"] = json!(self.notices);
        }
        vec![chunk.to_string()]
    }

    fn tell(&mut self, piece: Piece) -> Vec<String> {
        match piece {
            Piece::Text(text) => {
                self.account.piece();
                vec![self.chunk(json!({ "content": text }), Value::Null).to_string()]
            }
            Piece::End(Ok(generated)) => {
                self.account.finish();
                self.last(&generated)
            }
            Piece::End(Err(error)) => {
                self.account.settle("failed");
                vec![ApiError::from(error).body().to_string()]
            }
        }
    }

    fn last(&self, generated: &Generated) -> Vec<String> {
        let mut chunk = self.chunk(json!({}), json!(generated.finish.as_str()));
        chunk["citations"] = self.citations.clone();
        let mut events = vec![chunk.to_string()];
        if self.with_usage {
            let mut chunk = self.frame.clone();
            chunk["choices"] = json!([]);
            chunk["usage"] = wire::usage(generated);
            events.push(chunk.to_string());
        }
        events.push("[DONE]".to_owned());
        events
    }

    fn chunk(&self, delta: Value, finish_reason: Value) -> Value {
        let mut chunk = self.frame.clone();
        chunk["choices"] = json!([{
            "index": 0,
            "delta": delta,
            "logprobs": null,
            "finish_reason": finish_reason,
        }]);
        chunk
    }
}
