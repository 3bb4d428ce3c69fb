//! What is read of plain text and rows of values, and how files that are something else are refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rag_documents::{Document, Format, Limits, read};

#[path = "made/ole.rs"]
mod ole;

fn good(bytes: &[u8], name: &str) -> Document {
    read(bytes.to_vec(), name, &Limits::default()).unwrap()
}

fn reason(bytes: &[u8], name: &str) -> String {
    read(bytes.to_vec(), name, &Limits::default()).unwrap_err().to_string()
}

#[test]
fn text_keeps_its_lines() {
    let document = good("Title\r\n=====\r\n\r\n\r\n  One \r\ntwo\u{7}\r\n".as_bytes(), "a.TXT");
    assert_eq!(document.format, Format::Text);
    assert_eq!(document.sections.len(), 1);
    assert_eq!((document.sections[0].page, document.sections[0].heading.as_deref()), (None, None));
    assert_eq!(document.sections[0].text, "Title\n=====\n\n  One\ntwo");
    assert_eq!(good(b" \n\n", "a.log").warnings, ["it has no text"]);
}

#[test]
fn form_feeds_part_pages() {
    let document = good("one\n\u{C}\ntwo\n\u{C}三\n\u{C}\n".as_bytes(), "a.txt");
    let pages: Vec<_> = document.sections.iter().map(|s| (s.page, s.text.as_str())).collect();
    assert_eq!(pages, [(Some(1), "one"), (Some(2), "two"), (Some(3), "三")]);
    assert_eq!(document.pages.len(), 3);
    let limits = Limits { pdf_pages: 2, ..Limits::default() };
    let error = read(b"1\x0C2\x0C3".to_vec(), "a.txt", &limits).unwrap_err().to_string();
    assert_eq!(error, "it is too large: it has more than 2 pages");
}

#[test]
fn a_guessed_encoding_is_said() {
    let bytes = encoding_rs::GB18030.encode("第一章 考勤管理\n员工每天工作八小时。").0.into_owned();
    let document = good(&bytes, "a.txt");
    assert_eq!(document.sections[0].text, "第一章 考勤管理\n员工每天工作八小时。");
    assert_eq!(
        document.warnings,
        ["it does not say its encoding; it was read as gb18030, by its look"]
    );
}

#[test]
fn rows_of_values_are_rows() {
    let document = good("姓名,城市\n\"Li, Na\",上海\n".as_bytes(), "a.csv");
    assert_eq!(document.format, Format::Csv);
    assert_eq!(document.sections[0].text, "姓名 | 城市\nLi, Na | 上海");
}

#[test]
fn the_extension_chooses_among_text_formats_and_must_agree_with_others() {
    let pdf = b"%PDF-1.4\n1 0 obj";
    for (bytes, name, expected) in [
        (&pdf[..], "a.txt", "it is misnamed: its content is a PDF, its extension .txt"),
        (pdf, "a.md", "it is misnamed: its content is a PDF, its extension .md"),
        (
            b"\x89PNG\r\n\x1A\n....",
            "a.txt",
            "it is misnamed: its content is a PNG image, its extension .txt",
        ),
        (
            b"{\\rtf1 x}",
            "a.txt",
            "it is misnamed: its content is a Rich Text file (.rtf), its extension .txt",
        ),
        (
            b"<!DOCTYPE html>",
            "a.docx",
            "it is misnamed: its content is an HTML page, its extension .docx",
        ),
        (&[7; 400], "a.txt", "it is misnamed: its content is binary data, its extension .txt"),
        (&[0; 400], "a.html", "it is misnamed: its content is binary data, its extension .html"),
    ] {
        assert_eq!(reason(bytes, name), expected);
    }
    // A text about PDFs is none; a page that is named like text is text.
    assert_eq!(good(b"The header is %PDF-1.7", "a.md").format, Format::Markdown);
    assert_eq!(good(b"<!DOCTYPE html><p>x", "a.txt").sections[0].text, "<!DOCTYPE html><p>x");
}

#[test]
fn what_is_not_read_says_what_to_do_instead() {
    let zipped = |mimetype: &str| {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.resize(30, 0);
        bytes.extend(b"mimetype");
        bytes.extend(mimetype.bytes());
        bytes
    };
    for (bytes, name, expected) in [
        (
            ole::with_stream("WordDocument"),
            "a.doc",
            "an old Word document (.doc), which is not read; save it as DOCX or PDF",
        ),
        (
            ole::with_stream("Workbook"),
            "a.xls",
            "an old Excel workbook (.xls), which is not read; save it as CSV or PDF",
        ),
        (
            ole::with_stream("PowerPoint Document"),
            "a.ppt",
            "an old PowerPoint presentation (.ppt), which is not read; save it as PDF",
        ),
        (
            ole::with_stream("x"),
            "a.wps",
            "an old Office file, which is not read; save it as DOCX or PDF",
        ),
        (
            zipped("application/vnd.oasis.opendocument.text"),
            "a.odt",
            "an OpenDocument text (.odt), which is not read; save it as DOCX or PDF",
        ),
        (
            zipped("application/epub+zip"),
            "a.epub",
            "an EPUB book, which is not read; convert it to HTML or PDF",
        ),
        (
            b"{\\rtf1 x}".to_vec(),
            "a.rtf",
            "a Rich Text file (.rtf), which is not read; save it as DOCX or PDF",
        ),
        (
            b"\xFF\xD8\xFF\xE0".to_vec(),
            "a.jpg",
            "a JPEG image, which is not read; make a PDF with a text layer of it (OCR)",
        ),
        (
            b"\x1F\x8B\x08".to_vec(),
            "a.gz",
            "a gzip archive, which is not read; unpack it and name the documents in it",
        ),
        (
            b"{}".to_vec(),
            "a.json",
            "a JSON file, which is not read; save what it says as text, Markdown or PDF",
        ),
        (
            b"x".to_vec(),
            "README",
            "of an unknown kind, which is not read; PDF, DOCX, Markdown, HTML, text and CSV are; a text can be renamed to .txt",
        ),
    ] {
        assert_eq!(reason(&bytes, name), format!("it is {expected}"), "{name}");
    }
    // Named as something that is read, it is misnamed.
    let found = reason(&ole::with_stream("WordDocument"), "a.docx");
    assert_eq!(
        found,
        "it is misnamed: its content is an old Word document (.doc), its extension .docx"
    );
}
