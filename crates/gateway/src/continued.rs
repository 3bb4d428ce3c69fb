//! An answer whose worker dies in the middle goes on from another worker, in the same stream.
//!
//! While a streamed answer passes by, what it has said is kept, and only whole events are passed on: so it is known to the
//! character what its client has. The next worker gets the request again with that text as the beginning of the answer
//! (`continue_final_message`), and its events get the id of the first ones.

use bytes::{Bytes, BytesMut};
use http::header;
use pingora::http::ResponseHeader;
use serde::Deserialize;
use serde_json::{Value, json};

/// A worker says so of answers that another one can go on with.
pub(crate) const CONTINUABLE_HEADER: &str = "x-switchyard-continuable";
/// The end of an event (HTML standard, section 9.2.6); our workers use no other.
const EVENT_END: &[u8] = b"\n\n";
const LAST: &str = "[DONE]";

/// What was said of a streamed answer.
#[derive(Debug)]
pub(crate) struct Said {
    most: usize,
    /// The beginning of an event that has not come whole.
    partial: BytesMut,
    /// `id` and `created` of the first event.
    first: Option<(Value, Value)>,
    text: String,
    /// The model has ended the answer.
    ended: bool,
    /// Nobody can go on with it: it became too long, or is not what was expected.
    lost: bool,
    /// How often another worker went on with it.
    continued: u32,
    /// To be told to the client before the next event.
    notice: Option<String>,
}

#[derive(Deserialize)]
struct Chunk {
    id: Value,
    created: Value,
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    role: Option<String>,
    content: Option<String>,
    refusal: Option<String>,
}

impl Said {
    /// For an answer that begins now. At most `most` bytes of its text are kept, and of an event.
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most: usize::try_from(most).unwrap_or(usize::MAX),
            partial: BytesMut::new(),
            first: None,
            text: String::new(),
            ended: false,
            lost: false,
            continued: 0,
            notice: None,
        }
    }

    /// How often another worker went on with it.
    pub(crate) fn continued(&self) -> u32 {
        self.continued
    }

    /// Whether another worker can go on with it.
    pub(crate) fn may_go_on(&self) -> bool {
        !self.ended && !self.lost
    }

    /// Whether all was said, and only the stream's end is missing.
    pub(crate) fn lacks_only_the_end(&self) -> bool {
        self.ended && !self.lost
    }

    /// From now on another worker's events come; the client is told who they are from.
    pub(crate) fn go_on(&mut self, slot: &str) {
        // What came of the last event was not passed on, and is said again.
        self.partial.clear();
        self.continued += 1;
        if self.first.is_some() {
            self.notice = Some(format!(": another worker of {slot} goes on with the answer\n\n"));
        }
    }

    /// The request for the next worker; none when it cannot be made of this one's body.
    pub(crate) fn request(&self, body: &[u8]) -> Option<Bytes> {
        let mut request: Value = serde_json::from_slice(body).ok()?;
        if !self.text.is_empty() {
            let begun = request["continue_final_message"] == true;
            let messages = request.get_mut("messages")?.as_array_mut()?;
            // The client's own beginning of the answer, if there is one, comes before what was said here.
            let own = if begun { messages.pop() } else { None };
            let mut said = match own {
                Some(message) => message["content"].as_str()?.to_owned(),
                None => String::new(),
            };
            said.push_str(&self.text);
            messages.push(json!({ "role": "assistant", "content": said }));
            request["continue_final_message"] = json!(true);
        }
        Some(Bytes::from(request.to_string()))
    }

    /// Takes in a part of the stream and leaves the whole events of it.
    pub(crate) fn pass(&mut self, body: &mut Option<Bytes>, end_of_stream: bool) {
        if self.lost && self.continued == 0 {
            return;
        }
        self.partial.extend_from_slice(&body.take().unwrap_or_default());
        let mut out = BytesMut::new();
        while let Some(end) = find(&self.partial, EVENT_END) {
            let event = self.partial.split_to(end + EVENT_END.len());
            self.event(&event, &mut out);
        }
        if self.partial.len() > self.most {
            self.give_up();
        }
        if (self.lost && self.continued == 0) || end_of_stream {
            out.extend_from_slice(&self.partial.split());
        }
        *body = (!out.is_empty()).then(|| out.freeze());
    }

    fn give_up(&mut self) {
        self.lost = true;
        self.text = String::new();
    }

    fn event(&mut self, event: &[u8], out: &mut BytesMut) {
        let data = event.strip_prefix(b"data: ").and_then(|data| data.strip_suffix(EVENT_END));
        // Comments keep the connection alive, and say nothing.
        if event.starts_with(b":") || data.is_some_and(|data| data == LAST.as_bytes()) {
            return out.extend_from_slice(event);
        }
        let Some((data, chunk)) =
            data.and_then(|data| Some((data, serde_json::from_slice::<Chunk>(data).ok()?)))
        else {
            self.give_up();
            return out.extend_from_slice(event);
        };
        let first = self.first.is_none();
        let (id, created) = self.first.get_or_insert((chunk.id, chunk.created));
        let choice = chunk.choices.first();
        if let Some(choice) = choice {
            if choice.delta.refusal.is_some() || chunk.choices.len() > 1 {
                self.lost = true;
            }
            self.text.push_str(choice.delta.content.as_deref().unwrap_or_default());
            self.ended |= choice.finish_reason.is_some();
        }
        if self.continued == 0 || first {
            out.extend_from_slice(event);
        } else if choice.is_none_or(|choice| choice.delta.role.is_none()) {
            // The role, and the citations beside it, were told by the first worker.
            out.extend_from_slice(self.notice.take().unwrap_or_default().as_bytes());
            match serde_json::from_slice::<Value>(data) {
                Ok(mut value) => {
                    value["id"] = id.clone();
                    value["created"] = created.clone();
                    out.extend_from_slice(format!("data: {value}\n\n").as_bytes());
                }
                // It was read as a chunk just now.
                Err(_) => out.extend_from_slice(event),
            }
        }
        if self.text.len() > self.most {
            self.give_up();
        }
    }
}

/// Whether this header begins an answer that another worker can go on with.
pub(crate) fn is_continuable(response: &ResponseHeader) -> bool {
    let kind = response.headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    response.status == 200
        && response.headers.contains_key(CONTINUABLE_HEADER)
        && kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"))
        && !response.headers.contains_key(header::CONTENT_ENCODING)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Said {
        Said::new(1 << 16)
    }

    #[test]
    fn a_worker_says_which_answers_can_be_continued() {
        let mut response = ResponseHeader::build(200, None).unwrap();
        response.insert_header(header::CONTENT_TYPE, "text/event-stream").unwrap();
        assert!(!is_continuable(&response));
        response.insert_header(CONTINUABLE_HEADER, "1").unwrap();
        assert!(is_continuable(&response));
        response.insert_header(header::CONTENT_ENCODING, "gzip").unwrap();
        assert!(!is_continuable(&response));
    }

    fn chunk(id: &str, delta: &Value, reason: Value) -> String {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": reason });
        let chunk = json!({ "id": id, "created": id.len(), "choices": [choice] });
        format!("data: {chunk}\n\n")
    }

    fn passed(said: &mut Said, part: &str) -> String {
        let mut body = Some(Bytes::copy_from_slice(part.as_bytes()));
        said.pass(&mut body, false);
        String::from_utf8(body.unwrap_or_default().to_vec()).unwrap()
    }

    #[test]
    fn only_whole_events_pass_wherever_the_stream_is_cut() {
        let stream = [
            chunk("a", &json!({ "role": "assistant", "content": "" }), Value::Null),
            ": ping\n\n".to_owned(),
            chunk("a", &json!({ "content": "年假" }), Value::Null),
            chunk("a", &json!({ "content": "10" }), Value::Null),
        ]
        .concat();
        for cut in 0..stream.len() {
            let mut said = said();
            let mut told = Vec::new();
            for part in [&stream.as_bytes()[..cut], &stream.as_bytes()[cut..]] {
                let mut body = Some(Bytes::copy_from_slice(part));
                said.pass(&mut body, false);
                told.extend_from_slice(&body.unwrap_or_default());
                assert!(told.is_empty() || told.ends_with(EVENT_END));
            }
            assert_eq!(told, stream.as_bytes());
            assert_eq!(said.text, "年假10");
        }
    }

    #[test]
    fn the_next_worker_goes_on_in_the_same_stream() {
        let mut said = said();
        let first = chunk("a", &json!({ "role": "assistant", "content": "" }), Value::Null);
        passed(&mut said, &first);
        passed(&mut said, &chunk("a", &json!({ "content": "ten d" }), Value::Null));
        assert_eq!(passed(&mut said, "data: {\"id\":\"a"), "");
        assert!(said.may_go_on());

        let asked = br#"{"stream":true,"messages":[{"role":"user","content":"?"}]}"#;
        let request: Value = serde_json::from_slice(&said.request(asked).unwrap()).unwrap();
        assert_eq!(request["messages"][1], json!({ "role": "assistant", "content": "ten d" }));
        assert_eq!(request["continue_final_message"], true);

        said.go_on("blue");
        assert_eq!(passed(&mut said, &first.replace("\"a\"", "\"bb\"")), "");
        let next = passed(&mut said, &chunk("bb", &json!({ "content": "ays" }), Value::Null));
        let expected = chunk("a", &json!({ "content": "ays" }), Value::Null);
        assert_eq!(next, format!(": another worker of blue goes on with the answer\n\n{expected}"));
        let end = passed(&mut said, &chunk("bb", &json!({}), json!("stop")));
        assert_eq!(end, chunk("a", &json!({}), json!("stop")));
        assert!(said.lacks_only_the_end() && !said.may_go_on());
        assert_eq!(passed(&mut said, "data: [DONE]\n\n"), "data: [DONE]\n\n");
        assert_eq!(said.text, "ten days");
    }

    #[test]
    fn a_beginning_of_the_clients_own_stays_in_front() {
        let mut said = said();
        passed(&mut said, &chunk("a", &json!({ "content": "lo" }), Value::Null));
        let asked = br#"{"continue_final_message":true,"messages":[{"role":"user","content":"?"},
            {"role":"assistant","content":"Hel"}]}"#;
        let request: Value = serde_json::from_slice(&said.request(asked).unwrap()).unwrap();
        assert_eq!(request["messages"].as_array().unwrap().len(), 2);
        assert_eq!(request["messages"][1]["content"], "Hello");
    }

    #[test]
    fn an_answer_before_its_first_event_is_asked_for_as_it_was() {
        let mut said = said();
        let asked = br#"{"messages":[],"stream":true}"#;
        assert_eq!(said.request(asked).unwrap(), asked.as_slice());
        said.go_on("blue");
        let first = chunk("b", &json!({ "role": "assistant", "content": "" }), Value::Null);
        assert_eq!(passed(&mut said, &first), first);
    }

    #[test]
    fn what_is_too_long_or_not_understood_passes_and_is_not_continued() {
        for stream in ["data: what\n\n", "event: x\ndata: {}\n\n", "data: {\"error\":{}}\n\n"] {
            let mut said = said();
            assert_eq!(passed(&mut said, stream), stream);
            assert!(!said.may_go_on());
        }
        let mut too_long = said();
        let long = chunk("a", &json!({ "content": "x".repeat(1 << 16) }), Value::Null);
        assert_eq!(passed(&mut too_long, &long), long);
        assert_eq!(passed(&mut too_long, &long), long);
        assert!(!too_long.may_go_on());
        let mut endless = said();
        let part = "x".repeat((1 << 16) + 1);
        assert_eq!(passed(&mut endless, &part), part);
    }
}
