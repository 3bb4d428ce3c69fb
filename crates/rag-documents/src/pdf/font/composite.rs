//! Fonts with codes of one to four bytes: Type 0 over a CID font (PDF 1.7, 9.7).

use std::cell::RefCell;
use std::collections::HashMap;

use lopdf::{Dictionary, Document as Pdf, Object};

use super::super::cids::Collection;
use super::super::cmap::{CMap, number};
use super::super::objects::{Objects, as_dictionary, plain};
use super::super::predefined::{Codes, Predefined, named};
use super::super::program::Program;
use super::numbers::Numbers;
use super::{Glyph, ToUnicode, clean, is_private, sign, widths};
use crate::symbols;

/// Codes that are remembered.
const MOST_KNOWN: usize = 100_000;
/// Maps that build on each other.
const DEEPEST_MAP: usize = 5;

pub(super) struct Composite {
    to_unicode: ToUnicode,
    encoding: Encoding,
    collection: Option<Collection>,
    /// `CIDToGIDMap`: two bytes for each CID.
    glyphs: Option<Vec<u8>>,
    program: Program,
    /// The font of signs that it is.
    family: Option<&'static str>,
    /// What glyph numbers mean where nothing in the file says it.
    numbers: Numbers,
    widths: HashMap<u32, f32>,
    default_width: f32,
    pub(super) vertical: bool,
    /// What was asked for before.
    known: RefCell<HashMap<(u8, u32), (String, f32)>>,
}

/// How codes are told apart, and what they select.
#[derive(Default)]
struct Encoding {
    named: Option<Predefined>,
    /// Embedded maps, that which builds on the others first.
    maps: Vec<CMap>,
}

impl Encoding {
    fn read(pdf: &Pdf, font: &Dictionary, limit: usize) -> Self {
        let mut encoding = Self::default();
        let mut value = pdf.value(font, b"Encoding");
        for _ in 0..DEEPEST_MAP {
            match value {
                Some(Object::Name(name)) => {
                    encoding.named = named(&String::from_utf8_lossy(name));
                    break;
                }
                Some(Object::Stream(stream)) => {
                    let Some(bytes) = plain(pdf, stream, limit) else { break };
                    let mut map = CMap::parse(&bytes);
                    map.vertical |= pdf.number(&stream.dict, b"WMode") == Some(1.0);
                    let parent = map.parent.as_deref().and_then(named);
                    encoding.maps.push(map);
                    value = pdf.value(&stream.dict, b"UseCMap");
                    if value.is_none() {
                        encoding.named = parent;
                        break;
                    }
                }
                _ => break,
            }
        }
        encoding
    }

    fn vertical(&self) -> bool {
        self.maps.first().map_or_else(|| self.named.is_some_and(|n| n.vertical), |map| map.vertical)
    }

    /// How many bytes the first code of `bytes` has.
    fn width_at(&self, bytes: &[u8], to_unicode: &ToUnicode) -> usize {
        if let Some(width) = self.maps.iter().find_map(|map| map.width_at(bytes)) {
            return width.into();
        }
        if let Some(named) = &self.named {
            return named.width_at(bytes);
        }
        let spaced = self.maps.iter().find(|map| map.has_spaces());
        let by_spaces = spaced.and_then(CMap::narrowest).or_else(|| match to_unicode {
            // The encoding is missing or unknown: the codes of the other map must do.
            ToUnicode::Map(map) => map.width_at(bytes).or_else(|| map.narrowest()),
            ToUnicode::None | ToUnicode::Identity => None,
        });
        by_spaces.unwrap_or(2).into()
    }

    /// The glyph that a map of the file gives.
    fn own_cid(&self, code: &[u8]) -> Option<u32> {
        self.maps.iter().find_map(|map| map.cid(code.len() as u8, number(code)))
    }

    fn cid(&self, code: &[u8]) -> Option<u32> {
        self.own_cid(code).or_else(|| match &self.named {
            Some(named) if named.codes == Codes::Identity => Some(number(code)),
            Some(_) => None,
            None => self.maps.is_empty().then(|| number(code)),
        })
    }
}

impl Composite {
    pub(super) fn read(pdf: &Pdf, font: &Dictionary, limit: usize) -> Self {
        let empty = Dictionary::new();
        let descendant = match pdf.value(font, b"DescendantFonts") {
            Some(Object::Array(fonts)) => fonts.first().and_then(|f| pdf.follow(f)),
            other => other,
        };
        let descendant = descendant.and_then(as_dictionary).unwrap_or(&empty);
        let to_unicode = ToUnicode::read(pdf, font, limit);
        let encoding = Encoding::read(pdf, font, limit);
        let ordering = pdf
            .dictionary(descendant, b"CIDSystemInfo")
            .and_then(|info| pdf.value(info, b"Ordering")?.as_str().ok());
        let collection = ordering
            .and_then(Collection::from_ordering)
            .or_else(|| encoding.named.and_then(|named| named.collection));
        let glyphs = pdf.stream(descendant, b"CIDToGIDMap").and_then(|s| plain(pdf, s, limit));
        let (widths, default_width) = widths::composite(pdf, descendant);
        let program = pdf
            .dictionary(descendant, b"FontDescriptor")
            .and_then(|d| {
                let stream = pdf.stream(d, b"FontFile2").or_else(|| pdf.stream(d, b"FontFile3"))?;
                plain(pdf, stream, limit)
            })
            .map(|data| Program::parse(&data))
            .unwrap_or_default();
        let vertical = encoding.vertical();
        let base_font = pdf.name(descendant, b"BaseFont").unwrap_or_default();
        let base_font = String::from_utf8_lossy(base_font);
        let family = symbols::family(&base_font);
        let numbers = if collection.is_none() {
            Numbers::of_program(&base_font, program.is_empty(), glyphs.is_some(), &widths)
        } else {
            Numbers::Unknown
        };
        let known = RefCell::default();
        Self {
            to_unicode,
            encoding,
            collection,
            glyphs,
            program,
            family,
            numbers,
            widths,
            default_width,
            vertical,
            known,
        }
    }

    pub(super) fn decode(&self, bytes: &[u8], mut each: impl FnMut(Glyph<'_>)) {
        let mut rest = bytes;
        let mut known = self.known.borrow_mut();
        while !rest.is_empty() {
            let width = self.encoding.width_at(rest, &self.to_unicode).clamp(1, rest.len());
            let (code, next) = rest.split_at(width);
            rest = next;
            if known.len() > MOST_KNOWN {
                known.clear();
            }
            let (text, width) = known
                .entry((code.len() as u8, number(code)))
                .or_insert_with(|| (self.text(code), self.width(code)));
            each(Glyph { text, width: *width, hang: 0.0, is_space: code == b" " });
        }
    }

    /// The text of a code, by whoever knows it best.
    fn text(&self, code: &[u8]) -> String {
        let mapped = self.to_unicode.text(code.len() as u8, number(code));
        if let Some(text) = mapped.as_ref().filter(|text| !is_private(text)) {
            return text.clone();
        }
        let cid = self.encoding.cid(code);
        // What a map of the file says goes before the map it builds on.
        let own = self.encoding.own_cid(code).is_some();
        let named = || self.encoding.named.filter(|_| !own)?.text(code);
        let collected = || Some(self.collection?.text(cid?)?.to_owned());
        let programmed = || {
            let cid = u16::try_from(cid?).ok()?;
            let text = match &self.glyphs {
                Some(map) => {
                    let at = usize::from(cid) * 2;
                    self.program.text_of_glyph(number(map.get(at..at + 2)?) as u16)
                }
                None => self.program.text_of_cid(cid),
            };
            text.map(str::to_owned)
        };
        let text = named()
            .or_else(collected)
            .or_else(programmed)
            .or_else(|| self.numbers.text(cid?))
            .map(|text| clean(&text))
            .filter(|text| !text.is_empty() && !is_private(text))
            .or_else(|| sign(self.family, mapped.as_deref()?))
            .or_else(|| mapped.clone());
        match text {
            Some(text) => text,
            // The glyph of no character shows nothing that could be read.
            None if cid == Some(0) => String::new(),
            None => char::REPLACEMENT_CHARACTER.to_string(),
        }
    }

    fn width(&self, code: &[u8]) -> f32 {
        let by_cid = |cid: u32| self.widths.get(&cid).copied();
        if let Some(cid) = self.encoding.cid(code) {
            return by_cid(cid).unwrap_or(self.default_width);
        }
        let Some(named) = self.encoding.named else { return self.default_width };
        let inverse = || {
            let text = named.text(code)?;
            by_cid(self.collection?.cid(text.chars().next()?)?)
        };
        let known = if self.widths.is_empty() { None } else { inverse() };
        known.unwrap_or(if named.half_width && code.len() == 1 {
            500.0
        } else {
            self.default_width
        })
    }
}
