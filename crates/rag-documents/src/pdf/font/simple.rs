//! Fonts with one-byte codes: Type 1, TrueType, Type 3 (PDF 1.7, 9.6).

use std::ops::RangeInclusive;

use lopdf::{Dictionary, Document as Pdf, Object};

use super::super::names::{self, Letters};
use super::super::objects::{Objects, plain};
use super::super::program::Program;
use super::{Glyph, ToUnicode, clean, drawn, is_private, sign, widths};
use crate::symbols;

/// `FontDescriptor` flag: the font has its own set of characters (PDF 1.7, table 123).
const SYMBOLIC: i64 = 4;

pub(super) struct Simple {
    texts: Vec<String>,
    widths: [f32; 256],
    hangs: [f32; 256],
    /// What the font's size is multiplied with to be that of its letters.
    pub(super) em: f32,
}

impl Simple {
    pub(super) fn read(pdf: &Pdf, font: &Dictionary, base_font: &str, limit: usize) -> Self {
        let descriptor = pdf.dictionary(font, b"FontDescriptor");
        let to_unicode = ToUnicode::read(pdf, font, limit);
        let program = descriptor.map(|d| embedded(pdf, d, limit)).unwrap_or_default();
        let encoding = Encoding::read(pdf, font, base_font, &program);
        let widths = widths::simple(pdf, font, base_font, &encoding.names);
        let hang = |code: usize| {
            let name = encoding.names.get(code).and_then(Option::as_deref);
            name.map_or(0.0, names::hang)
        };
        let hangs = std::array::from_fn(hang);
        let mut texts: Vec<String> =
            (0..=255_u8).map(|code| encoding.text(code, &to_unicode, &program)).collect();
        tell_signs(&mut texts, &to_unicode);
        let is_drawn = pdf.name(font, b"Subtype") == Some(b"Type3");
        let em = || drawn::em(pdf, font, &encoding.names, &texts, &widths);
        let em = if is_drawn { em() } else { 1.0 };
        Self { texts, widths, hangs, em }
    }

    pub(super) fn decode(&self, bytes: &[u8], mut each: impl FnMut(Glyph<'_>)) {
        for byte in bytes {
            let code = usize::from(*byte);
            let text = self.texts.get(code).map_or("\u{FFFD}", String::as_str);
            let width = self.widths.get(code).copied().unwrap_or_default();
            let hang = self.hangs.get(code).copied().unwrap_or_default();
            each(Glyph { text, width, hang, is_space: *byte == b' ' });
        }
    }
}

/// Signs that nothing tells are those of ASCII where the map to Unicode says so of most digits and signs that it has: who made the
/// font gave names of their own to some of them.
fn tell_signs(texts: &mut [String], to_unicode: &ToUnicode) {
    /// Digits and signs that are those of ASCII.
    const FEWEST: usize = 8;
    let signs = || (b'!'..=b'~').filter(|code| !code.is_ascii_alphabetic());
    let mapped: Vec<bool> = signs()
        .filter_map(|code| Some(to_unicode.text(1, code.into())?.as_bytes() == [code]))
        .collect();
    let own = mapped.iter().filter(|is_own| **is_own).count();
    if own < FEWEST || own * 2 <= mapped.len() {
        return;
    }
    let unknown = char::REPLACEMENT_CHARACTER.to_string();
    for code in signs() {
        if let Some(text) = texts.get_mut(usize::from(code)).filter(|text| **text == unknown) {
            *text = char::from(code).to_string();
        }
    }
}

/// The program embedded under a descriptor.
fn embedded(pdf: &Pdf, descriptor: &Dictionary, limit: usize) -> Program {
    let data = |key: &[u8]| pdf.stream(descriptor, key).and_then(|s| plain(pdf, s, limit));
    if let Some(data) = data(b"FontFile") {
        // Some writers put a program of another kind under the wrong key.
        if data.starts_with(b"%!") || data.starts_with(b"\x80\x01") {
            Program::parse_type1(&data)
        } else {
            Program::parse(&data)
        }
    } else {
        data(b"FontFile2")
            .or_else(|| data(b"FontFile3"))
            .map(|d| Program::parse(&d))
            .unwrap_or_default()
    }
}

/// What a font dictionary says of its codes.
struct Encoding {
    names: Vec<Option<String>>,
    /// Whether it is a font of signs, whose names may be numbers.
    signs: bool,
    /// The font of signs that it is, where Adobe has no encoding for it.
    family: Option<&'static str>,
    /// Whether it has no letters and signs, but lines that drawings are made of.
    lines: bool,
    /// Whether a publisher's system made it.
    publisher: bool,
    /// The encoding of TeX's of which names that count their codes count the letters.
    counted: Option<Letters>,
    /// Whether names that are no more than a number are codes of Windows.
    numbered: bool,
    /// Whether only the program knows what the codes mean.
    by_program: bool,
}

impl Encoding {
    fn read(pdf: &Pdf, font: &Dictionary, base_font: &str, program: &Program) -> Self {
        let descriptor = pdf.dictionary(font, b"FontDescriptor");
        let flags = descriptor.and_then(|d| pdf.value(d, b"Flags")?.as_i64().ok());
        let symbolic = flags.is_some_and(|flags| flags & SYMBOLIC != 0);
        let true_type = pdf.name(font, b"Subtype") == Some(b"TrueType");
        let value = pdf.value(font, b"Encoding");
        let said = match value {
            Some(Object::Name(name)) => Some(name.as_slice()),
            Some(Object::Dictionary(dictionary)) => pdf.name(dictionary, b"BaseEncoding"),
            _ => None,
        };
        let said = said.and_then(|name| names::encoding(&String::from_utf8_lossy(name)));
        let standard_font = base_font.split_once('+').map_or(base_font, |(_, name)| name);
        let own = ["Symbol", "ZapfDingbats"]
            .into_iter()
            .find(|name| standard_font.starts_with(name))
            .and_then(names::encoding);
        let windows = true_type && (symbolic || descriptor.is_none());
        let base =
            said.or(own).or_else(|| names::encoding(if windows { "WinAnsi" } else { "Standard" }));
        let mut glyphs: Vec<Option<String>> = base
            .unwrap_or_default()
            .iter()
            .map(|name| (!name.is_empty()).then(|| (*name).to_owned()))
            .collect();
        glyphs.resize(256, None);
        if said.is_none() {
            for (code, place) in (0..=255_u8).zip(&mut glyphs) {
                if let Some(name) = program.name(code) {
                    *place = Some(name.to_owned());
                }
            }
        }
        let mut differences = false;
        if let Some(Object::Dictionary(dictionary)) = value
            && let Some(array) = pdf.array(dictionary, b"Differences")
        {
            let mut code = 0_usize;
            for entry in array.iter().filter_map(|entry| pdf.follow(entry)) {
                if let Ok(name) = entry.as_name() {
                    if let Some(place) = glyphs.get_mut(code) {
                        *place = Some(String::from_utf8_lossy(name).into_owned());
                        differences = true;
                    }
                    code = code.saturating_add(1);
                } else if let Ok(first) = entry.as_i64() {
                    code = usize::try_from(first).unwrap_or(usize::MAX);
                }
            }
        }
        let shown = shown(pdf, font, &glyphs);
        let (counted, numbered) = (counted(&shown), is_numbered(&shown));
        Self {
            counted,
            numbered,
            names: glyphs,
            signs: base_font.contains("Dingbats"),
            family: symbols::family(base_font),
            lines: symbols::draws_lines(base_font),
            publisher: standard_font.starts_with("Adv"),
            by_program: true_type && !differences && (symbolic || said.is_none()),
        }
    }

    /// The text of a code, by whoever knows it best.
    fn text(&self, code: u8, to_unicode: &ToUnicode, program: &Program) -> String {
        if self.lines {
            return String::new();
        }
        // Two-byte codes in the map of a one-byte font are a common mistake.
        let mapped = to_unicode.text(1, code.into()).or_else(|| to_unicode.text(2, code.into()));
        if let Some(text) = mapped.as_ref().filter(|text| !is_private(text)) {
            return plain_letter(code, text, program).unwrap_or_else(|| text.clone());
        }
        let by_program = || program.text_of_code(code).map(str::to_owned);
        let name = self.names.get(usize::from(code)).and_then(Option::as_deref);
        let by_name = || {
            // Its codes have the names of letters, which its signs are not.
            let own = |family: &&str| !["symbol", symbols::ANY].contains(family);
            if let Some(family) = self.family.filter(own) {
                return symbols::meaning(family, 0xF000 + u32::from(code)).map(String::from);
            }
            let name = name?;
            // Numbers are names of signs, too: "a84" is one of dingbats, and the letter T of a bitmap font of TeX's.
            if self.publisher
                && let Some(sign) = names::of_publisher(name)
            {
                Some(sign.to_owned())
            } else if !self.signs && names::counts(name, code) && !is_letter(name) {
                names::counted(name, code, self.counted?).map(str::to_owned)
            } else if self.numbered && is_number(name, code) {
                let windows = names::encoding("WinAnsi").unwrap_or_default();
                names::meaning(windows.get(usize::from(code))?)
            } else {
                names::meaning(name)
            }
        };
        let text = if self.by_program {
            by_program().or_else(by_name)
        } else {
            by_name().or_else(by_program)
        };
        let text = text.map(|text| clean(&text)).filter(|text| !text.is_empty());
        let signed = || sign(self.family, mapped.as_deref()?);
        let text = text.filter(|text| !is_private(text)).or_else(signed);
        match (text.or_else(|| mapped.clone()), name) {
            (Some(text), _) => text,
            // The codes of white space and of no glyph at all show nothing.
            (None, None | Some(".notdef")) if code < 0x20 => String::new(),
            (None, Some(name)) if names::says_nothing(name) => String::new(),
            (None, _) => char::REPLACEMENT_CHARACTER.to_string(),
        }
    }
}

/// The names of the glyphs that a font has: a bitmap font may name all codes, but draws only some of them, and in others the names
/// of letters are those of any font.
fn shown(pdf: &Pdf, font: &Dictionary, names: &[Option<String>]) -> Vec<Option<String>> {
    let drawn = pdf.dictionary(font, b"CharProcs").filter(|drawn| !drawn.is_empty());
    let is_own = |name: &&String| match drawn {
        Some(drawn) => drawn.has(name.as_bytes()),
        None => name.len() > 1,
    };
    names.iter().map(|name| name.as_ref().filter(is_own).cloned()).collect()
}

/// The letter that a program names by its own code, in a font whose map is one for the Chinese or Korean font beside it: it counts
/// on from a multiple of 256.
fn plain_letter(code: u8, mapped: &str, program: &Program) -> Option<String> {
    let mut chars = mapped.chars();
    let (mapped, None) = (u32::from(chars.next()?), chars.next()) else { return None };
    if mapped < 0x1100 || mapped % 256 != u32::from(code) || !code.is_ascii_graphic() {
        return None;
    }
    let letter = char::from(code).to_string();
    (names::meaning(program.name(code)?)? == letter).then_some(letter)
}

/// Whether a name is that of a letter in any font, though it may be its code, too.
fn is_letter(name: &str) -> bool {
    name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// How many of these codes have a name that `is` one of its kind.
fn how_many(
    codes: impl IntoIterator<Item = u8>,
    names: &[Option<String>],
    is: fn(&str, u8) -> bool,
) -> usize {
    let named = |code: &u8| {
        let name = names.get(usize::from(*code)).and_then(Option::as_deref);
        name.is_some_and(|name| is(name, *code))
    };
    codes.into_iter().filter(named).count()
}

/// The encoding of TeX's in which names that only count their codes do so; `None` for fonts that another program renumbered, which
/// have no code to spare, and those of signs, which have more of the first ones, Greek capitals and accents, than of small letters.
fn counted(names: &[Option<String>]) -> Option<Letters> {
    let count = |codes: RangeInclusive<u8>| how_many(codes, names, names::counts);
    let (first, all) = (count(0..=10), count(0..=255));
    let renumbered = (0..=255).take(all).all(|code| count(code..=code) == 1);
    if first >= 4 && (renumbered || count(b'a'..=b'z') < first) {
        None
    } else if is_cyrillic(names) {
        Some(Letters::Cyrillic)
    } else if count(11..=15) > count(27..=31) && count(0x80..=0xFF) == 0 {
        Some(Letters::Old)
    } else if count(b'A'..=b'Z') + count(b'a'..=b'z') == 0 && count(0x80..=0xBF) > 0 {
        Some(Letters::Companion)
    } else {
        Some(Letters::Western)
    }
}

/// Whether names that only count their codes do so for a Russian text in TeX's T2A: most of its letters stand where other encodings
/// have the few that are accented.
fn is_cyrillic(names: &[Option<String>]) -> bool {
    // The most frequent letters are in any text: о, е, а, и, н and т; or their capitals, in a title.
    const USUAL: [u8; 6] = [0xEE, 0xE5, 0xE0, 0xE8, 0xED, 0xF2];
    let usual = |from: u8| how_many(USUAL.map(|code| code - from), names, names::counts);
    let high = how_many(0xC0..=0xFF, names, names::counts);
    let low = how_many((b'A'..=b'Z').chain(b'a'..=b'z'), names, names::counts);
    high >= 8 && high > 2 * low && usual(0).max(usual(0x20)) >= 4
}

/// Whether glyphs that are named by their numbers have those of characters: glyphs that were only counted have the first ones, too,
/// of which tabs and line ends are all that a text has.
fn is_numbered(names: &[Option<String>]) -> bool {
    how_many(0..=0x1F, names, is_number) <= 3 && how_many(0x20..=0xFF, names, is_number) >= 4
}

fn is_number(name: &str, code: u8) -> bool {
    name.parse() == Ok(code)
}
