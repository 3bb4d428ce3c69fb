//! Character maps in streams: from codes to text or to glyphs (PDF 1.7, 9.7.5 and 9.10.3).

use std::collections::HashMap;

use super::lexer::{Lexer, Token, Value};

/// Mappings kept; fonts have at most 65,536 glyphs.
const MOST_MAPPINGS: usize = 200_000;
/// Operands before an operator.
const MOST_OPERANDS: usize = 200_000;
/// A code maps to a ligature at most; longer targets are noise.
const LONGEST_TARGET: usize = 64;

/// What the codes of a font's strings mean.
#[derive(Debug, Default)]
pub(crate) struct CMap {
    texts: HashMap<(u8, u32), String>,
    text_ranges: Vec<(Range, Vec<u8>)>,
    cid_ranges: Vec<(Range, u32)>,
    /// The codes there are: the lowest and highest value of each of their bytes.
    spaces: Vec<(Vec<u8>, Vec<u8>)>,
    /// The map it builds on, by name.
    pub(crate) parent: Option<String>,
    /// Whether it is for vertical writing.
    pub(crate) vertical: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    width: u8,
    low: u32,
    high: u32,
}

impl CMap {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut map = Self::default();
        let mut held: Vec<Value> = Vec::new();
        let mut lexer = Lexer::new(bytes);
        while let Some(token) = lexer.next() {
            match token {
                Token::Value(value) if held.len() < MOST_OPERANDS => held.push(value),
                Token::Value(_) => {}
                Token::Word(word) => {
                    map.operate(word, &held);
                    held.clear();
                }
            }
        }
        map.text_ranges.sort_by_key(|(range, _)| *range);
        map.cid_ranges.sort_by_key(|(range, _)| *range);
        map
    }

    fn operate(&mut self, word: &[u8], held: &[Value]) {
        match word {
            b"endcodespacerange" => self.codespace(held),
            b"endbfchar" => self.chars(held),
            b"endbfrange" => self.ranges(held),
            b"endcidchar" => {
                for pair in held.chunks_exact(2) {
                    if let [Value::Text(code), Value::Number(cid)] = pair {
                        self.put_cids(code, code, *cid);
                    }
                }
            }
            b"endcidrange" => {
                for triple in held.chunks_exact(3) {
                    if let [Value::Text(low), Value::Text(high), Value::Number(cid)] = triple {
                        self.put_cids(low, high, *cid);
                    }
                }
            }
            b"usecmap" => {
                let name = held.last().and_then(Value::name);
                self.parent = name.map(|name| String::from_utf8_lossy(name).into_owned());
            }
            b"def" => {
                if let [.., Value::Name(key), Value::Number(mode)] = held
                    && key == b"WMode"
                {
                    self.vertical = *mode == 1.0;
                }
            }
            _ => {}
        }
    }

    /// Whether it gives no text.
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.text_ranges.is_empty()
    }

    /// The text of a code of `width` bytes.
    pub(crate) fn text(&self, width: u8, code: u32) -> Option<String> {
        if let Some(text) = self.texts.get(&(width, code)) {
            return Some(text.clone());
        }
        let (range, target) = find(&self.text_ranges, width, code)?;
        Some(utf16(&increment(target, code - range.low)))
    }

    /// The glyph of a code of `width` bytes.
    pub(crate) fn cid(&self, width: u8, code: u32) -> Option<u32> {
        let (range, first) = find(&self.cid_ranges, width, code)?;
        first.checked_add(code - range.low)
    }

    pub(crate) fn has_spaces(&self) -> bool {
        !self.spaces.is_empty()
    }

    /// The width in bytes of the code at the start of `bytes`, by the codespace.
    pub(crate) fn width_at(&self, bytes: &[u8]) -> Option<u8> {
        (1..=4).find(|width| {
            let Some(code) = bytes.get(..usize::from(*width)) else { return false };
            self.spaces.iter().any(|(low, high)| {
                low.len() == code.len()
                    && code.iter().zip(low.iter().zip(high)).all(|(b, (l, h))| (l..=h).contains(&b))
            })
        })
    }

    /// The shortest code there is: what is stepped over where nothing fits.
    pub(crate) fn narrowest(&self) -> Option<u8> {
        self.spaces.iter().map(|(low, _)| low.len() as u8).min()
    }

    fn codespace(&mut self, held: &[Value]) {
        for pair in held.chunks_exact(2) {
            if let [Value::Text(low), Value::Text(high)] = pair
                && (1..=4).contains(&low.len())
                && low.len() == high.len()
                && self.spaces.len() < 100
            {
                self.spaces.push((low.clone(), high.clone()));
            }
        }
    }

    fn chars(&mut self, held: &[Value]) {
        for pair in held.chunks_exact(2) {
            if let [Value::Text(code), target] = pair {
                self.put(code.len(), number(code), target);
            }
        }
    }

    fn ranges(&mut self, held: &[Value]) {
        for triple in held.chunks_exact(3) {
            let [Value::Text(low), Value::Text(high), target] = triple else { continue };
            let (width, low, high) = (low.len(), number(low), number(high));
            match target {
                Value::Text(first)
                    if (1..=4).contains(&width)
                        && low <= high
                        && self.text_ranges.len() < MOST_MAPPINGS =>
                {
                    let first = first.get(..LONGEST_TARGET).unwrap_or(first).to_vec();
                    self.text_ranges.push((Range { width: width as u8, low, high }, first));
                }
                Value::Array(targets) => {
                    for (code, target) in (low..=high).zip(targets) {
                        self.put(width, code, target);
                    }
                }
                _ => {}
            }
        }
    }

    fn put(&mut self, width: usize, code: u32, target: &Value) {
        if (1..=4).contains(&width) && self.texts.len() < MOST_MAPPINGS {
            let text = match target {
                Value::Text(target) => utf16(target),
                Value::Name(name) => {
                    let meaning = super::names::meaning(&String::from_utf8_lossy(name));
                    meaning.unwrap_or_default()
                }
                _ => return,
            };
            self.texts.insert((width as u8, code), text);
        }
    }

    fn put_cids(&mut self, low: &[u8], high: &[u8], cid: f32) {
        let range = Range { width: low.len() as u8, low: number(low), high: number(high) };
        let known = (1..=4).contains(&low.len()) && range.low <= range.high && cid >= 0.0;
        if known && self.cid_ranges.len() < MOST_MAPPINGS {
            self.cid_ranges.push((range, cid as u32));
        }
    }
}

/// The range that holds a code: the last one that begins at or before it, or one a little before that.
fn find<T>(ranges: &[(Range, T)], width: u8, code: u32) -> Option<(Range, &T)> {
    const OVERLAPPING: usize = 4;
    let end = ranges.partition_point(|(range, _)| (range.width, range.low) <= (width, code));
    let near = ranges.get(end.saturating_sub(OVERLAPPING)..end)?;
    let holds = |range: &Range| range.width == width && (range.low..=range.high).contains(&code);
    near.iter().rev().find(|(range, _)| holds(range)).map(|(range, target)| (*range, target))
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
        let sum = u32::from(*byte).saturating_add(carry);
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
            assert_eq!(map.text(2, code).as_deref(), Some(text), "{code}");
        }
        assert_eq!(map.text(2, 0x22), None);
        assert_eq!(map.width_at(b"\x00\x01"), Some(2));
    }

    #[test]
    fn glyphs_of_codes_of_several_widths_are_read() {
        let map = CMap::parse(
            b"/GBK-EUC-H usecmap /WMode 1 def
              2 begincodespacerange <00> <80> <8140> <FEFE> endcodespacerange
              1 begincidrange <20> <7e> 814 endcidrange 1 begincidchar <8140> 7 endcidchar",
        );
        assert_eq!((map.cid(1, 0x41), map.cid(2, 0x8140)), (Some(847), Some(7)));
        assert_eq!((map.cid(2, 0x8141), map.cid(2, 0x41)), (None, None));
        assert_eq!((map.width_at(b"A"), map.width_at(b"\x81\x40")), (Some(1), Some(2)));
        // A second byte outside its range is no code, whatever the number says.
        assert_eq!(map.width_at(b"\x82\x00"), None);
        assert_eq!(map.parent.as_deref(), Some("GBK-EUC-H"));
        assert!(map.vertical);
    }

    #[test]
    fn noise_is_no_map() {
        for noise in [&b"<"[..], b"<0", b"[[[", b"%"] {
            assert!(CMap::parse(noise).is_empty(), "{noise:?}");
        }
    }

    #[test]
    fn a_range_of_all_codes_takes_no_room() {
        let map = CMap::parse(b"beginbfrange <00000000> <FFFFFFFF> <0000> endbfrange");
        assert_eq!(map.text(4, 0x41).as_deref(), Some("A"));
        assert_eq!(map.text_ranges.len(), 1);
    }
}
