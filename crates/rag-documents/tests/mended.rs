//! What is read of PDFs that are not written as they should be, as far as other readers read them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rag_documents::{Document, Limits, read};

#[path = "made/pdf.rs"]
#[expect(dead_code, reason = "made for other tests, too")]
mod made;
use made::{page, pdf_with, stream};

const HELVETICA: &str =
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

fn good(bytes: Vec<u8>) -> Document {
    read(bytes, "a.pdf", &Limits::default()).unwrap()
}

fn text(document: &Document) -> String {
    document.sections.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn check(objects: &[&str], expected: &str) {
    assert_eq!(text(&good(pdf_with(objects, ""))), expected, "{objects:?}");
}

#[test]
fn objects_with_mistakes_in_them_are_read() {
    let catalog = "<< /Type /Catalog /Pages 2 0 R >>";
    let tree = "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>";
    let page =
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>";
    let content = "BT /F 12 Tf 72 700 Td (some words) Tj ET";
    let plain = stream("", content);
    check(&[catalog, tree, page, &plain, HELVETICA], "some words");
    let endless = format!("<< >>\nstream\n{content}\nendstream");
    check(&[catalog, tree, page, &endless, HELVETICA], "some words");
    let spaced =
        "<< /Type /Font /Subtype /Type1 /BaseFont /Sans Serif /Encoding /WinAnsiEncoding >>";
    check(&[catalog, tree, page, &plain, spaced], "some words");
    // Fonts of the tree above, where the page names others or none.
    let above = "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] /Resources << /Font << /F 5 0 R >> >> >>";
    let bare = "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << >> >> >>";
    check(&[catalog, above, bare, &plain, HELVETICA], "some words");
    let inside = stream("", "BT /F 12 Tf 72 700 Td [(some ) 0.0 Tc -20 (words)] TJ ET");
    check(&[catalog, tree, page, &inside, HELVETICA], "some words");
}

#[test]
fn a_file_without_its_header_is_a_pdf_by_its_objects() {
    let bytes = page("BT /F 12 Tf 72 700 Td (some words) Tj ET", &[HELVETICA]);
    assert_eq!(text(&good(bytes[9..].to_vec())), "some words");
    let words = read(b"12 0 objections".to_vec(), "a.pdf", &Limits::default());
    assert_eq!(words.unwrap_err().to_string(), "it is broken: it does not begin like a PDF");
}

#[test]
fn an_encryption_dictionary_may_stand_in_the_trailer_or_in_parts() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/note-encrypted-in-trailer.pdf");
    let bytes = std::fs::read(path).unwrap();
    let direct = text(&good(bytes.clone()));
    assert!(direct.contains("Badges are worn"), "{direct}");

    // An update that takes the crypt filters out into an object.
    let tail = String::from_utf8_lossy(&bytes[bytes.len() - 1_000..]).into_owned();
    let trailer = &tail[tail.rfind("trailer").unwrap()..tail.rfind("startxref").unwrap()];
    let table: usize = tail[tail.rfind("startxref").unwrap() + 9..tail.rfind("%%EOF").unwrap()]
        .trim()
        .parse()
        .unwrap();
    let filters = &trailer[trailer.find("/CF<<").unwrap() + 3..trailer.find("/O<").unwrap()];
    let trailer = trailer
        .replace(filters, " 99 0 R")
        .replace("<</Size 29", &format!("<</Size 100/Prev {table}"));
    let mut updated = bytes;
    let object = updated.len();
    updated.extend(format!("99 0 obj\n{filters}\nendobj\n").bytes());
    let xref = updated.len();
    updated.extend(
        format!("xref\n99 1\n{object:010} 00000 n \n{trailer}startxref\n{xref}\n%%EOF\n").bytes(),
    );
    assert_eq!(text(&good(updated)), direct);
}

#[test]
fn text_far_outside_the_page_comes_last() {
    let content = "BT /F 12 Tf 1 0 0 1 72 -40000 Tm (of the next step) Tj 1 0 0 1 72 700 Tm (of this step) Tj ET";
    assert_eq!(text(&good(page(content, &[HELVETICA]))), "of this step\nof the next step");
}
