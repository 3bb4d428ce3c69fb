//! Fonts whose letters are drawings (Type 3): their space may be any, so only the letters tell how large they are.
//!
//! What dvips and Ghostscript write has letters of 42 units in a font of 0.12 points. Everything that is measured in shares of the
//! font size, such as gaps between words, needs the size of the letters.

use lopdf::{Dictionary, Document as Pdf};

use super::super::objects::{Objects, plain};

/// Heights above the line as a share of the font size, those of round letters included (Computer Modern, which bitmaps mostly are).
const SMALL: f32 = 0.44;
const TALL: f32 = 0.7;
/// How wide letters are, on the average.
const WIDTH: f32 = 0.5;
/// Sizes that differ by less are believed.
const FACTOR: f32 = 2.0;
/// Letters that are looked at, and bytes of one: bitmaps are small.
const MOST_LETTERS: usize = 16;
const MOST_BYTES: usize = 16 << 10;

/// What the size of a font is to be multiplied with to be that of its letters; 1 where it is about that. `names` and `texts` are those of
/// its codes, `widths` in thousandths of the font size.
pub(super) fn em(
    pdf: &Pdf,
    font: &Dictionary,
    names: &[Option<String>],
    texts: &[String],
    widths: &[f32],
) -> f32 {
    let letters = || {
        let drawings = pdf.dictionary(font, b"CharProcs");
        let codes = names.iter().zip(texts).zip(widths);
        codes.filter_map(move |((name, text), width)| {
            Some((pdf.value(drawings?, name.as_deref()?.as_bytes())?, text, *width))
        })
    };
    let scale = pdf.numbers::<6>(font, b"FontMatrix").map_or(0.0, |[.., c, d, _, _]| c.hypot(d));
    let heights = letters().filter_map(|(drawing, text, _)| Some((drawing, share(text)?)));
    let by_height = heights.take(MOST_LETTERS).filter_map(|(drawing, share)| {
        Some(top(&plain(pdf, drawing.as_stream().ok()?, MOST_BYTES)?)? * scale / share)
    });
    let by_width = || letters().map(|(.., width)| width / 1000.0 / WIDTH);
    let em = median(by_height).or_else(|| median(by_width()));
    em.filter(|em| !(1.0 / FACTOR..=FACTOR).contains(em)).unwrap_or(1.0)
}

/// How high a letter is, as a share of the font size.
fn share(text: &str) -> Option<f32> {
    match text.as_bytes() {
        [b'a' | b'c' | b'e' | b'g' | b'm'..=b's' | b'u'..=b'z'] => Some(SMALL),
        [b'A'..=b'Z' | b'b' | b'd' | b'f' | b'h' | b'k' | b'l'] => Some(TALL),
        _ => None,
    }
}

/// The upper end of the box that a drawing says it has: `wx wy llx lly urx ury d1` (PDF 1.7, table 113).
fn top(drawing: &[u8]) -> Option<f32> {
    let mut words = drawing.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let top = words.nth(5)?;
    (words.next()? == b"d1").then(|| std::str::from_utf8(top).ok()?.parse().ok())?
}

/// The middle of the sizes that are some.
fn median(sizes: impl Iterator<Item = f32>) -> Option<f32> {
    let mut sizes: Vec<f32> = sizes.filter(|size| size.is_finite() && *size > 0.0).collect();
    sizes.sort_by(f32::total_cmp);
    sizes.get(sizes.len() / 2).copied()
}
