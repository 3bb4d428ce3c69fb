//! Where words begin and end: many PDFs draw no spaces, or only some of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rag_documents::{Limits, read};

#[path = "made/pdf.rs"]
#[expect(dead_code, reason = "made for other tests, too")]
mod made;
use made::{page, pages, show, stream};

fn text(bytes: Vec<u8>) -> String {
    let document = read(bytes, "a.pdf", &Limits::default()).unwrap();
    document.sections.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// What lines say that are set under each other.
fn set(lines: &[&str]) -> String {
    let shown: Vec<String> =
        (0_u32..).zip(lines).map(|(at, line)| show(72, 700 - 12 * at, 10, line)).collect();
    text(pages(&[&shown.concat()], ""))
}

/// What strings and gaps between them, in thousandths of the font size, say in Helvetica, whose space is 278 wide.
fn shown(strings: &str) -> String {
    text(pages(&[&format!("BT /F 10 Tf 72 700 Td [{strings}] TJ ET")], ""))
}

#[test]
fn gaps_part_words_where_only_some_spaces_are_drawn() {
    // A line that was set narrowly, with a space on either side of its link.
    assert_eq!(
        shown(
            "(for) -210 (more) -210 (of) -210 (this) -210 (see ) (Section 3) -210 (and) -210 (4)"
        ),
        "for more of this see Section 3 and 4"
    );
    // Where all spaces are drawn, what is a little apart is one word.
    assert_eq!(shown("(kern) -150 (ed words and others)"), "kerned words and others");
}

#[test]
fn a_gap_that_is_nearly_a_space_parts_words_beside_drawn_ones() {
    assert_eq!(shown("(Cloud) -240 (for all of us)"), "Cloud for all of us");
    assert_eq!(
        shown("(In Windows 95.) -180 (Then,) -180 (more of it)"),
        "In Windows 95. Then, more of it"
    );
}

#[test]
fn words_whose_text_is_said_whole_are_no_letters_far_apart() {
    let word = |x: u32, word: &str| {
        format!("/Span << /ActualText ({word}) >> BDC BT /F 10 Tf {x} 700 Td ({word}) Tj ET EMC\n")
    };
    // "such" is 21.1 wide, "as" 10.6, "race" 18.9, "and" 16.7, "lane" 18.9.
    let words =
        [word(72, "such"), word(96, "as"), word(109, "race"), word(131, "and"), word(150, "lane")];
    assert_eq!(text(pages(&[&words.concat()], "")), "such as race and lane");
}

#[test]
fn texts_of_two_bytes_a_letter_are_read_in_fonts_of_one() {
    assert_eq!(shown("<0044> <0065> <006D> <006F> <0020> <0061>"), "Demo a");
}

#[test]
fn addresses_keep_their_hyphens_at_line_ends() {
    let lines = [
        "Write to the list about the installer: debian-",
        "boot@lists.example.org, where someone will ans-",
        "wer, or look for more of it at www.example-",
        "pages.org today.",
    ];
    assert_eq!(
        set(&lines),
        "Write to the list about the installer: debian-boot@lists.example.org, where someone will answer, \
         or look for more of it at www.example-pages.org today."
    );
}

#[test]
fn words_in_capitals_are_broken_like_others() {
    let lines = [
        "THE SOFTWARE COMES WITHOUT ANY WAR-",
        "RANTY OF ANY KIND. Put the disc into a CD-",
        "ROM drive and start the computer with it.",
    ];
    assert_eq!(
        set(&lines),
        "THE SOFTWARE COMES WITHOUT ANY WARRANTY OF ANY KIND. Put the disc into a CD-ROM drive and start the \
         computer with it."
    );
}

#[test]
fn a_word_broken_in_a_table_of_contents_is_whole() {
    let lines = [
        "2 Controlling the appear-",
        "ance . . . . . . . . 7",
        "3 Defining new words and",
        "others . . . . . . . . 9",
    ];
    assert_eq!(
        set(&lines),
        "2 Controlling the appearance . . . . . . . . 7\n\
         3 Defining new words and\nothers . . . . . . . . 9"
    );
}

#[test]
fn signs_that_are_drawn_in_two_parts_are_one() {
    let font = "<< /Type /Font /Subtype /Type1 /BaseFont /CMSY10 /FirstChar 33 /LastChar 41 \
         /Widths [0 1000 278 1000 278 0 778 444 444] /Encoding << /Differences \
         [33 /mapsto /arrowright /arrowhookleft /arrowleft /arrowhookright /negationslash /equal /c /R] >> >>";
    let said =
        |strings: &str| text(page(&format!("BT /F 10 Tf 72 700 Td [{strings}] TJ ET"), &[font]));
    // 33 and 34, 35 and 34, 36 and 37, 38 and 39.
    assert_eq!(said(r#"(!") -500 (#") -500 ($%) -500 (&')"#), "↦ ↪ ↩ ≠");
    assert_eq!(said(r#"(") -500 (') -500 (!)"#), "→ = ↦");
}

#[test]
fn shadows_of_words_are_no_words() {
    // A heading in two fonts, each part drawn a little lower first, as browsers draw shadows.
    let twice = |x: u32, words: &str| {
        [0.7, 0.0]
            .map(|lower| format!("BT /F 20 Tf {x} {} Td ({words}) Tj ET\n", 700.0 - lower))
            .concat()
    };
    let content =
        [twice(72, "8. "), twice(95, "Translation"), show(72, 670, 10, "It is llama, still.")];
    assert_eq!(text(pages(&[&content.concat()], "")), "8. Translation\nIt is llama, still.");
}

#[test]
fn letters_are_as_large_as_they_are_drawn() {
    // As dvips and Ghostscript write bitmaps: in a font of 0.12 points, letters of 42 units, drawn from below.
    let drawing =
        |top: u32, width: u32| stream("", &format!("{width} 0 2 -1 {} {top} d1", width - 2));
    let drawings = [drawing(58, 46), drawing(38, 37), drawing(38, 42)];
    let font = "<< /Type /Font /Subtype /Type3 /FontMatrix [1 0 0 -1 0 0] /FontBBox [0 0 1000 1000] \
         /FirstChar 97 /LastChar 101 /Widths [42 46 37 46 37] /CharProcs << /b 6 0 R /c 7 0 R /a 8 0 R /d 6 0 R /e 7 0 R >> \
         /Encoding << /Type /Encoding /Differences [97 /a /b /c /d /e] >> >>";
    let with = |drawings: &[&str]| {
        let content = "BT /F 0.12 Tf 1 0 0 -1 72 700 Tm (bad) Tj 15.84 0 Td (ca) Tj 9.6 0 Td (be) Tj 14 0 Td (ace) Tj ET";
        let fonts: Vec<&str> = std::iter::once(font).chain(drawings.iter().copied()).collect();
        text(page(content, &fonts))
    };
    // The gaps within the first word are 0.24 and 0.12 points wide, that between the words 4.
    let drawings: Vec<&str> = drawings.iter().map(String::as_str).collect();
    assert_eq!(with(&drawings), "badcabe ace");
    // Where drawings say nothing of their size, the widths do.
    assert_eq!(with(&["<< >>"; 3]), "badcabe ace");
}
