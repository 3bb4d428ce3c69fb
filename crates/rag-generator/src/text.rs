//! Token bytes into text: characters are never split, and stop texts are found across tokens.

/// Collects an answer's bytes and gives out text that can no longer change.
#[derive(Debug)]
pub(crate) struct TextStream {
    /// Bytes not given out: an unfinished character, or the beginning of what may become a stop text.
    held: Vec<u8>,
    stops: Vec<String>,
}

/// What became certain with the last bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// This text may be shown; it may be empty.
    Text(String),
    /// A stop text was found; the text before it may be shown.
    Stopped(String),
}

impl TextStream {
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { held: Vec::new(), stops: stops.into_iter().filter(|s| !s.is_empty()).collect() }
    }

    /// Takes the bytes of one token.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Settled {
        self.held.extend_from_slice(bytes);
        let complete = complete_characters(&self.held);
        let text = String::from_utf8_lossy(&self.held[..complete]).into_owned();
        if let Some(at) = self.stops.iter().filter_map(|stop| text.find(stop.as_str())).min() {
            self.held.clear();
            return Settled::Stopped(text[..at].to_owned());
        }
        let sure = text.len() - self.longest_stop_beginning(&text);
        let rest = self.held.split_off(complete);
        self.held = text.as_bytes()[sure..].to_vec();
        self.held.extend_from_slice(&rest);
        Settled::Text(text[..sure].to_owned())
    }

    /// The rest, when the answer has ended. An unfinished character becomes U+FFFD.
    pub(crate) fn finish(&mut self) -> String {
        let rest = String::from_utf8_lossy(&self.held).into_owned();
        self.held.clear();
        rest
    }

    /// Length in bytes of the longest end of `text` that is the beginning of a stop text.
    fn longest_stop_beginning(&self, text: &str) -> usize {
        self.stops
            .iter()
            .flat_map(|stop| stop.char_indices().skip(1).map(|(i, _)| &stop[..i]))
            .filter(|beginning| text.ends_with(beginning))
            .map(str::len)
            .max()
            .unwrap_or(0)
    }
}

/// How many of the bytes form complete characters; at most the last three may not (RFC 3629).
/// Bytes that can never become a character count as complete, so that they cannot be held forever.
fn complete_characters(bytes: &[u8]) -> usize {
    let mut start = 0;
    while let Err(error) = std::str::from_utf8(&bytes[start..]) {
        match error.error_len() {
            Some(invalid) => start += error.valid_up_to() + invalid,
            None => return start + error.valid_up_to(),
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes `chunks`, and checks the pieces given out and the end.
    fn check(stops: &[&str], chunks: &[&[u8]], pieces: &[&str], stopped: bool) {
        let mut stream = TextStream::new(stops.iter().map(|s| (*s).to_owned()).collect());
        let mut got = Vec::new();
        let mut ended = false;
        for chunk in chunks {
            match stream.push(chunk) {
                Settled::Text(text) => got.push(text),
                Settled::Stopped(text) => {
                    got.push(text);
                    ended = true;
                    break;
                }
            }
        }
        if !ended {
            got.push(stream.finish());
        }
        assert_eq!(got, pieces);
        assert_eq!(ended, stopped);
    }

    #[test]
    fn a_chinese_character_is_never_split() {
        let bytes = "年假".as_bytes();
        check(&[], &[&bytes[..1], &bytes[1..4], &bytes[4..]], &["", "年", "假", ""], false);
    }

    #[test]
    fn bytes_that_are_no_text_do_not_block_the_answer() {
        check(&[], &[b"a\xff", b"b"], &["a\u{fffd}", "b", ""], false);
        check(&[], &[b"a\xe5"], &["a", "\u{fffd}"], false);
    }

    #[test]
    fn a_stop_text_is_found_across_tokens_and_left_out() {
        check(&["END"], &[b"one E", b"N", b"D two"], &["one ", "", ""], true);
    }

    #[test]
    fn what_only_looked_like_a_stop_text_is_given_out() {
        check(&["END"], &[b"one E", b"N", b"O"], &["one ", "", "ENO", ""], false);
        check(&["。。"], &["好。".as_bytes(), "的".as_bytes()], &["好", "。的", ""], false);
    }

    #[test]
    fn the_earliest_of_several_stop_texts_wins() {
        check(&["two", "one"], &[b"a one two"], &["a "], true);
    }
}
