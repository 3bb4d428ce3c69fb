//! What is read with fonts that do not say what their glyphs mean, or say it in characters that nobody searches for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rag_documents::{Limits, read};

#[path = "made/pdf.rs"]
#[expect(dead_code, reason = "made for other tests, too")]
mod made;
use made::{page, stream};

/// What `codes`, in hexadecimal, say in a font of these objects.
fn check(codes: &str, fonts: &[&str], expected: &str) {
    let bytes = page(&format!("BT /F 12 Tf 72 700 Td <{codes}> Tj ET"), fonts);
    let document = read(bytes, "a.pdf", &Limits::default()).unwrap();
    let text = document.sections.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n");
    assert_eq!(text, expected, "{fonts:?}");
}

/// A font of glyph numbers called `name`, with these entries; the second of its objects.
fn by_glyph(name: &str, more: &str) -> [String; 2] {
    [
        format!(
            "<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H /DescendantFonts [6 0 R] >>"
        ),
        format!(
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /CIDSystemInfo \
             << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> {more} >>"
        ),
    ]
}

#[test]
fn glyph_numbers_of_well_known_fonts_are_read() {
    let arial = by_glyph("Arial", "");
    check("00240025000300570070", &[&arial[0], &arial[1]], "AB té");
    // Another font, but with the widths that letters have at these places.
    let likely =
        by_glyph("ABCDEF+Other", "/W [76 [278] 79 [278] 87 [300] 80 [830] 90 [720] 36 [700]]");
    check("0024004C", &[&likely[0], &likely[1]], "Ai");
    let unlikely =
        by_glyph("ABCDEF+Other", "/W [76 [830] 79 [278] 87 [300] 80 [278] 90 [720] 36 [700]]");
    check("0024004C", &[&unlikely[0], &unlikely[1]], "\u{FFFD}\u{FFFD}");
    let calibri =
        by_glyph("Calibri", "/W [349 [229] 367 [229] 410 [335] 373 [799] 449 [715] 4 [579]]");
    check("01C1018C019F0190", &[&calibri[0], &calibri[1]], "wrtis");
    let renumbered = by_glyph("Calibri", "/W [1 [500 600 700]]");
    check("0004019F", &[&renumbered[0], &renumbered[1]], "\u{FFFD}ti");
}

#[test]
fn numbers_as_names_are_codes_of_characters_or_count_glyphs() {
    let font = |differences: &str| {
        format!(
            "<< /Type /Font /Subtype /Type3 /FontMatrix [0.001 0 0 0.001 0 0] /FontBBox [0 0 1 1] /FirstChar 0 /LastChar 1 \
             /Widths [500 500] /CharProcs << >> /Encoding << /Type /Encoding /Differences [{differences}] >> >>"
        )
    };
    check("5A65", &[&font("32 /32 90 /90 101 /101 110 /110")], "Ze");
    check("0001", &[&font("0 /0 /1 /2 /3 /4 /5")], "\u{FFFD}\u{FFFD}");
    // Bitmaps by another program than TeX.
    check("0C0D", &[&font("0 /a0 /a1 /a2 /a3 /a4 /a5 12 /a12 /a13")], "\u{FFFD}\u{FFFD}");
}

#[test]
fn radicals_bullets_and_arabic_forms_are_read_as_what_is_searched_for() {
    let map = |pairs: &str| {
        stream(
            "",
            &format!(
                "1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfchar {pairs} endbfchar"
            ),
        )
    };
    let font = |name: &str| {
        format!(
            "<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H /DescendantFonts [7 0 R] /ToUnicode 6 0 R >>"
        )
    };
    let descendant = |name: &str| by_glyph(name, "")[1].clone();
    check("0001", &[&font("Song"), &map("<0001> <2EDA>"), &descendant("Song")], "页");
    check("0001", &[&font("SymbolMT"), &map("<0001> <F0B7>"), &descendant("SymbolMT")], "•");
    check("0001", &[&font("Wingdings"), &map("<0001> <F0FC>"), &descendant("Wingdings")], "✓");
    // As the eye sees it: the last letter first. The first glyph is a ligature of two letters.
    let arabic = map("<0001> <06440627> <0002> <FE91>");
    check("00010002", &[&font("Naskh"), &arabic, &descendant("Naskh")], "بلا");
}
