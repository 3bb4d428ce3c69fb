//! Fonts: from the codes of a shown string to characters and their widths.

mod composite;
mod drawn;
mod numbers;
mod simple;
mod widths;

use std::collections::HashMap;
use std::rc::Rc;

use lopdf::{Dictionary, Document as Pdf, Object};
use rag_core::radicals::ideograph;
use unicode_normalization::UnicodeNormalization;

use super::cmap::CMap;
use super::direction;
use super::objects::{Objects, plain};
use crate::limits::Limits;
use crate::symbols;
use composite::Composite;
use simple::Simple;

const ZERO_WIDTH_SPACE: char = '\u{200B}';

/// Fonts of one document.
const MOST_FONTS: usize = 20_000;

/// The fonts of a document, each read once.
pub(crate) struct Fonts<'a> {
    pdf: &'a Pdf,
    limits: &'a Limits,
    /// By the place in memory of the font's dictionary, which outlives this.
    known: HashMap<*const Dictionary, Rc<Font>>,
}

/// One character of a shown string.
pub(crate) struct Glyph<'g> {
    /// Its text; U+FFFD when the font does not say.
    pub(crate) text: &'g str,
    /// How far it moves, in thousandths of the font size.
    pub(crate) width: f32,
    /// How far below its origin the line stands that it belongs to, in thousandths of the size of its letters.
    pub(crate) hang: f32,
    /// Whether it is the one-byte space, which word spacing widens.
    pub(crate) is_space: bool,
}

/// A font.
pub(crate) struct Font {
    kind: Kind,
    /// Whether its name says bold.
    pub(crate) bold: bool,
    /// Whether all its letters have the same width, as on a typewriter.
    pub(crate) mono: bool,
    /// Whether its lines run from top to bottom.
    pub(crate) vertical: bool,
    /// What its size is multiplied with to be that of its letters, in whose shares all else is measured.
    pub(crate) em: f32,
}

enum Kind {
    Simple(Box<Simple>),
    Composite(Box<Composite>),
}

impl<'a> Fonts<'a> {
    pub(crate) fn new(pdf: &'a Pdf, limits: &'a Limits) -> Self {
        Self { pdf, limits, known: HashMap::new() }
    }

    /// The font called `name` in `resources`.
    pub(crate) fn get(&mut self, resources: &'a Dictionary, name: &[u8]) -> Option<Rc<Font>> {
        let fonts = self.pdf.dictionary(resources, b"Font")?;
        let dictionary = self.pdf.dictionary(fonts, name)?;
        self.load(dictionary)
    }

    /// The font that this dictionary describes.
    pub(crate) fn load(&mut self, dictionary: &'a Dictionary) -> Option<Rc<Font>> {
        let place: *const Dictionary = dictionary;
        if let Some(font) = self.known.get(&place) {
            return Some(Rc::clone(font));
        }
        if self.known.len() >= MOST_FONTS {
            return None;
        }
        let font = Rc::new(Font::read(self.pdf, dictionary, self.limits.pdf_stream));
        self.known.insert(place, Rc::clone(&font));
        Some(font)
    }
}

impl Font {
    fn read(pdf: &Pdf, dictionary: &Dictionary, limit: usize) -> Self {
        let kind = pdf.name(dictionary, b"Subtype").unwrap_or_default();
        let name = pdf.name(dictionary, b"BaseFont").unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        let bold = ["Bold", "Black", "Heavy", "Semibold", "Demi"].iter().any(|b| name.contains(b));
        let lower = name.to_lowercase();
        let mono = ["mono", "courier", "consol", "typewriter", "cmtt", "lmtt", "menlo"]
            .iter()
            .any(|m| lower.contains(m));
        if kind == b"Type0" {
            let composite = Composite::read(pdf, dictionary, limit);
            let vertical = composite.vertical;
            Self { kind: Kind::Composite(Box::new(composite)), bold, mono, vertical, em: 1.0 }
        } else {
            let simple = Simple::read(pdf, dictionary, &name, limit);
            let em = simple.em;
            Self { kind: Kind::Simple(Box::new(simple)), bold, mono, vertical: false, em }
        }
    }

    /// Gives `each` character of a shown string.
    pub(crate) fn decode(&self, bytes: &[u8], each: impl FnMut(Glyph<'_>)) {
        match &self.kind {
            Kind::Simple(simple) => simple.decode(bytes, each),
            Kind::Composite(composite) => composite.decode(bytes, each),
        }
    }
}

/// What a font's `ToUnicode` is.
enum ToUnicode {
    None,
    /// The codes are Unicode already.
    Identity,
    Map(CMap),
}

impl ToUnicode {
    fn read(pdf: &Pdf, font: &Dictionary, limit: usize) -> Self {
        match pdf.value(font, b"ToUnicode") {
            Some(Object::Name(name)) if name.starts_with(b"Identity") => Self::Identity,
            Some(Object::Stream(stream)) => {
                let map = plain(pdf, stream, limit).map(|bytes| CMap::parse(&bytes));
                match map {
                    Some(map) if !map.is_empty() => Self::Map(map),
                    _ => Self::None,
                }
            }
            _ => Self::None,
        }
    }

    /// The text of a code of `width` bytes, if it is one that can be read.
    fn text(&self, width: u8, code: u32) -> Option<String> {
        let text = match self {
            Self::None => None,
            Self::Identity => char::from_u32(code).map(String::from),
            Self::Map(map) => map.text(width, code),
        }?;
        let shows = |c: char| c != ZERO_WIDTH_SPACE && !is_variation(c);
        let unseen = !text.is_empty() && !text.contains(shows);
        Some(clean(&text)).filter(|text| unseen || !text.is_empty())
    }
}

/// What a private character means in a font of signs, of which bullets are most.
fn sign(family: Option<&str>, text: &str) -> Option<String> {
    let code = text.chars().next().filter(|c| matches!(c, '\u{F020}'..='\u{F0FF}'))?;
    symbols::meaning(family?, code.into()).map(String::from)
}

/// Whether a text says nothing by itself: private characters and the replacement character.
fn is_private(text: &str) -> bool {
    let says =
        |c| !matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'.. | char::REPLACEMENT_CHARACTER);
    !text.is_empty() && !text.contains(says)
}

/// Whether a character chooses one of the forms of that before it.
fn is_variation(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// As it is to be searched: no control characters and no choices of form, and ordinary characters in place of ligatures, of the radicals that look like
/// ideographs, and of Arabic letters by their place in the word. Searching would not find words written with them. What is read from
/// right to left is in the order of the eye, as the letters of a page are.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2E80}'..='\u{2FDF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{FB00}'..='\u{FB06}'
            | '\u{FB1D}'..='\u{FDFF}'
            | '\u{FE70}'..='\u{FEFC}' => {
                cleaned.extend(std::iter::once(ideograph(c)).nfkc());
            }
            '\t' | '\u{A0}' => cleaned.push(' '),
            '\u{AD}' => cleaned.push('-'),
            '\u{FEFF}' | ZERO_WIDTH_SPACE => {}
            c if c.is_control() || is_variation(c) => {}
            c => cleaned.push(c),
        }
    }
    direction::visual(cleaned)
}
