//! Tokens of PDF syntax, read from bytes that may be damaged (PDF 1.7, 7.2 and 7.3).

/// Arrays and dictionaries inside each other.
const DEEPEST: usize = 32;
/// Entries of one array or dictionary in a content stream.
const MOST_ENTRIES: usize = 100_000;

/// A value in a content stream or a `CMap`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(f32),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Array(Vec<Value>),
    Dictionary(Vec<(Vec<u8>, Value)>),
    /// `12 0 R`, which only objects of the file have.
    Reference(u32, u16),
    /// `true`, `false`, `null`.
    Other,
}

impl Value {
    pub(crate) fn number(&self) -> Option<f32> {
        if let Self::Number(n) = self { Some(*n) } else { None }
    }

    pub(crate) fn name(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    pub(crate) fn text(&self) -> Option<&[u8]> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// A value, or a word that is none: an operator.
pub(crate) enum Token<'a> {
    Value(Value),
    Word(&'a [u8]),
}

/// Reads tokens one by one. What makes no sense is skipped.
pub(crate) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                while self.peek().is_some_and(|b| b != b'\n' && b != b'\r') {
                    self.at += 1;
                }
            } else if is_space(byte) {
                self.at += 1;
            } else {
                break;
            }
        }
    }

    /// The next token; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.skip_space();
            match self.peek()? {
                b')' | b'>' | b']' | b'{' | b'}' => self.at += 1,
                b'/' | b'(' | b'<' | b'[' | b'+' | b'-' | b'.' | b'0'..=b'9' => {
                    if let Some(value) = self.value(0) {
                        return Some(Token::Value(value));
                    }
                }
                _ => return Some(self.word()),
            }
        }
    }

    fn regular(&mut self) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(|b| !is_space(b) && !is_delimiter(b)) {
            self.at += 1;
        }
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    fn word(&mut self) -> Token<'a> {
        match self.regular() {
            b"true" | b"false" | b"null" => Token::Value(Value::Other),
            word => Token::Word(word),
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.peek()? {
            b'/' => {
                self.at += 1;
                Some(Value::Name(self.name()))
            }
            b'(' => Some(Value::Text(self.literal())),
            b'<' if self.bytes.get(self.at + 1) == Some(&b'<') => self.dictionary(depth),
            b'<' => Some(Value::Text(self.hexadecimal())),
            b'[' => self.array(depth),
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        let (mut value, mut scale, mut fraction) = (0.0_f64, 1.0_f64, false);
        let mut negative = false;
        let mut digits = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    value = value * 10.0 + f64::from(byte - b'0');
                    if fraction {
                        scale *= 10.0;
                    }
                }
                b'.' if !fraction => fraction = true,
                b'-' if digits == 0 => negative = true,
                // "12-34" is read as 12, as other readers do.
                b'-' => {
                    self.regular();
                    break;
                }
                b'+' if self.at == start => {}
                _ => break,
            }
            self.at += 1;
        }
        // A number that runs into letters, as "0.5w", ends where the letters begin.
        if self.at == start {
            self.at += 1;
            return None;
        }
        let value = value / scale;
        let value = if negative { -value } else { value } as f32;
        Some(Value::Number(if value.is_finite() { value } else { 0.0 }))
    }

    fn name(&mut self) -> Vec<u8> {
        let raw = self.regular();
        if !raw.contains(&b'#') {
            return raw.to_vec();
        }
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let [first, tail @ ..] = rest {
            if let (b'#', Some(byte)) = (first, tail.get(..2).and_then(hexadecimal_pair)) {
                name.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            } else {
                name.push(*first);
                rest = tail;
            }
        }
        name
    }

    fn literal(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut text = Vec::new();
        let mut open = 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        break;
                    }
                }
                b'\\' => {
                    self.escape(&mut text);
                    continue;
                }
                b'\r' => {
                    if self.peek() == Some(b'\n') {
                        self.at += 1;
                    }
                    text.push(b'\n');
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
        text
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'\n' => {}
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
            }
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else { break };
                    code = code * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                text.push(code as u8);
            }
            other => text.push(other),
        }
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut text = Vec::new();
        let mut high = None;
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == b'>' {
                break;
            }
            let Some(digit) = char::from(byte).to_digit(16) else { continue };
            match high.take() {
                None => high = Some(digit as u8),
                Some(first) => text.push(first << 4 | digit as u8),
            }
        }
        text.extend(high.map(|digit| digit << 4));
        text
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.skip_space();
            let Some(byte) = self.peek() else { break };
            match byte {
                b']' => {
                    self.at += 1;
                    break;
                }
                b')' | b'>' | b'{' | b'}' => self.at += 1,
                b'[' | b'<' if depth >= DEEPEST => self.at += 1,
                b'/' | b'(' | b'<' | b'[' | b'+' | b'-' | b'.' | b'0'..=b'9' => {
                    let value = self.value(depth + 1);
                    if entries.len() < MOST_ENTRIES {
                        entries.extend(value);
                    }
                }
                _ => {
                    let start = self.at;
                    match self.word() {
                        // An operator inside an array: the array was never closed.
                        Token::Word(b"TJ" | b"Tj" | b"ET" | b"Td" | b"Tm") => {
                            self.at = start;
                            break;
                        }
                        Token::Word(b"R") => {
                            if let [.., Value::Number(number), Value::Number(generation)] =
                                entries[..]
                            {
                                entries.truncate(entries.len() - 2);
                                entries.push(reference(number, generation));
                            }
                        }
                        // One that does nothing there, and its operands are no part of what is shown.
                        Token::Word(_) | Token::Value(_) => {}
                    }
                }
            }
        }
        Some(Value::Array(entries))
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        self.at += 2;
        let mut entries = Vec::new();
        let mut key = None;
        // A number behind a value that is a number: `12 0` of `12 0 R`.
        let mut second = None;
        loop {
            self.skip_space();
            let Some(byte) = self.peek() else { break };
            match byte {
                b'>' => {
                    self.at += if self.bytes.get(self.at + 1) == Some(&b'>') { 2 } else { 1 };
                    break;
                }
                b')' | b']' | b'{' | b'}' => self.at += 1,
                b'[' | b'<' if depth >= DEEPEST => self.at += 1,
                b'/' | b'(' | b'<' | b'[' | b'+' | b'-' | b'.' | b'0'..=b'9' => {
                    let Some(value) = self.value(depth + 1) else { continue };
                    match (key.take(), value) {
                        (None, Value::Name(name)) => key = Some(name),
                        (None, Value::Number(generation)) => {
                            second = Some(generation);
                            continue;
                        }
                        (None, _) => {}
                        (Some(name), value) if entries.len() < MOST_ENTRIES => {
                            entries.push((name, value));
                        }
                        (Some(_), _) => {}
                    }
                }
                _ => {
                    if let Token::Word(b"R") = self.word()
                        && let Some(generation) = second
                        && let Some((_, value)) = entries.last_mut()
                        && let Value::Number(number) = *value
                    {
                        *value = reference(number, generation);
                    }
                    key = None;
                }
            }
            second = None;
        }
        Some(Value::Dictionary(entries))
    }

    /// Steps over the data of an inline image, after its `ID`: up to an `EI` that stands alone and
    /// is followed by what looks like instructions.
    pub(crate) fn skip_image(&mut self) {
        self.at += 1;
        while let Some(rest) = self.bytes.get(self.at..) {
            let Some(found) = rest.windows(2).position(|w| w == b"EI") else {
                self.at = self.bytes.len();
                return;
            };
            let at = self.at + found;
            let before = at.checked_sub(1).and_then(|i| self.bytes.get(i));
            let after = self.bytes.get(at + 2..(at + 12).min(self.bytes.len())).unwrap_or_default();
            self.at = at + 2;
            let parted =
                before.is_none_or(|b| is_space(*b)) && after.first().is_none_or(|b| is_space(*b));
            if parted && after.iter().all(|b| (b' '..0x7F).contains(b) || is_space(*b) && *b != 0) {
                return;
            }
        }
    }
}

/// A reference; numbers of objects that are none become 0, which no object has.
fn reference(number: f32, generation: f32) -> Value {
    Value::Reference(number as u32, generation as u16)
}

fn hexadecimal_pair(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|d| d as u8);
    Some(digit(*high)? << 4 | digit(*low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[Value]) {
        let mut lexer = Lexer::new(source.as_bytes());
        let mut found = Vec::new();
        while let Some(token) = lexer.next() {
            match token {
                Token::Value(value) => found.push(value),
                Token::Word(word) => found.push(Value::Name(word.to_vec())),
            }
        }
        assert_eq!(found, expected, "{source}");
    }

    fn text(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn numbers_are_read_as_other_readers_read_them() {
        let n = Value::Number;
        check("1 -2.5 +.5 --3 4.", &[n(1.0), n(-2.5), n(0.5), n(-3.0), n(4.0)]);
        check("12-34 5", &[n(12.0), n(5.0)]);
        check("0.5w", &[n(0.5), Value::Name(b"w".to_vec())]);
    }

    #[test]
    fn strings_keep_parentheses_and_escapes() {
        check(
            r"(a(b)c) (\(\101\7\n\
)",
            &[text("a(b)c"), text("(A\u{7}\n")],
        );
        check("<4A4> <>", &[text("J@"), text("")]);
    }

    #[test]
    fn what_is_never_closed_ends() {
        check(
            "[(a) 1 TJ",
            &[Value::Array(vec![text("a"), Value::Number(1.0)]), Value::Name(b"TJ".to_vec())],
        );
        check("<< /A", &[Value::Dictionary(Vec::new())]);
        check(&"[".repeat(1000), &[nested(DEEPEST)]);
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(Value::Array(Vec::new()), |inner, _| Value::Array(vec![inner]))
    }

    #[test]
    fn names_may_hold_any_byte() {
        check("/A#42#zz /", &[Value::Name(b"AB#zz".to_vec()), Value::Name(Vec::new())]);
    }
}
