//! Limits of the PDF reader: each is named with its value when it is hit, and hostile files end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rag_documents::{Document, DocumentError, Limits, read};

#[path = "made/pdf.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod made;
use made::{pages, pdf_with, stream};

const CATALOG: &str = "<< /Type /Catalog /Pages 2 0 R >>";
const PAGES: &str = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";
const FONT: &str =
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

fn within(bytes: Vec<u8>, limits: Limits) -> Result<Document, DocumentError> {
    read(bytes, "a.pdf", &limits)
}

fn error(bytes: Vec<u8>, limits: Limits) -> String {
    within(bytes, limits).unwrap_err().to_string()
}

fn warnings(bytes: Vec<u8>, limits: Limits) -> Vec<String> {
    within(bytes, limits).unwrap().warnings
}

fn show(words: &str) -> String {
    format!("BT /F 12 Tf 72 700 Td ({words}) Tj ET\n")
}

/// A PDF whose objects may hold any bytes.
fn binary(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.5\n".to_vec();
    for (number, object) in (1..).zip(objects) {
        out.extend(format!("{number} 0 obj\n").bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    out.extend(b"trailer\n<< /Root 1 0 R >>\n%%EOF\n");
    out
}

fn packed(dictionary: &str, content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    let content = encoder.finish().unwrap();
    let head = format!("<< {dictionary} /Filter /FlateDecode /Length {} >>", content.len());
    [head.as_bytes(), b"\nstream\n", &content, b"\nendstream"].concat()
}

fn page_with(content: Vec<u8>) -> Vec<u8> {
    let page =
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>";
    binary(&[CATALOG.into(), PAGES.into(), page.into(), content, FONT.into()])
}

#[test]
fn a_large_file_many_pages_and_much_text_are_named() {
    let (one, two) = (show("one"), show("two words"));
    let both = pages(&[&one, &two], "");
    let length = both.len() as u64;
    let limits = Limits { file: 300, ..Limits::default() };
    assert_eq!(error(both.clone(), limits), "it is too large: it has more than 300 bytes");
    assert!(within(both.clone(), Limits { file: length, ..Limits::default() }).is_ok());
    let limits = Limits { pdf_pages: 1, ..Limits::default() };
    assert_eq!(error(both.clone(), limits), "it is too large: it has more than 1 pages");
    let limits = Limits { text: 5, ..Limits::default() };
    assert_eq!(error(both, limits), "it is too large: it has more than 5 bytes of text");
}

#[test]
fn a_page_that_unpacks_without_end_is_read_in_part() {
    let bomb = [show("before").into_bytes(), vec![b' '; 8 << 20]].concat();
    let bytes = page_with(packed("", &bomb));
    assert!(bytes.len() < 20_000);
    let limits = Limits { pdf_page: 1 << 20, ..Limits::default() };
    assert_eq!(
        warnings(bytes.clone(), limits)[0],
        "page 1 has more than 1 MiB of content and was read in part"
    );
    let document = within(bytes, Limits::default()).unwrap();
    assert_eq!(document.sections[0].text, "before");
}

#[test]
fn more_instructions_than_the_limit_are_named() {
    let content = show("x").repeat(100);
    let limits = Limits { pdf_instructions: 50, ..Limits::default() };
    assert_eq!(
        warnings(pages(&[&content], ""), limits),
        ["page 1 has more than 50 instructions and was read in part"]
    );
}

#[test]
fn a_value_shown_again_and_again_counts_each_time() {
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [{}] >>",
        "5 0 R ".repeat(1_000)
    );
    let field = format!(
        "<< /Type /Annot /Subtype /Widget /Rect [10 10 300 30] /FT /Tx /V ({}) >>",
        "a long value ".repeat(1_000)
    );
    let bytes = pdf_with(&[CATALOG, PAGES, &page, &stream("", ""), &field], "");
    let limits = Limits { pdf_page: 1 << 16, ..Limits::default() };
    assert_eq!(
        warnings(bytes, limits),
        ["page 1 has more than 64 KiB of text and was read in part"]
    );
}

#[test]
fn a_form_drawn_again_and_again_shares_the_allowance_of_its_page() {
    // Each of seven levels draws the next one ten times.
    let font = "/Font << /F 5 0 R >>";
    let mut objects = vec![
        CATALOG.to_owned(),
        PAGES.to_owned(),
        format!(
            "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << {font} /XObject << /X 6 0 R >> >> >>"
        ),
        stream("", &"/X Do ".repeat(10)),
        FONT.to_owned(),
    ];
    for next in 7..13 {
        objects.push(stream(
            &format!("/Subtype /Form /BBox [0 0 9 9] /Resources << {font} /XObject << /X {next} 0 R >> >>"),
            &"/X Do ".repeat(10),
        ));
    }
    objects.push(stream(
        &format!("/Subtype /Form /BBox [0 0 9 9] /Resources << {font} >>"),
        &show("x"),
    ));
    let bytes = pdf_with(&objects.iter().map(String::as_str).collect::<Vec<_>>(), "");
    let limits = Limits { pdf_page: 1 << 16, ..Limits::default() };
    assert_eq!(
        warnings(bytes.clone(), limits),
        ["page 1 has more than 64 KiB of content and was read in part"]
    );
    let limits = Limits { pdf_instructions: 1_000, ..Limits::default() };
    assert_eq!(
        warnings(bytes, limits),
        ["page 1 has more than 1000 instructions and was read in part"]
    );
}

#[test]
fn packed_objects_that_unpack_without_end_are_named() {
    let members = format!("1 0 2 {} ", CATALOG.len() + 1);
    let padding = " ".repeat(8 << 20);
    let inner = format!("{members}{CATALOG} {PAGES}{padding}");
    let dictionary = format!("/Type /ObjStm /N 2 /First {}", members.len());
    let page = "<< /Type /Page /Parent 2 0 R /Contents 5 0 R >>";
    let mut bytes = b"%PDF-1.5\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in [
        (3, page.as_bytes().to_vec()),
        (4, packed(&dictionary, inner.as_bytes())),
        (5, stream("", "BT ET").into_bytes()),
    ] {
        offsets.push(bytes.len());
        bytes.extend(format!("{number} 0 obj\n").bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let table = bytes.len();
    let entry =
        |kind: u8, at: usize, more: u8| [&[kind][..], &(at as u16).to_be_bytes(), &[more]].concat();
    let entries = [
        entry(0, 0, 0),
        entry(2, 4, 0),
        entry(2, 4, 1),
        entry(1, offsets[0], 0),
        entry(1, offsets[1], 0),
        entry(1, offsets[2], 0),
        entry(1, table, 0),
    ]
    .concat();
    bytes.extend(b"6 0 obj\n");
    bytes.extend(
        format!(
            "<< /Type /XRef /Size 7 /W [1 2 1] /Root 1 0 R /Length {} >>\nstream\n",
            entries.len()
        )
        .bytes(),
    );
    bytes.extend(entries);
    bytes.extend(format!("\nendstream\nendobj\nstartxref\n{table}\n%%EOF\n").bytes());
    assert_eq!(within(bytes.clone(), Limits::default()).unwrap().sections.len(), 1);
    let limits = Limits { pdf_stream: 1 << 20, ..Limits::default() };
    assert_eq!(error(bytes, limits), "it is too large: a stream of it has more than 1 MiB");
}

/// Reads a file that must end, whatever it gives, without a reader that gives up.
fn ends(what: &str, bytes: Vec<u8>) {
    let (done, waits) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(within(bytes, Limits::default())));
    let result = waits.recv_timeout(Duration::from_secs(60));
    let result = result.unwrap_or_else(|_| panic!("{what}: no end"));
    if let Err(error) = result {
        assert!(!error.to_string().contains("the reader gave up"), "{what}");
    }
}

#[test]
fn objects_nested_without_end_end() {
    for (what, object) in [
        ("arrays", "[".repeat(300_000)),
        ("closed arrays", "[".repeat(100_000) + &"]".repeat(100_000)),
        ("dictionaries", "<< /A ".repeat(100_000)),
        ("closed dictionaries", "<< /A ".repeat(50_000) + "1" + &" >>".repeat(50_000)),
        ("strings", "(".repeat(300_000)),
        ("closed strings", "(".repeat(100_000) + &")".repeat(100_000)),
    ] {
        let page = "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots 5 0 R >>";
        ends(what, pdf_with(&[CATALOG, PAGES, page, &stream("", &object), &object], ""));
    }
}

#[test]
fn references_that_lead_back_end() {
    for (what, object) in [
        ("itself", "5 0 R"),
        ("a length", "<< /Length 5 0 R >>\nstream\nx\nendstream"),
        ("a filter", "<< /Filter 5 0 R /Length 1 >>\nstream\nx\nendstream"),
        (
            "a font",
            "<< /Type /Font /Subtype /Type0 /DescendantFonts [5 0 R] /Encoding 5 0 R /ToUnicode 5 0 R /W 5 0 R >>",
        ),
        ("a map", "<< /UseCMap 5 0 R /Length 0 >>\nstream\n\nendstream"),
        (
            "a tree",
            "<< /Kids [5 0 R 5 0 R] /Nums [0 5 0 R] /Names [(a) 5 0 R] /First 5 0 R /Next 5 0 R /Parent 5 0 R >>",
        ),
    ] {
        let catalog = "<< /Type /Catalog /Pages 2 0 R /PageLabels 5 0 R /Outlines 5 0 R /Names << /Dests 5 0 R >> >>";
        let page = "<< /Type /Page /Parent 5 0 R /Contents [4 0 R 5 0 R] /Annots 5 0 R /MediaBox 5 0 R \
             /Resources << /Font << /F 5 0 R >> /XObject << /X 5 0 R >> >> >>";
        let content = stream("", "BT /F 12 Tf (x) Tj ET /X Do");
        ends(what, pdf_with(&[catalog, PAGES, page, &content, object], ""));
    }
}

#[test]
fn absurd_counts_take_no_room() {
    let most = u64::from(u32::MAX);
    let font = |more: &str| format!("<< /Type /Font /Subtype /TrueType /BaseFont /X {more} >>");
    let composite = |more: &str| {
        format!(
            "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [<< /Type /Font /Subtype /CIDFontType0 /CIDSystemInfo << /Ordering (GB1) >> {more} >>] >>"
        )
    };
    for (what, object) in [
        ("first", font(&format!("/FirstChar {most} /LastChar {most} /Widths [500]"))),
        ("negative", font("/FirstChar -2147483648 /LastChar 2147483647 /Widths [500]")),
        ("differences", font(&format!("/Encoding << /Differences [{most} /a -1 /b] >>"))),
        ("widths", composite(&format!("/W [0 {most} 500 {most} [1 2 3]] /DW {most}"))),
    ] {
        let page =
            "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>";
        let content = stream("", "BT /F 12 Tf 72 700 Td (abc) Tj ET");
        ends(what, pdf_with(&[CATALOG, PAGES, page, &content, &object], ""));
    }
    for (what, catalog) in [
        (
            "labels",
            format!(
                "/PageLabels << /Nums [{most} << /S /r /St {most} >> 0 << /S /A /St {most} >>] >>"
            ),
        ),
        (
            "outline",
            format!(
                "/Outlines << /Count {most} /First << /Title (x) /Dest [{most} /XYZ 0 0 0] >> >>"
            ),
        ),
    ] {
        ends(what, pages(&[&show("x")], &catalog));
    }
    let whole = String::from_utf8(pages(&[&show("x")], "")).unwrap();
    for (what, from, to) in [
        ("size", "/Size 6", "/Size 4294967295"),
        ("table", "xref\n0 6", "xref\n0 4294967295"),
        ("count", "/Count 1", "/Count 4294967295"),
        ("length", "/Length 3", "/Length 99999999993"),
        ("start", "startxref\n", "startxref\n99999999999999999999"),
    ] {
        assert!(whole.contains(from), "{what}");
        ends(what, whole.replacen(from, to, 1).into_bytes());
    }
    let predictor = format!(
        "/DecodeParms << /Predictor 12 /Columns {most} /Colors 255 /BitsPerComponent 255 >>"
    );
    ends("predictor", page_with(packed(&predictor, b"BT ET")));
    ends(
        "filters",
        page_with(
            stream(&format!("/Filter [{}]", "/FlateDecode ".repeat(1_000)), "x").into_bytes(),
        ),
    );
    let lzw = format!("/Filter /LZWDecode /DecodeParms << /Predictor 2 /Columns {most} >>");
    ends("lzw", page_with(stream(&lzw, "x").into_bytes()));
}
