//! OpenAI's streams of server-sent events, read as its clients do.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a stream said.
#[derive(Debug, Default)]
pub struct Stream {
    pub text: String,
    pub ids: BTreeSet<String>,
    /// Events that told a role.
    pub roles: usize,
    pub comments: Vec<String>,
    pub finish_reason: Option<String>,
    pub usage: Option<Value>,
    pub citations: Option<Value>,
    /// `[DONE]` was its last event.
    pub done: bool,
}

impl Stream {
    /// Reads a whole stream; anything in it that is no event is a defect.
    pub fn read(body: &[u8]) -> Self {
        let mut stream = Self::default();
        stream.take(std::str::from_utf8(body).expect("a stream in UTF-8"));
        stream
    }

    /// Takes whole events in.
    pub fn take(&mut self, events: &str) {
        for event in events.split_terminator("\n\n") {
            assert!(!self.done, "an event after the last: {event}");
            if let Some(comment) = event.strip_prefix(':') {
                self.comments.push(comment.trim().to_owned());
                continue;
            }
            let data = event.strip_prefix("data: ").unwrap_or_else(|| panic!("no event: {event}"));
            if data == "[DONE]" {
                self.done = true;
                continue;
            }
            let chunk: Value = serde_json::from_str(data).unwrap();
            self.ids.insert(chunk["id"].as_str().unwrap().to_owned());
            let choice = &chunk["choices"][0];
            self.roles += usize::from(choice["delta"]["role"].is_string());
            self.text.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
            if let Some(reason) = choice["finish_reason"].as_str() {
                self.finish_reason = Some(reason.to_owned());
            }
            for (field, kept) in [("usage", &mut self.usage), ("citations", &mut self.citations)] {
                if chunk[field].is_object() || chunk[field].is_array() {
                    *kept = Some(chunk[field].clone());
                }
            }
        }
    }
}
