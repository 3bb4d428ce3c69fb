//! The readers through their public surface: real files, and hostile or broken ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rag_documents::{Document, DocumentError, Format, Limits, read, read_file};
use zip::write::{SimpleFileOptions, ZipWriter};

#[path = "made/pdf.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod made;
#[path = "made/ole.rs"]
mod ole;
use made::stream;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

fn good(name: &str) -> Document {
    read_file(&fixture(name), &Limits::default()).unwrap()
}

fn reason(bytes: impl Into<Vec<u8>>, name: &str) -> String {
    read(bytes.into(), name, &Limits::default()).unwrap_err().to_string()
}

fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A DOCX whose body holds this XML.
fn docx(body: &str) -> Vec<u8> {
    let document = format!(r#"<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#);
    zipped(&[("word/document.xml", document.as_bytes())])
}

fn text(document: &Document) -> String {
    document.sections.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn pdf(objects: &[&str]) -> Vec<u8> {
    made::pdf_with(objects, "")
}

const CATALOG: &str = "<< /Type /Catalog /Pages 2 0 R >>";
const PAGES: &str = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";

#[test]
fn a_pdf_gives_its_pages_in_both_languages() {
    let document = good("note.pdf");
    assert_eq!(document.format, Format::Pdf);
    assert_eq!(document.sections[0].page, Some(1));
    let text = text(&document);
    for words in ["Badges are worn", "Visitors wear red badges.", "门禁卡遗失后应当在当天报告。"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(document.warnings, [""; 0]);
}

#[test]
fn a_docx_gives_heading_paths_tables_and_lists() {
    let document = good("policy.docx");
    let found: Vec<_> = document
        .sections
        .iter()
        .map(|s| (s.page, s.heading.as_deref().unwrap_or(""), s.text.lines().next().unwrap_or("")))
        .collect();
    assert_eq!(found.len(), 4);
    assert_eq!(found[0].1, "Leave policy");
    assert_eq!(found[1].1, "Leave policy > Annual leave");
    assert_eq!(
        found[2],
        (None, "Leave policy > Sick leave", "- Call your manager before nine o'clock.")
    );
    assert_eq!(found[3].1, "差旅政策 > 住宿标准");
    assert!(document.sections[1].text.contains("Years | Days\n0 to 9 | 15\n10 and more | 20"));
}

#[test]
fn a_footnote_stands_at_the_end_of_its_section_and_deleted_text_nowhere() {
    let document = good("note.docx");
    assert_eq!(document.sections[0].heading.as_deref(), Some("Security"));
    assert_eq!(
        document.sections[0].text,
        "Badges are worn[1] at all times.\nName\tOffice\nSecond line\n[1] Visitors wear red badges."
    );
    assert_eq!(document.sections[1].heading.as_deref(), Some("Security > 门禁"));
    assert!(!text(&document).contains("REMOVED"));
}

#[test]
fn a_file_that_is_no_document_says_why() {
    // An OLE container with one stream in its directory.
    let book = zipped(&[("xl/workbook.xml", b"<workbook/>")]);
    for (bytes, name, expected) in [
        (Vec::new(), "a.pdf", "the file is empty"),
        (b"hello".to_vec(), "a.pdf", "it is broken: it does not begin like a PDF"),
        (b"hello".to_vec(), "a.docx", "it is broken: it does not begin like a DOCX"),
        (
            b"<!DOCTYPE html><html>".to_vec(),
            "a.pdf",
            "it is misnamed: its content is an HTML page, its extension .pdf",
        ),
        (bytes("note.pdf"), "a.docx", "it is misnamed: its content is a PDF, its extension .docx"),
        (bytes("note.docx"), "a.pdf", "it is misnamed: its content is a DOCX, its extension .pdf"),
        (bytes("note-encrypted.pdf"), "a.pdf", "it is encrypted; save a copy without a password"),
        (
            ole::with_stream("EncryptedPackage"),
            "a.docx",
            "it is encrypted; save a copy without a password",
        ),
        (book, "a.docx", "it is an Excel workbook, which is not read; save it as CSV or PDF"),
        (
            ole::with_stream("WordDocument"),
            "a.doc",
            "it is an old Word document (.doc), which is not read; save it as DOCX or PDF",
        ),
        (
            zipped(&[("x", b"y")]),
            "a.docx",
            "it is a zip archive, which is not read; unpack it and name the documents in it",
        ),
    ] {
        assert_eq!(reason(bytes, name), expected, "{name}");
    }
    let error = read_file(&fixture("nowhere.pdf"), &Limits::default()).unwrap_err();
    assert!(matches!(error, DocumentError::Unreadable(_)));
}

/// The document, or `None` for an error. A panic in a reader is an error to its callers; here it is a fault.
fn read_without_panic(bytes: Vec<u8>, name: &str) -> Option<Document> {
    match read(bytes, name, &Limits::default()) {
        Ok(document) => Some(document),
        Err(error) => {
            assert!(!error.to_string().contains("the reader gave up"), "{name}: a reader panicked");
            None
        }
    }
}

#[test]
fn a_file_cut_short_anywhere_is_an_error_or_partial_but_no_panic() {
    for name in ["note.pdf", "note.docx", "policy.docx"] {
        let whole = bytes(name);
        for part in 1..20 {
            let cut = whole[..whole.len() * part / 20].to_vec();
            if let Some(document) = read_without_panic(cut, name) {
                assert!(name == "note.pdf" && !document.sections.is_empty(), "{name} {part}/20");
            }
        }
    }
}

#[test]
fn flipped_bytes_are_no_panic() {
    for name in ["note.pdf", "note.docx"] {
        let whole = bytes(name);
        for seed in 0..60_usize {
            let mut spoiled = whole.clone();
            for step in 0..20 {
                let at = (seed * 7919 + step * 104_729) % spoiled.len();
                spoiled[at] ^= (seed + step) as u8 | 1;
            }
            let read = read_without_panic(spoiled, name);
            // What survives is still a document with sections, never an empty success.
            assert!(read.is_none_or(|document| !document.sections.is_empty()), "{name} {seed}");
        }
    }
}

#[test]
fn a_zip_bomb_is_too_large() {
    let limits = Limits { docx_part: 1 << 20, ..Limits::default() };
    let bytes = docx(&format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", "0".repeat(8 << 20)));
    assert!(bytes.len() < 100_000);
    let error = read(bytes, "a.docx", &limits).unwrap_err();
    assert!(error.to_string().contains("word/document.xml has more than 1048576 bytes"));
}

#[test]
fn a_reason_that_quotes_a_document_is_no_longer_than_a_line() {
    let reason = reason(docx(&format!("<w:{}></w:p>", "名".repeat(10_000))), "a.docx");
    assert!(reason.starts_with("it is broken: "), "{reason}");
    assert!(reason.chars().count() < 400, "{}", reason.len());
}

#[test]
fn xml_nested_without_end_is_too_large() {
    assert!(reason(docx(&"<w:x>".repeat(100_000)), "a.docx").contains("nested more than 256 deep"));
}

#[test]
fn forms_are_followed_and_a_form_that_draws_itself_ends() {
    let font = "/Font << /F 5 0 R >>";
    let form = stream(
        &format!(
            "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << {font} /XObject << /X 6 0 R >> >>"
        ),
        "BT /F 12 Tf 10 10 Td (in the form) Tj ET /X Do /X Do",
    );
    let bytes = pdf(&[
        CATALOG,
        PAGES,
        &format!(
            "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << {font} /XObject << /X 6 0 R >> >> >>"
        ),
        &stream("", "BT /F 12 Tf 72 700 Td (before) Tj ET q 1 0 0 1 50 50 cm /X Do Q"),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        &form,
    ]);
    let begun = Instant::now();
    let document = read(bytes, "a.pdf", &Limits::default()).unwrap();
    assert!(text(&document).starts_with("before\nin the form"), "{}", text(&document));
    assert_eq!(
        document.warnings,
        ["page 1 has more than 12 forms inside each other and was read in part"]
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_page_tree_that_is_a_loop_ends() {
    let bytes = pdf(&[CATALOG, "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 >>"]);
    let begun = Instant::now();
    assert_eq!(reason(bytes, "a.pdf"), "it is broken: it has no pages");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn operators_that_move_to_the_next_line_part_words() {
    let bytes = pdf(&[
        CATALOG,
        PAGES,
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        &stream(
            "",
            "BT /F 10 Tf 14 TL 72 700 Td (one) Tj T* (two) Tj (three) ' [(f) -20 (our) -600 (five)] TJ ET",
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]);
    let document = read(bytes, "a.pdf", &Limits::default()).unwrap();
    assert_eq!(text(&document), "one\ntwo threefour five");
}

#[test]
fn a_page_of_a_picture_is_reported() {
    let bytes = pdf(&[
        CATALOG,
        PAGES,
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>",
        &stream("", "q 100 0 0 100 0 0 cm /I Do Q"),
        &stream(
            "/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8",
            "x",
        ),
    ]);
    let document = read(bytes, "a.pdf", &Limits::default()).unwrap();
    assert_eq!(document.sections.len(), 1);
    assert_eq!(document.warnings, ["page 1 has no text; is it a scanned image?"]);
}
