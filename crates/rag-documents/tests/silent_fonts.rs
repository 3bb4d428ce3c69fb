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
    check("410C", &[&font("0 /a0 /a1 /a2 /a3 /a4 /a5 12 /a12 65 /A")], "A\u{FFFD}");
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
    // Nothing to be seen, and which form of a character is to be seen.
    let unseen = map("<0001> <200B> <0002> <845BDB40DD00>");
    check("00010002", &[&font("Song"), &unseen, &descendant("Song")], "葛");
    // As the eye sees it: the last letter first. The first glyph is a ligature of two letters.
    let arabic = map("<0001> <06440627> <0002> <FE91>");
    check("00010002", &[&font("Naskh"), &arabic, &descendant("Naskh")], "بلا");
}

#[test]
fn a_map_that_was_meant_for_another_font_does_not_rename_letters() {
    let map = stream(
        "",
        "1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfrange <00> <FF> <C900> endbfrange",
    );
    let font = |encoding: &str| {
        [
            "<< /Type /Font /Subtype /Type1 /BaseFont /Nanum /FontDescriptor 6 0 R /ToUnicode 8 0 R >>".to_owned(),
            "<< /Type /FontDescriptor /FontName /Nanum /Flags 4 /FontFile 7 0 R >>".to_owned(),
            stream("", &format!("%!PS /Encoding 256 array {encoding} readonly def")),
            map.clone(),
        ]
    };
    for (encoding, expected) in [("dup 84 /T put", "T"), ("dup 84 /uniC954 put", "쥔")] {
        let objects = font(encoding);
        check("54", &objects.each_ref().map(String::as_str), expected);
    }
}

#[test]
fn bitmaps_that_count_codes_of_russian_letters_are_read_as_those() {
    let all: String = (0..=255).map(|code| format!("/a{code} ")).collect();
    let drawn: String = [0xE0, 0xE5, 0xE8, 0xED, 0xEE, 0xF2, 0xF1, 0xFF, 0xA8, 0x69]
        .map(|code| format!("/a{code} 6 0 R "))
        .concat();
    let font = format!(
        "<< /Type /Font /Subtype /Type3 /FontMatrix [0.001 0 0 0.001 0 0] /FontBBox [0 0 1 1] /FirstChar 0 /LastChar 255 \
         /CharProcs << {drawn} >> /Encoding << /Type /Encoding /Differences [0 {all}] >> >>"
    );
    check("EDEEFFA869", &[&font, &stream("", "")], "нояїi");
}

#[test]
fn signs_that_a_map_leaves_out_are_those_of_ascii() {
    let map = stream(
        "",
        "1 begincodespacerange <00> <FF> endcodespacerange \
         3 beginbfrange <23> <26> <0023> <2A> <2B> <002A> <2F> <39> <002F> endbfrange \
         2 beginbfchar <61> <0561> <3A> <0589> endbfchar",
    );
    let font = "<< /Type /Font /Subtype /Type1 /BaseFont /ARTMR10 /FontDescriptor << /Flags 4 >> /ToUnicode 6 0 R \
         /Encoding << /Differences [40 /armparenleft /armparenright 45 /armendash /armdot 97 /armayb 98 /armben] >> >>";
    check("2861293A62", &[font, &map], "(ա)։\u{FFFD}");
    // Letters, and signs in a font without such a map, are not guessed.
    check("2862", &[&font.replace("/ToUnicode 6 0 R", "")], "\u{FFFD}\u{FFFD}");
}

#[test]
fn fonts_that_drawings_are_made_of_say_nothing() {
    let font = |name: &str| {
        format!(
            "<< /Type /Font /Subtype /Type1 /BaseFont /ABCDEF+{name} /Encoding << /Differences [8 /a8 65 /A] >> >>"
        )
    };
    check("0841", &[&font("LCIRCLE10")], "");
    check("0841", &[&font("CMR10")], "\u{FFFD}A");
}
