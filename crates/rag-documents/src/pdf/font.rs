//! Fonts: from the codes of a shown string to characters and their widths.

use std::collections::HashMap;
use std::rc::Rc;

use lopdf::{Dictionary, Document as Pdf, Encoding, Object, ObjectId};
use unicode_normalization::UnicodeNormalization;

use super::cmap::{CMap, number};
use super::dictionary;
use crate::limits::Limits;

/// Entries read of a font's width array.
const MOST_WIDTHS: usize = 200_000;

/// The fonts of a document, each read once.
pub(crate) struct Fonts<'a> {
    pdf: &'a Pdf,
    stream_limit: usize,
    known: HashMap<ObjectId, Rc<Font<'a>>>,
}

/// One character of a shown string.
pub(crate) struct Glyph {
    /// Its text; U+FFFD when the font does not say.
    pub(crate) text: String,
    /// How far it moves, in thousandths of the font size.
    pub(crate) width: f32,
    /// Whether it is the one-byte space, which word spacing widens.
    pub(crate) is_space: bool,
}

/// A font.
pub(crate) struct Font<'a> {
    composite: bool,
    to_unicode: Option<CMap>,
    encoding: Option<Encoding<'a>>,
    widths: HashMap<u32, f32>,
    default_width: f32,
}

impl<'a> Fonts<'a> {
    pub(crate) fn new(pdf: &'a Pdf, limits: &Limits) -> Self {
        Self { pdf, stream_limit: limits.pdf_stream, known: HashMap::new() }
    }

    /// The font called `name` in `resources`.
    pub(crate) fn get(&mut self, resources: &Dictionary, name: &[u8]) -> Option<Rc<Font<'a>>> {
        let pdf = self.pdf;
        let fonts = match resources.get(b"Font").ok()? {
            Object::Reference(id) => pdf.get_dictionary(*id).ok()?,
            Object::Dictionary(fonts) => fonts,
            _ => return None,
        };
        // Fonts are indirect objects in practice; one written in place is found by no id and is
        // read for its widths only through the page it stands on.
        let id = fonts.get(name).and_then(Object::as_reference).ok()?;
        if let Some(font) = self.known.get(&id) {
            return Some(Rc::clone(font));
        }
        let font = Rc::new(self.load(pdf.get_dictionary(id).ok()?));
        self.known.insert(id, Rc::clone(&font));
        Some(font)
    }

    fn load(&self, font: &'a Dictionary) -> Font<'a> {
        let pdf = self.pdf;
        let composite = font.get(b"Subtype").and_then(Object::as_name).is_ok_and(|n| n == b"Type0");
        let to_unicode = font
            .get_deref(b"ToUnicode", pdf)
            .and_then(Object::as_stream)
            .and_then(|stream| stream.get_plain_content_with_limit(self.stream_limit))
            .ok()
            .map(|bytes| CMap::parse(&bytes))
            .filter(|map| !map.is_empty());
        let encoding = if composite && to_unicode.is_some() {
            None
        } else {
            font.get_font_encoding_with_limit(pdf, self.stream_limit).ok()
        };
        let (widths, default_width) =
            if composite { self.composite_widths(font) } else { self.simple_widths(font) };
        Font { composite, to_unicode, encoding, widths, default_width }
    }

    fn simple_widths(&self, font: &Dictionary) -> (HashMap<u32, f32>, f32) {
        let pdf = self.pdf;
        // A Type 3 font measures in its own space; its matrix says how to get to thousandths.
        let scale = font
            .get_deref(b"FontMatrix", pdf)
            .and_then(Object::as_array)
            .ok()
            .and_then(|matrix| matrix.first()?.as_float().ok())
            .map_or(1.0, |x| x * 1000.0);
        let first = font.get_deref(b"FirstChar", pdf).and_then(Object::as_i64).unwrap_or(0);
        let mut widths = HashMap::new();
        if let Ok(array) = font.get_deref(b"Widths", pdf).and_then(Object::as_array) {
            for (code, width) in (first.max(0) as u32..).zip(array.iter().take(256)) {
                if let Some(width) = float(pdf, width) {
                    widths.insert(code, width * scale);
                }
            }
        }
        let missing = dictionary(pdf, font, b"FontDescriptor")
            .and_then(|d| d.get_deref(b"MissingWidth", pdf).ok()?.as_float().ok())
            .filter(|width| *width > 0.0)
            .unwrap_or(500.0);
        (widths, missing)
    }

    /// The `W` array of a CID font: `c [w …]` or `first last w` (PDF 1.7, 9.7.4.3).
    fn composite_widths(&self, font: &Dictionary) -> (HashMap<u32, f32>, f32) {
        let pdf = self.pdf;
        let mut widths = HashMap::new();
        let descendant = font
            .get_deref(b"DescendantFonts", pdf)
            .and_then(Object::as_array)
            .ok()
            .and_then(|fonts| fonts.first())
            .and_then(|object| pdf.dereference(object).ok())
            .and_then(|(_, object)| object.as_dict().ok());
        let Some(descendant) = descendant else { return (widths, 1000.0) };
        let default = descendant
            .get_deref(b"DW", pdf)
            .ok()
            .and_then(|width| width.as_float().ok())
            .unwrap_or(1000.0);
        let Ok(array) = descendant.get_deref(b"W", pdf).and_then(Object::as_array) else {
            return (widths, default);
        };
        let mut entries = array.iter().take(MOST_WIDTHS);
        while let (Some(first), Some(second)) = (entries.next(), entries.next()) {
            let Some(first) = float(pdf, first).map(|f| f.max(0.0) as u32) else { break };
            let second = pdf.dereference(second).map_or(second, |(_, object)| object);
            if let Ok(list) = second.as_array() {
                for (code, width) in (first..).zip(list.iter().take(65_536)) {
                    if let Some(width) = float(pdf, width) {
                        widths.insert(code, width);
                    }
                }
            } else if let (Some(last), Some(width)) =
                (float(pdf, second), entries.next().and_then(|w| float(pdf, w)))
            {
                for code in (first..=last.max(0.0) as u32).take(65_536) {
                    widths.insert(code, width);
                }
            }
            if widths.len() > MOST_WIDTHS {
                break;
            }
        }
        (widths, default)
    }
}

fn float(pdf: &Pdf, object: &Object) -> Option<f32> {
    pdf.dereference(object).ok()?.1.as_float().ok().filter(|f| f.is_finite())
}

impl Font<'_> {
    /// The characters of a shown string.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Vec<Glyph> {
        let mut glyphs = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while !rest.is_empty() {
            let width = if self.composite {
                let declared = self.to_unicode.as_ref().and_then(|map| map.width_at(rest));
                usize::from(declared.unwrap_or(2))
            } else {
                1
            };
            let (code_bytes, next) = rest.split_at(width.min(rest.len()));
            rest = next;
            let code = number(code_bytes);
            let text = self.text(code_bytes, code);
            glyphs.push(Glyph {
                text,
                width: self.widths.get(&code).copied().unwrap_or(self.default_width),
                is_space: code_bytes == b" ",
            });
        }
        glyphs
    }

    fn text(&self, bytes: &[u8], code: u32) -> String {
        let mapped = self
            .to_unicode
            .as_ref()
            .and_then(|map| map.get(bytes.len() as u8, code))
            .map(str::to_owned)
            .or_else(|| self.encoding.as_ref()?.bytes_to_string(bytes).ok())
            .unwrap_or_else(|| char::REPLACEMENT_CHARACTER.to_string());
        mapped
            .chars()
            .filter(|c| *c == '\t' || !c.is_control())
            .flat_map(|c| {
                let (plain, same) =
                    if is_compatibility(c) { (Some(c), None) } else { (None, Some(c)) };
                plain.into_iter().nfkc().chain(same)
            })
            .collect()
    }
}

/// Characters that fonts use in place of the ordinary ones: ligatures, and the radicals that look
/// like ideographs. Searching would not find words written with them.
fn is_compatibility(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{2FDF}' | '\u{F900}'..='\u{FAFF}' | '\u{FB00}'..='\u{FB06}')
}
