//! ToUnicode maps: what the codes of a font mean (PDF 1.7, 9.10.3).

use std::collections::HashMap;

/// Mappings kept; fonts have at most 65,536 glyphs.
const MOST_MAPPINGS: usize = 200_000;
/// A code maps to a ligature at most; longer targets are noise.
const LONGEST_TARGET: usize = 64;

/// From code to text.
#[derive(Debug, Default)]
pub(crate) struct CMap {
    map: HashMap<(u8, u32), String>,
    /// Code widths (bytes) with their ranges, from the codespace.
    spaces: Vec<(u8, u32, u32)>,
}

enum Token {
    Hex(Vec<u8>),
    Open,
    Close,
    Word(String),
}

impl CMap {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut map = Self::default();
        let mut held: Vec<Token> = Vec::new();
        let tokens = Tokens { bytes, at: 0 };
        for token in tokens {
            if let Token::Word(word) = &token {
                match word.as_str() {
                    "endcodespacerange" => map.codespace(&held),
                    "endbfchar" => map.chars(&held),
                    "endbfrange" => map.ranges(&held),
                    _ => {}
                }
                held.clear();
            } else if held.len() < MOST_MAPPINGS {
                held.push(token);
            }
        }
        map
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub(crate) fn get(&self, width: u8, code: u32) -> Option<&str> {
        self.map.get(&(width, code)).map(String::as_str)
    }

    /// The width in bytes of the code at the start of `bytes`, by the codespace.
    pub(crate) fn width_at(&self, bytes: &[u8]) -> Option<u8> {
        (1..=4).find(|width| {
            let Some(code) = bytes.get(..usize::from(*width)).map(number) else { return false };
            self.spaces.iter().any(|(w, low, high)| w == width && (*low..=*high).contains(&code))
        })
    }

    fn codespace(&mut self, held: &[Token]) {
        for pair in held.chunks(2) {
            if let [Token::Hex(low), Token::Hex(high)] = pair
                && (1..=4).contains(&low.len())
                && self.spaces.len() < 100
            {
                self.spaces.push((low.len() as u8, number(low), number(high)));
            }
        }
    }

    fn chars(&mut self, held: &[Token]) {
        for pair in held.chunks(2) {
            if let [Token::Hex(code), Token::Hex(target)] = pair {
                self.put(code.len(), number(code), utf16(target));
            }
        }
    }

    fn ranges(&mut self, held: &[Token]) {
        let mut tokens = held.iter();
        while let (Some(Token::Hex(low)), Some(Token::Hex(high)), Some(target)) =
            (tokens.next(), tokens.next(), tokens.next())
        {
            let (width, low, high) = (low.len(), number(low), number(high));
            match target {
                Token::Hex(first) => {
                    for (step, code) in (low..=high).take(65_536).enumerate() {
                        self.put(width, code, utf16(&increment(first, step as u32)));
                    }
                }
                Token::Open => {
                    let mut code = low;
                    for token in tokens.by_ref() {
                        match token {
                            Token::Hex(target) if code <= high => {
                                self.put(width, code, utf16(target));
                                code = code.saturating_add(1);
                            }
                            Token::Close => break,
                            Token::Hex(_) | Token::Open | Token::Word(_) => {}
                        }
                    }
                }
                Token::Close | Token::Word(_) => {}
            }
        }
    }

    fn put(&mut self, width: usize, code: u32, text: String) {
        if (1..=4).contains(&width) && self.map.len() < MOST_MAPPINGS {
            self.map.insert((width as u8, code), text);
        }
    }
}

/// Big-endian; more than four bytes are no code.
pub(crate) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |n, b| n << 8 | u32::from(*b))
}

/// The target of the code `step` places into a range: its last UTF-16 unit counts up.
fn increment(target: &[u8], step: u32) -> Vec<u8> {
    let mut target = target.to_vec();
    let mut carry = step;
    for byte in target.iter_mut().rev().take(2) {
        let sum = u32::from(*byte) + carry;
        *byte = (sum & 0xFF) as u8;
        carry = sum >> 8;
    }
    target
}

fn utf16(bytes: &[u8]) -> String {
    let bytes = bytes.get(..LONGEST_TARGET).unwrap_or(bytes);
    if let [byte] = bytes {
        return char::from(*byte).to_string();
    }
    let units = bytes.chunks(2).map(|unit| number(unit) as u16);
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Tokens<'_> {
    fn until(&mut self, end: impl Fn(u8) -> bool) -> &[u8] {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|b| !end(*b)) {
            self.at += 1;
        }
        self.bytes.get(start..self.at).unwrap_or_default()
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            self.until(|b| !b.is_ascii_whitespace() && b != 0);
            let byte = *self.bytes.get(self.at)?;
            match byte {
                b'%' => {
                    self.until(|b| matches!(b, b'\n' | b'\r'));
                }
                b'<' if self.bytes.get(self.at + 1) == Some(&b'<') => self.at += 2,
                b'>' => self.at += 1,
                b'<' => {
                    self.at += 1;
                    let digits: Vec<u8> = self
                        .until(|b| b == b'>')
                        .iter()
                        .filter_map(|b| char::from(*b).to_digit(16).map(|d| d as u8))
                        .collect();
                    self.at += 1;
                    let byte = |pair: &[u8]| match pair {
                        [high, low] => high << 4 | low,
                        [high] => high << 4,
                        _ => 0,
                    };
                    return Some(Token::Hex(digits.chunks(2).map(byte).collect()));
                }
                b'[' => {
                    self.at += 1;
                    return Some(Token::Open);
                }
                b']' => {
                    self.at += 1;
                    return Some(Token::Close);
                }
                b'(' | b')' | b'{' | b'}' => self.at += 1,
                _ => {
                    // A name keeps its slash and so is no operator.
                    let start = self.at;
                    self.at += 1;
                    self.until(|b| b.is_ascii_whitespace() || b"<>[]()/{}%".contains(&b));
                    let word = self.bytes.get(start..self.at).unwrap_or_default();
                    return Some(Token::Word(String::from_utf8_lossy(word).into_owned()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_ranges_and_arrays_are_read() {
        let map = CMap::parse(
            b"1 begincodespacerange <0000> <FFFF> endcodespacerange
              2 beginbfchar <0001> <5E74> <0002> <00660069> endbfchar
              2 beginbfrange <0010> <0012> <4E00> <0020> <0021> [<0041> <D83DDE00>] endbfrange",
        );
        for (code, text) in
            [(1, "年"), (2, "fi"), (0x10, "一"), (0x12, "丂"), (0x20, "A"), (0x21, "😀")]
        {
            assert_eq!(map.get(2, code), Some(text), "{code}");
        }
        assert_eq!(map.get(2, 0x22), None);
        assert_eq!(map.width_at(b"\x00\x01"), Some(2));
    }

    #[test]
    fn noise_is_no_map() {
        for noise in [&b"<"[..], b"<0", b"[[[", b"%"] {
            assert!(CMap::parse(noise).map.is_empty(), "{noise:?}");
        }
    }

    #[test]
    fn a_range_of_all_codes_is_cut_short() {
        let map = CMap::parse(b"beginbfrange <00> <FFFFFFFF> <0000> endbfrange");
        assert_eq!(map.get(1, 0x41), Some("A"));
        assert!(map.map.len() <= 65_536, "{} mappings", map.map.len());
    }
}
