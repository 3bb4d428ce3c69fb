//! Text recognized on scanned pages, where the programs for it are installed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rag_documents::ocr::{Recognizer, RecognizerError};
use rag_documents::{Limits, PageProblem, read, read_file};

/// The recognizer, or a line that says why the test is skipped.
fn recognizer() -> Option<Recognizer> {
    match Recognizer::find("chi_sim+eng") {
        Ok(recognizer) => Some(recognizer),
        Err(cause) => {
            eprintln!("skipped: {cause}");
            None
        }
    }
}

/// A page of a real document as a scanner would give it: an image, and nothing else.
fn scanned() -> Vec<u8> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/note.pdf");
    let drawn = Command::new("pdftoppm").args(["-gray", "-r", "200", "-l", "1", source]).output();
    let drawn = drawn.unwrap().stdout;
    // `P5`, the size, the brightest value, and a byte for each pixel.
    let mut lines = drawn.splitn(4, |byte| *byte == b'\n');
    let (_, size) = (lines.next(), lines.next().unwrap());
    let size: Vec<usize> =
        std::str::from_utf8(size).unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
    let pixels = lines.nth(1).unwrap();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(pixels).unwrap();
    let image = encoder.finish().unwrap();
    let mut out = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n\
        2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n\
        3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>\nendobj\n\
        4 0 obj\n<< /Length 28 >>\nstream\nq 595 0 0 842 0 0 cm /I Do Q\nendstream\nendobj\n".to_vec();
    out.extend(
        format!(
            "5 0 obj\n<< /Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace /DeviceGray \
             /BitsPerComponent 8 /Filter /FlateDecode /Length {} >>\nstream\n",
            size[0],
            size[1],
            image.len()
        )
        .bytes(),
    );
    out.extend(image);
    out.extend(b"\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n");
    out
}

#[test]
fn a_scanned_page_gives_its_text_in_both_languages() {
    let Some(recognizer) = recognizer() else { return };
    let limits = Limits::default();
    let bytes = scanned();
    let mut document = read(bytes.clone(), "a.pdf", &limits).unwrap();
    assert_eq!(document.pages[0].problems, [PageProblem::ImageOnly]);
    recognizer.fill(&mut document, &bytes, &limits);
    let text = &document.sections[0].text;
    for words in ["Badges are worn", "Visitors wear red badges.", "门禁卡遗失后"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(document.pages[0].problems, [PageProblem::Recognized]);
    assert_eq!(document.warnings, ["recognized in images, with possible mistakes: page 1"]);
}

#[test]
fn a_page_that_cannot_be_recognized_says_why() {
    let Some(recognizer) = recognizer() else { return };
    let bytes = scanned();
    for (limits, expected) in [
        (
            Limits { time: Duration::from_millis(1), ..Limits::default() },
            "pdftoppm: it takes longer than 1 ms",
        ),
        (Limits { memory: 1 << 20, ..Limits::default() }, "none could be recognized ("),
        (Limits { text: 10, ..Limits::default() }, "page 1 has more than 10 bytes of text"),
    ] {
        let mut document = read(bytes.clone(), "a.pdf", &Limits::default()).unwrap();
        recognizer.fill(&mut document, &bytes, &limits);
        assert!(document.warnings[0].contains(expected), "{:?}", document.warnings);
        assert_eq!(document.sections[0].text, "");
    }
}

#[test]
fn pages_with_text_are_left_as_they_are() {
    let Some(recognizer) = recognizer() else { return };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/note.pdf");
    let document = read_file(path.as_ref(), &Limits::default()).unwrap();
    let mut filled = document.clone();
    recognizer.fill(&mut filled, &std::fs::read(path).unwrap(), &Limits::default());
    assert_eq!(filled, document);
}

#[test]
fn a_language_that_is_not_installed_is_named() {
    if recognizer().is_none() {
        return;
    }
    let error = Recognizer::find("eng+klingon").unwrap_err();
    assert!(
        matches!(&error, RecognizerError::NoLanguage { language, .. } if language == "klingon")
    );
}
