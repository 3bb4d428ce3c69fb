//! How far characters move (PDF 1.7, 9.2.4 and 9.7.4.3).

use std::collections::HashMap;

use lopdf::{Dictionary, Document as Pdf};

use super::super::names;
use super::super::objects::Objects;

/// Entries read of a font's width array.
const MOST_WIDTHS: usize = 200_000;

/// The widths of a simple font by code, in thousandths of the font size.
pub(super) fn simple(
    pdf: &Pdf,
    font: &Dictionary,
    base_font: &str,
    glyph_names: &[Option<String>],
) -> [f32; 256] {
    // A Type 3 font measures in its own space; its matrix says how to get to thousandths.
    let scale = pdf.numbers::<1>(font, b"FontMatrix").map_or(1.0, |[x]| (x * 1000.0).abs());
    let descriptor = pdf.dictionary(font, b"FontDescriptor");
    let missing = descriptor
        .and_then(|d| pdf.number(d, b"MissingWidth"))
        .filter(|width| *width > 0.0)
        .unwrap_or(500.0);
    let mut widths = [missing; 256];
    if let Some(array) = pdf.array(font, b"Widths") {
        let first = pdf.number(font, b"FirstChar").unwrap_or(0.0).clamp(0.0, 255.0) as usize;
        for (place, width) in widths.iter_mut().skip(first).zip(array) {
            if let Some(width) = pdf.float(width) {
                *place = width * scale;
            }
        }
        return widths;
    }
    if base_font.contains("Courier") || base_font.contains("Mono") {
        widths = [600.0; 256];
    } else if let Some(known) = names::standard_widths(base_font) {
        for (place, name) in widths.iter_mut().zip(glyph_names) {
            if let Some(width) = name.as_deref().and_then(|name| known.get(name)) {
                *place = *width;
            }
        }
    }
    // Texts of two bytes a letter are shown in fonts of one: the other byte, a control character, shows nothing.
    for (place, _) in
        widths.iter_mut().zip(glyph_names).take(0x20).filter(|(_, name)| name.is_none())
    {
        *place = 0.0;
    }
    widths
}

/// The widths of a CID font by CID, and that of all others.
pub(super) fn composite(pdf: &Pdf, descendant: &Dictionary) -> (HashMap<u32, f32>, f32) {
    let mut widths = HashMap::new();
    let default = pdf.number(descendant, b"DW").unwrap_or(1000.0);
    let Some(array) = pdf.array(descendant, b"W") else { return (widths, default) };
    let mut entries = array.iter().take(MOST_WIDTHS);
    // Either `c [w …]` or `first last w`.
    while let (Some(first), Some(second)) = (entries.next(), entries.next()) {
        let Some(first) = pdf.float(first).map(|f| f.max(0.0) as u32) else { break };
        let Some(second) = pdf.follow(second) else { break };
        if let Ok(list) = second.as_array() {
            for (cid, width) in (first..=u32::MAX).zip(list.iter().take(65_536)) {
                if let Some(width) = pdf.float(width) {
                    widths.insert(cid, width);
                }
            }
        } else if let (Some(last), Some(width)) =
            (pdf.float(second), entries.next().and_then(|w| pdf.float(w)))
        {
            for cid in (first..=last.max(0.0) as u32).take(65_536) {
                widths.insert(cid, width);
            }
        }
        if widths.len() > MOST_WIDTHS {
            break;
        }
    }
    (widths, default)
}
