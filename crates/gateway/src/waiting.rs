//! What a client that asked for a stream hears while its request waits: comments, so that silence does not look like a
//! hang. The answer's header has to be sent for that before there is an answer.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, header};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;

use crate::answer;

/// Server-sent events ignore lines that begin with a colon (HTML standard, section 9.2.6).
const COMMENT: &[u8] = b": waiting for a worker\n\n";
const EVENT_STREAM: &str = "text/event-stream";
/// The longest answer that is turned into one event.
const LONGEST_EVENT: usize = 64 * 1024;

/// An answer whose header was sent early, and what its worker then said.
#[derive(Default)]
pub(crate) struct Early {
    /// The worker's answer is no stream of events, and has to become one event.
    kept: Option<BytesMut>,
}

impl Early {
    /// Takes in the header that the worker sent, and that comes too late for the client.
    pub(crate) fn look_at(&mut self, response: &ResponseHeader) {
        let kind = response.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let events = kind.is_some_and(|kind| kind.starts_with(EVENT_STREAM.as_bytes()));
        self.kept = (!events || response.status != 200).then(BytesMut::new);
    }

    /// Makes one event of an answer that is none, at its end.
    pub(crate) fn fit(&mut self, body: &mut Option<Bytes>, end_of_stream: bool) {
        let Some(kept) = &mut self.kept else { return };
        if let Some(part) = body.take()
            && kept.len() + part.len() <= LONGEST_EVENT
        {
            kept.extend_from_slice(&part);
        }
        if end_of_stream {
            *body = Some(event(kept));
        }
    }
}

/// Says that the request still waits; before the first time, sends the answer's header.
///
/// # Errors
/// When the client is gone.
pub(crate) async fn beat(
    session: &mut Session,
    first: bool,
    request_id: Option<HeaderValue>,
) -> Result<()> {
    if first {
        let mut response = ResponseHeader::build(200, Some(5))?;
        response.insert_header(header::CONTENT_TYPE, EVENT_STREAM)?;
        response.insert_header(header::CACHE_CONTROL, "no-store")?;
        if session.req_header().version < http::Version::HTTP_2 {
            response.insert_header(header::TRANSFER_ENCODING, "chunked")?;
        }
        if let Some(id) = request_id {
            response.insert_header("x-request-id", id)?;
        }
        session.write_response_header(Box::new(response), false).await?;
    }
    session.write_response_body(Some(Bytes::from_static(COMMENT)), false).await
}

/// Says as an event why there will be no answer, and ends the stream.
///
/// # Errors
/// When the client is gone.
pub(crate) async fn tell(session: &mut Session, status: u16, code: &str, text: &str) -> Result<()> {
    let problem = event(&answer::problem_body(status, code, text));
    session.write_response_body(Some(problem), true).await
}

fn event(data: &[u8]) -> Bytes {
    let mut event = BytesMut::with_capacity(data.len() + 8);
    for line in data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.extend_from_slice(b"\n");
    }
    event.extend_from_slice(b"\n");
    event.freeze()
}

/// Whether the client takes an answer as a stream of events, by its header.
pub(crate) fn asks_for_a_stream(request: &RequestHeader) -> bool {
    let accepts = request.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accepts.is_some_and(|accept| accept.contains(EVENT_STREAM))
}

/// Whether an OpenAI request's body asks for a stream.
pub(crate) fn body_asks_for_a_stream(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Chat {
        #[serde(default)]
        stream: bool,
    }
    serde_json::from_slice::<Chat>(body).is_ok_and(|chat| chat.stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_stream_becomes_one_event() {
        let mut early = Early::default();
        let mut response = ResponseHeader::build(400, None).unwrap();
        response.insert_header(header::CONTENT_TYPE, "application/json").unwrap();
        early.look_at(&response);
        let mut body = Some(Bytes::from_static(b"{\"error\":\n"));
        early.fit(&mut body, false);
        assert_eq!(body, None);
        let mut body = Some(Bytes::from_static(b" 1}"));
        early.fit(&mut body, true);
        assert_eq!(body.unwrap(), "data: {\"error\":\ndata:  1}\n\n");
    }
}
