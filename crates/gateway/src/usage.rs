//! Reads from a passing answer how many tokens it took, without keeping it.

/// What workers write in JSON answers, and at the end of streams when asked for it.
const NAME: &[u8] = b"\"total_tokens\":";
const EVENT: &[u8] = b"data:";
/// Digits of the largest number that is believed.
const LONGEST_NUMBER: usize = 15;

/// The tokens of one answer. A small machine that is fed byte by byte, so that it does not matter where parts end.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    said: Option<u64>,
    /// Events of a stream: about one token each.
    events: u64,
    /// Bytes of [`NAME`] that have been seen.
    in_name: usize,
    /// Bytes of [`EVENT`] that have been seen; only at the beginning of a line.
    in_event: Option<usize>,
    /// After the name: the digits so far.
    number: Option<(usize, u64)>,
    last: u8,
    began: bool,
}

impl Usage {
    /// Looks at the next part of the body.
    pub(crate) fn read(&mut self, part: &[u8]) {
        if !self.began && !part.is_empty() {
            self.began = true;
            self.in_event = Some(0);
        }
        for &byte in part {
            self.take(byte);
        }
    }

    fn take(&mut self, byte: u8) {
        if let Some((digits, number)) = self.number {
            match byte {
                b' ' if digits == 0 => {}
                b'0'..=b'9' if digits < LONGEST_NUMBER => {
                    let number = number * 10 + u64::from(byte - b'0');
                    self.number = Some((digits + 1, number));
                    self.said = Some(number);
                }
                _ => self.number = None,
            }
        }
        // Within an answer's text the quote is escaped, so words of the model are not taken for a count.
        if byte == NAME[self.in_name] && !(self.in_name == 0 && self.last == b'\\') {
            self.in_name += 1;
            if self.in_name == NAME.len() {
                self.in_name = 0;
                self.number = Some((0, 0));
            }
        } else {
            self.in_name = usize::from(byte == NAME[0] && self.last != b'\\');
        }
        self.in_event = match self.in_event {
            _ if byte == b'\n' => Some(0),
            Some(seen) if byte == EVENT[seen] => {
                if seen + 1 == EVENT.len() {
                    self.events += 1;
                    None
                } else {
                    Some(seen + 1)
                }
            }
            _ => None,
        };
        self.last = byte;
    }

    /// The worker's own count; when it gives none, one token for each event that was streamed.
    pub(crate) fn tokens(&self) -> u64 {
        self.said.unwrap_or(self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, tokens: u64) {
        for size in [1, 2, 3, 7, 1000] {
            let mut usage = Usage::default();
            text.as_bytes().chunks(size).for_each(|part| usage.read(part));
            assert_eq!(usage.tokens(), tokens, "in parts of {size}: {text}");
        }
    }

    #[test]
    fn the_workers_own_count_is_believed_wherever_the_parts_end() {
        check(r#"{"choices":[],"usage":{"prompt_tokens":7,"total_tokens":42},"citations":[]}"#, 42);
        check(r#"{"usage": {"total_tokens": 42}}"#, 42);
        check(
            "data: {\"choices\":[]}\n\ndata: {\"usage\":{\"total_tokens\":9}}\n\ndata: [DONE]\n\n",
            9,
        );
    }

    #[test]
    fn what_the_model_writes_is_not_a_count() {
        check(r#"{"content":"\"total_tokens\":1","usage":{"total_tokens":42}}"#, 42);
        check(r#"{"usage":{"total_tokens":42},"content":"say \"total_tokens\":1"}"#, 42);
        check(r#"{"content":"{\"total_tokens\":1}"}"#, 0);
    }

    #[test]
    fn a_stream_without_a_count_is_counted_by_its_events() {
        check("data: {\"a\":1}\n\ndata: {\"a\":2}\r\n\r\ndata:x\n\n: data: no\n\n", 3);
        check("", 0);
        check("{\"data: \":1}", 0);
    }

    #[test]
    fn a_number_without_end_is_cut() {
        check(&format!("{{\"total_tokens\":{}}}", "9".repeat(40)), 999_999_999_999_999);
    }
}
