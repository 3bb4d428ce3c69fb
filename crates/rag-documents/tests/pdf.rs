//! What is read of PDFs: fonts and encodings, reading order, headings, page labels, damage and encryption.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use rag_documents::{Document, DocumentError, Limits, PageProblem, read, read_with_password};

#[path = "made/pdf.rs"]
mod made;
use made::{border, page, pages, pdf_with, show, stream};

fn good(bytes: Vec<u8>) -> Document {
    read(bytes, "a.pdf", &Limits::default()).unwrap()
}

fn text(document: &Document) -> String {
    document.sections.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// What `codes`, in hexadecimal, say in a font of these objects.
fn check(codes: &str, fonts: &[&str], expected: &str) {
    let document = good(page(&format!("BT /F 12 Tf 72 700 Td <{codes}> Tj ET"), fonts));
    assert_eq!(text(&document), expected, "{fonts:?}");
    let unmapped = expected.matches('\u{FFFD}').count();
    let problems = &document.pages[0].problems;
    let reported = problems.contains(&PageProblem::Unmapped { characters: unmapped });
    assert_eq!(reported, unmapped > 0, "{problems:?}");
}

const CID_FONT: &str = "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /X /CIDSystemInfo \
     << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> >>";

#[test]
fn chinese_is_read_by_the_name_of_its_map() {
    let font = |map: &str| {
        format!(
            "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /{map} /DescendantFonts [6 0 R] >>"
        )
    };
    check("41D6D0CEC4", &[&font("GBK-EUC-H"), CID_FONT], "A中文");
    check("4E2D6587", &[&font("UniGB-UCS2-H"), CID_FONT], "中文");
    // Glyph numbers, by the tables of Adobe's collections.
    check("11CF", &[&font("Identity-H"), CID_FONT], "中");
    // A map nobody knows, and a collection that cannot help: reported, not lost.
    let unknown = CID_FONT.replace("GB1", "Identity");
    check("00220023", &[&font("Identity-H"), &unknown], "\u{FFFD}\u{FFFD}");
}

#[test]
fn a_map_in_the_file_may_build_on_a_known_one() {
    let font =
        "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding 7 0 R /DescendantFonts [6 0 R] >>";
    let map = stream(
        "/Type /CMap /CMapName /Own /UseCMap /GBK-EUC-H",
        "/GBK-EUC-H usecmap 1 begincodespacerange <F0F0> <F0F0> endcodespacerange
         1 begincidchar <F0F0> 4559 endcidchar",
    );
    check("F0F0CEC441", &[font, CID_FONT, &map], "中文A");
}

#[test]
fn simple_fonts_are_read_by_glyph_names_and_base_encodings() {
    let font = |encoding: &str| {
        format!("<< /Type /Font /Subtype /Type1 /BaseFont /X /Encoding {encoding} >>")
    };
    check("93A5C4", &[&font("/WinAnsiEncoding")], "“¥Ä");
    check("D2A580", &[&font("/MacRomanEncoding")], "“•Ä");
    let names = "<< /BaseEncoding /WinAnsiEncoding /Differences [1 /fi /uni4E2D /u1F600 /Aacute.sc /f_l 10 /g99x] >>";
    check("010203040541", &[&font(names)], "fi中😀ÁflA");
    check("410A", &[&font(names)], "A\u{FFFD}");
    check("61", &["<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>"], "α");
    check("6C", &["<< /Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats >>"], "●");
}

#[test]
fn a_font_of_drawings_is_read_by_its_names() {
    let font = "<< /Type /Font /Subtype /Type3 /FontMatrix [0.01 0 0 0.01 0 0] /FontBBox [0 0 50 50] \
         /FirstChar 1 /LastChar 2 /Widths [50 50] /CharProcs << >> \
         /Encoding << /Differences [1 /H /i] >> >>";
    check("0102", &[font], "Hi");
}

#[test]
fn actual_text_is_read_in_place_of_what_is_drawn() {
    let font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
    let content =
        "BT /F 12 Tf 72 700 Td (of) Tj /Span << /ActualText (fice) >> BDC (###) Tj EMC ET";
    assert_eq!(text(&good(page(content, &[font]))), "office");
}

#[test]
fn what_is_filled_into_a_form_is_read() {
    let bytes = pdf_with(
        &[
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> /Annots [6 0 R] >>",
            &stream("", "BT /F 12 Tf 72 700 Td (Name:) Tj ET"),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            "<< /Type /Annot /Subtype /Widget /Rect [110 695 300 715] /AP << /N 7 0 R >> >>",
            &stream(
                "/Type /XObject /Subtype /Form /BBox [0 0 190 20] /Resources << /Font << /F 5 0 R >> >>",
                "/Tx BMC BT /F 12 Tf 2 5 Td (Ada Lovelace) Tj ET EMC",
            ),
        ],
        "",
    );
    assert_eq!(text(&good(bytes)), "Name: Ada Lovelace");
}

#[test]
fn the_value_of_a_field_without_a_picture_is_read() {
    let field = |of: &str| {
        let bytes = pdf_with(
            &[
                "<< /Type /Catalog /Pages 2 0 R /AcroForm << /NeedAppearances true /Fields [6 0 R] >> >>",
                "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> /Annots [6 0 R] >>",
                &stream("", "BT /F 12 Tf 72 700 Td (Name:) Tj ET"),
                "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
                &format!(
                    "<< /Type /Annot /Subtype /Widget /Rect [110 697 300 713] /Parent 7 0 R {of} >>"
                ),
                "<< /FT /Tx /V (Ada Lovelace) >>",
            ],
            "",
        );
        text(&good(bytes))
    };
    assert_eq!(field(""), "Name: Ada Lovelace");
    assert_eq!(field("/V <FEFF827E53C1>"), "Name:艾叁");
    // A place that is none.
    let far = format!("{}.0", "9".repeat(40));
    assert_eq!(field(&format!("/Rect [{far} 697 -{far} 713]")), "Name:");
    // Passwords and hidden fields are shown to nobody; of a menu the choice is, and of a list all there is to choose.
    assert_eq!(field("/Ff 8192"), "Name:");
    assert_eq!(field("/F 2"), "Name:");
    assert_eq!(
        field("/FT /Ch /Ff 131072 /Opt [(Ada Lovelace) (Alan Turing)]"),
        "Name: Ada Lovelace"
    );
    let list = field("/FT /Ch /Opt [(Ada) [(2) (Alan)]]");
    assert!(list.contains("Ada") && list.contains("Alan") && !list.contains('2'), "{list}");
}

#[test]
fn vertical_columns_are_read_from_right_to_left() {
    let font = "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /GBK-EUC-V /DescendantFonts [6 0 R] >>";
    // Drawn left column first.
    let content = "BT /F 12 Tf 480 800 Td <B6C1> Tj ET BT /F 12 Tf 500 800 Td <D6D0CEC4> Tj ET";
    let found = text(&good(page(content, &[font, CID_FONT])));
    assert_eq!(found.replace('\n', ""), "中文读");
}

#[test]
fn rotated_text_is_read_along_its_own_lines() {
    let content = "BT /F 12 Tf 0 1 -1 0 100 100 Tm (one line) Tj ET BT /F 12 Tf 0 1 -1 0 120 100 Tm (and the next) Tj ET";
    assert_eq!(text(&good(pages(&[content], ""))), "one line and the next");
}

#[test]
fn a_mirrored_letter_is_read_in_its_line() {
    let content = "BT /F 12 Tf 72 700 Td (by X) Tj ET BT /F 12 Tf -1 0 0 1 104 700 Tm (E) Tj ET \
                   BT /F 12 Tf 104 700 Td (TEX) Tj ET";
    assert_eq!(text(&good(pages(&[content], ""))), "by XETEX");
}

#[test]
fn a_footnote_stays_on_its_page_as_a_paragraph_of_its_own() {
    let one = [
        show(
            72,
            700,
            11,
            "Leave is granted for fifteen days in every year, and all the days of it",
        ),
        show(
            72,
            686,
            11,
            "are to be taken in that year or in the one that follows it, which goes on",
        ),
        show(72, 80, 8, "1 Days of sickness do not count as days of leave."),
    ]
    .concat();
    let two = [
        show(72, 780, 11, "over the page."),
        show(72, 80, 8, "2 Travel is paid by the office that sends you."),
    ]
    .concat();
    let document = good(pages(&[&one, &two], ""));
    assert!(
        document.sections[0]
            .text
            .ends_with("which goes on\n1 Days of sickness do not count as days of leave.")
    );
    assert_eq!(
        document.sections[1].text,
        "over the page.\n2 Travel is paid by the office that sends you."
    );
}

#[test]
fn running_headers_and_footers_are_left_out_and_reported() {
    let content = |n: usize, body: &str| {
        [
            show(72, 810, 9, "Staff handbook"),
            show(72, 600, 11, body),
            show(280, 30, 9, &format!("Page {n} of 3")),
        ]
        .concat()
    };
    let contents = [
        content(1, "Leave is granted."),
        content(2, "Sickness is told."),
        content(3, "Travel is paid."),
    ];
    let bytes = pages(&contents.iter().map(String::as_str).collect::<Vec<_>>(), "");
    let document = good(bytes);
    assert_eq!(text(&document), "Leave is granted.\nSickness is told.\nTravel is paid.");
    assert_eq!(document.pages[1].removed, ["Staff handbook", "Page 2 of 3"]);
}

#[test]
fn the_outline_gives_the_headings_and_labels_are_those_printed() {
    let one = [
        show(72, 780, 16, "1 Leave"),
        show(72, 740, 11, "Fifteen days a year."),
        show(72, 700, 13, "1.1 Sick leave"),
        show(72, 670, 11, "Tell your manager."),
    ]
    .concat();
    let two = [
        show(72, 780, 11, "It goes on here."),
        show(72, 740, 16, "2 Travel"),
        show(72, 700, 11, "Paid."),
    ]
    .concat();
    let item = |title: &str, page: u32, more: &str| {
        format!("<< /Title ({title}) /Dest [{page} 0 R /XYZ 0 800 0] {more} >>")
    };
    let sick = item("Sick leave", 4, "");
    let leave = item("Leave", 4, &format!("/First {sick} /Next {}", item("Travel", 6, "")));
    let catalog = format!(
        "/PageLabels << /Nums [0 << /S /r /St 3 >> 1 << /S /D /P (A-) >>] >> /Outlines << /First {leave} >>"
    );
    let document = good(pages(&[&one, &two], &catalog));
    let found: Vec<(Option<u32>, &str, &str)> = document
        .sections
        .iter()
        .map(|s| (s.page, s.heading.as_deref().unwrap_or(""), s.text.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (Some(1), "Leave", "1 Leave\nFifteen days a year."),
            (Some(1), "Leave > Sick leave", "1.1 Sick leave\nTell your manager."),
            (Some(2), "Leave > Sick leave", "It goes on here."),
            (Some(2), "Travel", "2 Travel\nPaid."),
        ]
    );
    let labels: Vec<Option<&str>> = document.pages.iter().map(|p| p.label.as_deref()).collect();
    assert_eq!(labels, [Some("iii"), Some("A-1")]);
}

#[test]
fn without_an_outline_larger_lines_are_headings() {
    let body = |from: u32| {
        (0..6)
            .map(|n| show(72, from - 14 * n, 11, "a line of ordinary text that fills the page"))
            .collect::<String>()
    };
    let content =
        [show(72, 800, 20, "Handbook"), body(770), show(72, 670, 15, "Leave"), body(640)].concat();
    let document = good(pages(&[&content], ""));
    let found: Vec<&str> = document.sections.iter().filter_map(|s| s.heading.as_deref()).collect();
    assert_eq!(found, ["Handbook", "Handbook > Leave"]);
}

#[test]
fn a_file_without_its_table_or_its_catalog_is_recovered() {
    let whole = pages(&["BT /F 12 Tf 72 700 Td (still here) Tj ET"], "");
    let at = |word: &[u8]| whole.windows(word.len()).rposition(|w| w == word).unwrap();
    let replaced = |from: &[u8], to: &[u8]| {
        let mut bytes = whole.clone();
        let place = at(from);
        bytes.splice(place..place + from.len(), to.iter().copied());
        bytes
    };
    let catalog_lost = {
        let mut bytes = replaced(b"/Type /Catalog", b"/Type /Lost");
        let table = bytes.windows(4).position(|w| w == b"xref").unwrap();
        bytes.truncate(table);
        bytes
    };
    for (damage, bytes) in [
        ("no table", whole[..at(b"xref\n0")].to_vec()),
        ("a wrong start", replaced(b"startxref\n", b"startxref\n9")),
        ("shifted by an inserted line", replaced(b"%PDF-1.4\n", b"%PDF-1.4\n% inserted\n")),
        ("no catalog", catalog_lost),
        ("no header where it should be", [b"junk\n".as_slice(), &whole].concat()),
    ] {
        assert_eq!(text(&good(bytes)), "still here", "{damage}");
    }
}

#[test]
fn an_update_at_the_end_of_a_file_counts() {
    let mut bytes = pages(&["BT /F 12 Tf 72 700 Td (old words) Tj ET"], "");
    let before = bytes.windows(4).position(|w| w == b"xref").unwrap();
    let place = bytes.len();
    bytes.extend(
        format!("5 0 obj\n{}\nendobj\n", stream("", "BT /F 12 Tf 72 700 Td (new words) Tj ET"))
            .bytes(),
    );
    let table = bytes.len();
    bytes.extend(
        format!(
            "xref\n5 1\n{place:010} 00000 n \ntrailer\n<< /Size 6 /Root 1 0 R /Prev {before} >>\nstartxref\n{table}\n%%EOF\n"
        )
        .bytes(),
    );
    assert_eq!(text(&good(bytes)), "new words");
}

#[test]
fn an_encrypted_file_is_read_with_its_password_only() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/note-encrypted.pdf");
    let bytes = std::fs::read(path).unwrap();
    let limits = Limits::default();
    for password in ["", "guess"] {
        let error = read_with_password(bytes.clone(), "a.pdf", &limits, password).unwrap_err();
        assert_eq!(error, DocumentError::Encrypted);
    }
    let document = read_with_password(bytes, "a.pdf", &limits, "secret").unwrap();
    assert!(text(&document).contains("Badges are worn"), "{}", text(&document));
}

#[test]
fn a_stream_that_cannot_be_unpacked_is_reported() {
    let bytes = pdf_with(
        &[
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>",
            &stream("/Filter /Unheard", "BT ET"),
        ],
        "",
    );
    let document = good(bytes);
    assert_eq!(
        document.pages[0].problems,
        [PageProblem::Broken { streams: 1 }, PageProblem::NoText]
    );
    assert_eq!(document.warnings, ["page 1: a part of it cannot be unpacked", "no text on page 1"]);
}

#[test]
fn hostile_pages_end_in_time() {
    let deep = "[".repeat(100_000);
    let open = "q BT /Span << /ActualText (x) >> BDC ".repeat(20_000);
    let everywhere =
        (0..20_000).map(|n| show(n * 7 % 595, n * 13 % 842, 9, "x y")).collect::<String>();
    let one_row = (0..30_000).map(|n| show(n * 40, 400, 9, "x")).collect::<String>();
    let one_place = (0..20_000).map(|n| show(72, 400, 9, &format!("x{n}"))).collect::<String>();
    let ragged = (0..12_000)
        .map(|n| show(n % 40 * 11, 100_000 - n / 3 * 14, 9, "some words"))
        .collect::<String>();
    // Hundreds of tables with letters all over them, and lines that all meet.
    let tables = (0..300).fold(everywhere.clone(), |mut content, n| {
        let (x, y) = (n % 15 * 38, n / 15 * 41);
        for step in 0..3 {
            content += &border(x, y + 10 * step, x + 20, y + 10 * step);
            content += &border(x + 10 * step, y, x + 10 * step, y + 20);
        }
        content
    });
    let lines = (0..1_900)
        .map(|n| border(0, n / 2, 595, n / 2) + &border(n / 4, 0, n / 4, 842))
        .collect::<String>()
        + &everywhere;
    // A line of holes, and a letter for each of them.
    let holes = (0..10_000).fold(
        format!("BT /F 0.1 Tf 0 400 Td [{}] TJ ET ", "(x) -900 ".repeat(10_000)),
        |content, n| {
            content + &format!("BT /F 0.1 Tf {:.3} 400 Td (i) Tj ET ", 0.14 * n as f32 + 0.08)
        },
    );
    let huge = "BT /F 1e30 Tf 1e30 1e30 Td (far) Tj -9e37 0 0 9e37 0 0 Tm (away) Tj ET";
    for content in [
        deep.as_str(),
        &open,
        &everywhere,
        &one_row,
        &one_place,
        &ragged,
        huge,
        &tables,
        &lines,
        &holes,
    ] {
        let begun = Instant::now();
        let read = read(pages(&[content, content], ""), "a.pdf", &Limits::default());
        assert!(read.is_ok(), "{:?} {}", read, &content[..40]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", &content[..40]);
    }
}

#[test]
fn an_outline_that_is_a_loop_ends() {
    let catalog = "/Outlines 6 0 R /PageLabels 6 0 R /Names << /Dests 6 0 R >>";
    let mut contents = pages(&["BT /F 12 Tf 72 700 Td (text) Tj ET"], catalog);
    // Object 6 is its own child, sibling and tree.
    let object = "6 0 obj\n<< /Title (x) /First 6 0 R /Next 6 0 R /Kids [6 0 R 6 0 R 6 0 R] /Dest (y) >>\nendobj\n";
    let table = contents.windows(4).position(|w| w == b"xref").unwrap();
    contents.truncate(table);
    contents.extend(object.bytes());
    contents.extend(b"trailer\n<< /Root 1 0 R >>\n");
    assert_eq!(text(&good(contents)), "text");
}
