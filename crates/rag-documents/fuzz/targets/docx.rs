//! Any bytes as a DOCX, whole or as the parts of one: no panic, no hang, limits kept.
#![no_main]

use std::io::{Cursor, Write};

use zip::write::{SimpleFileOptions, ZipWriter};

#[path = "../checks.rs"]
mod checks;

/// Parts in the order in which the input gives them, with a zero byte between.
const PARTS: [&str; 8] = [
    "word/document.xml",
    "word/styles.xml",
    "word/numbering.xml",
    "word/footnotes.xml",
    "word/comments.xml",
    "word/_rels/document.xml.rels",
    "word/header1.xml",
    "_rels/.rels",
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // A container is seldom mutated into another that opens, so most inputs are put into one.
    if data.starts_with(b"PK") {
        checks::read(data.to_vec(), "a.docx");
        return;
    }
    let mut container = ZipWriter::new(Cursor::new(Vec::new()));
    let parts = PARTS.iter().zip(data.splitn(PARTS.len(), |byte| *byte == 0));
    for (name, content) in parts.filter(|(_, content)| !content.is_empty()) {
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        if container.start_file(*name, stored).is_err() || container.write_all(content).is_err() {
            return;
        }
    }
    if let Ok(bytes) = container.finish() {
        checks::read(bytes.into_inner(), "a.docx");
    }
});
