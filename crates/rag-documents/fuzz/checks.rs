//! What holds of every document that is read, whatever the bytes.

use rag_documents::{Document, DocumentError, Limits, read as read_document};

/// Small, so that the time of an input is spent on what it is and not on how much it is.
fn limits() -> Limits {
    const MIB: usize = 1024 * 1024;
    Limits {
        pdf_stream: 4 * MIB,
        pdf_page: MIB,
        pdf_instructions: 50_000,
        pdf_pages: 500,
        docx_part: 4 * MIB as u64,
        text: 4 * MIB,
        ..Limits::default()
    }
}

pub fn read(bytes: Vec<u8>, name: &str) {
    let limits = limits();
    match read_document(bytes, name, &limits) {
        Ok(document) => check(&document, &limits),
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains("the reader gave up"), "a reader panicked");
            assert!(text.len() < 4_096, "an error longer than a page");
            assert!(!matches!(error, DocumentError::Empty) || text == "the file is empty");
        }
    }
}

fn check(document: &Document, limits: &Limits) {
    let text: usize = document.sections.iter().map(|section| section.text.len()).sum();
    assert!(text <= 2 * limits.text, "more text than the limit");
    for (at, report) in document.pages.iter().enumerate() {
        assert_eq!(report.page as usize, at + 1, "pages are counted from 1");
    }
    for section in &document.sections {
        assert!(section.page != Some(0), "pages are counted from 1");
        assert!(section.heading.as_deref() != Some(""), "an empty heading");
    }
}
