//! Containers: where parts stand, how they are stored, and hostile ones.

use std::io::{Cursor, Write};

use rag_documents::{Document, DocumentError, Limits, read};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::made::{Docx, W, p, package, part, table, text, zipped};
use crate::{made, ole};

fn good(bytes: Vec<u8>, name: &str) -> Document {
    read(bytes, name, &Limits::default()).unwrap()
}

fn reason(bytes: Vec<u8>, name: &str) -> String {
    read(bytes, name, &Limits::default()).unwrap_err().to_string()
}

fn main_part() -> String {
    part("document", &format!("<w:body>{}</w:body>", p("年假十五天")))
}

#[test]
fn templates_and_files_with_macros_are_read_too() {
    for name in ["a.docx", "a.docm", "a.dotx", "a.DOTM"] {
        assert_eq!(text(&good(Docx::of(&p("text")).bytes(), name)), "text");
    }
    let misnamed = "it is misnamed: its content is a DOCX, its extension .doc";
    assert_eq!(reason(Docx::of(&p("text")).bytes(), "a.doc"), misnamed);
}

#[test]
fn the_main_part_stands_where_the_package_says() {
    let styles = part("styles", r#"<w:style w:styleId="h"><w:name w:val="heading 1"/></w:style>"#);
    let body = made::styled("h", "Title") + &p("text");
    let main = part("document", &format!("<w:body>{body}</w:body>"));
    for (target, name, beside, own) in [
        ("word/document2.xml", "word/document2.xml", "styles.xml", "word/_rels/document2.xml.rels"),
        ("/Word/Main.xml", "word/main.xml", "/other/styles.xml", "word/_rels/main.xml.rels"),
        ("main%20part.xml", "main part.xml", "./styles.xml", "_rels/main part.xml.rels"),
        ("a/../b/c.xml", "b\\c.xml", "../styles.xml", "b/_rels/c.xml.rels"),
    ] {
        let where_styles = match beside {
            "styles.xml" => "word/styles.xml",
            "/other/styles.xml" => "other/styles.xml",
            _ => "styles.xml",
        };
        let (package, own_relations) =
            (package(target), made::relations(&[("rId1", "styles", beside)]));
        let bytes = zipped(&[
            ("_rels/.rels", package.as_bytes()),
            (name, main.as_bytes()),
            (own, own_relations.as_bytes()),
            (where_styles, styles.as_bytes()),
        ]);
        let document = good(bytes, "a.docx");
        assert_eq!(document.sections[0].heading.as_deref(), Some("Title"), "{target}");
        assert_eq!(text(&document), "text", "{target}");
    }
}

#[test]
fn a_container_without_relationships_has_its_text_in_the_usual_place() {
    assert_eq!(
        text(&good(zipped(&[("word/document.xml", main_part().as_bytes())]), "a.docx")),
        "年假十五天"
    );
}

#[test]
fn strict_namespaces_and_any_prefix_are_the_same_language() {
    let strict = main_part().replace(W, "http://purl.oclc.org/ooxml/wordprocessingml/main");
    let package = package("word/document.xml").replace(
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "http://purl.oclc.org/ooxml/officeDocument/relationships",
    );
    let bytes =
        zipped(&[("_rels/.rels", package.as_bytes()), ("word/document.xml", strict.as_bytes())]);
    assert_eq!(text(&good(bytes, "a.docx")), "年假十五天");
    let renamed = main_part().replace("w:", "x:").replace("xmlns:w", "xmlns:x");
    assert_eq!(
        text(&good(zipped(&[("word/document.xml", renamed.as_bytes())]), "a.docx")),
        "年假十五天"
    );
    let unprefixed =
        format!(r#"<document xmlns="{W}"><body><p><r><t>text</t></r></p></body></document>"#);
    assert_eq!(
        text(&good(zipped(&[("word/document.xml", unprefixed.as_bytes())]), "a.docx")),
        "text"
    );
}

#[test]
fn parts_may_be_utf_16() {
    let main = main_part().replace("UTF-8", "UTF-16");
    for (mark, unit) in [(true, u16::to_le_bytes as fn(u16) -> [u8; 2]), (false, u16::to_be_bytes)]
    {
        let marked = if mark { format!("\u{FEFF}{main}") } else { main.clone() };
        let bytes: Vec<u8> = marked.encode_utf16().flat_map(unit).collect();
        assert_eq!(text(&good(zipped(&[("word/document.xml", &bytes)]), "a.docx")), "年假十五天");
    }
    let wrong = [main_part().as_bytes(), b"\xFF"].concat();
    let wrong = reason(zipped(&[("word/document.xml", &wrong)]), "a.docx");
    assert!(wrong.starts_with("it is broken: word/document.xml"), "{wrong}");
}

#[test]
fn other_packages_are_named() {
    let kind = |name: &str, content: &str| reason(zipped(&[(name, content.as_bytes())]), "a.docx");
    let office = |target: &str, root: &str| {
        let package = package(target);
        let content = format!("<{root}/>");
        reason(
            zipped(&[("_rels/.rels", package.as_bytes()), (target, content.as_bytes())]),
            "a.docx",
        )
    };
    for (found, expected) in [
        (
            kind("mimetype", "application/vnd.oasis.opendocument.text"),
            "an OpenDocument text (.odt)",
        ),
        (
            kind("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
            "an OpenDocument spreadsheet (.ods)",
        ),
        (
            kind("mimetype", "application/vnd.oasis.opendocument.presentation"),
            "an OpenDocument presentation (.odp)",
        ),
        (kind("mimetype", "application/epub+zip"), "an EPUB book"),
        (kind("xl/workbook.xml", "<workbook/>"), "an Excel workbook"),
        (kind("word/fontTable.xml", "<x/>"), "a Word file without its text"),
        (kind("readme.txt", "x"), "a zip archive"),
        (office("xl/workbook.bin", "x"), "an Excel workbook"),
        (office("ppt/presentation.xml", "x"), "a PowerPoint presentation"),
        (office("main.xml", "workbook"), "an Excel workbook"),
    ] {
        assert!(found.starts_with(&format!("it is {expected}, ")), "{found}: {expected}");
    }
}

#[test]
fn old_office_files_are_named_by_their_streams() {
    for (stream, expected) in [
        ("WordDocument", "it is an old Word document (.doc)"),
        ("Workbook", "it is an old Excel workbook (.xls)"),
        ("PowerPoint Document", "it is an old PowerPoint presentation (.ppt)"),
        ("__properties_version1.0", "it is an Outlook message (.msg)"),
        ("Else", "it is an old Office file"),
        ("EncryptedPackage", "it is encrypted; save a copy without a password"),
    ] {
        let found = reason(ole::with_stream(stream), "a.bin");
        assert!(found.starts_with(expected), "{stream}: {found}");
    }
    assert!(reason(ole::with_stream("WordDocument"), "a.docx").starts_with("it is misnamed: "));
}

#[test]
fn containers_written_as_a_stream_or_with_large_headers_are_read() {
    for options in [
        SimpleFileOptions::default().large_file(true),
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
    ] {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("word/document.xml", options).unwrap();
        zip.write_all(main_part().as_bytes()).unwrap();
        assert_eq!(text(&good(zip.finish().unwrap().into_inner(), "a.docx")), "年假十五天");
    }
    // Sizes after the data, as programs write that cannot go back.
    let mut zip = ZipWriter::new_stream(Vec::new());
    zip.start_file("word/document.xml", SimpleFileOptions::default()).unwrap();
    zip.write_all(main_part().as_bytes()).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    assert_eq!(text(&good(bytes, "a.docx")), "年假十五天");
}

#[test]
fn a_container_cut_short_says_so() {
    let whole = Docx::of(&p("text")).bytes();
    for part in [1, 5, 9] {
        let found = reason(whole[..whole.len() * part / 10].to_vec(), "a.docx");
        assert!(
            found.starts_with("it is broken: its zip container is damaged or cut short"),
            "{found}"
        );
    }
}

#[test]
fn a_document_type_definition_is_refused() {
    let entities = r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>"#;
    let main = main_part().replace("?>", &format!("?>{entities}"));
    let found = reason(zipped(&[("word/document.xml", main.as_bytes())]), "a.docx");
    assert_eq!(
        found,
        "it is broken: word/document.xml has a document type definition, which is not allowed"
    );
    // An entity that nobody declared stands for nothing known.
    let main = main_part().replace("年假", "&lol;&#65;");
    assert_eq!(
        text(&good(zipped(&[("word/document.xml", main.as_bytes())]), "a.docx")),
        "\u{FFFD}A十五天"
    );
}

#[test]
fn names_that_lead_out_of_the_container_lead_nowhere() {
    let package = package("../../../../../../etc/passwd");
    let bytes = zipped(&[("_rels/.rels", package.as_bytes()), ("../../etc/passwd", b"<x/>")]);
    assert_eq!(
        reason(bytes, "a.docx"),
        "it is a zip archive, which is not read; unpack it and name the documents in it"
    );
}

#[test]
fn too_many_parts_and_too_much_in_all_parts_are_too_large() {
    let bytes = Docx::of(&p("text")).raw("word/styles.xml", &part("styles", "")).bytes();
    let error = |limits: Limits| read(bytes.clone(), "a.docx", &limits).unwrap_err();
    let found = error(Limits { docx_entries: 2, ..Limits::default() });
    assert_eq!(found, DocumentError::TooLarge("more than 2 parts".to_owned()));
    let found = error(Limits { docx_total: 1_000, ..Limits::default() });
    assert!(found.to_string().contains("and other parts have more than 1000 bytes"), "{found}");
    let found = error(Limits { text: 3, ..Limits::default() });
    assert_eq!(found, DocumentError::TooLarge("more than 3 bytes of text".to_owned()));
}

#[test]
fn absurd_nesting_is_too_large() {
    let mut nested = p("x");
    for _ in 0..200 {
        nested = table(&[&[&nested]]);
    }
    for body in [nested, "<w:sdt>".repeat(100_000), format!("<m:oMath>{}", "<m:e>".repeat(100_000))]
    {
        let found = reason(Docx::of(&body).bytes(), "a.docx");
        assert_eq!(found, "it is too large: XML nested more than 256 deep");
    }
}

#[test]
fn many_fields_inside_fields_cost_no_more_than_their_number() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let body =
        format!("<w:p>{}{}</w:p>", mark("begin").repeat(50_000), made::r("x").repeat(50_000));
    let document = good(Docx::of(&body).bytes(), "a.docx");
    assert_eq!(text(&document).len(), 50_000);
}

#[test]
fn an_encrypted_entry_and_a_damaged_one_are_told_apart() {
    let whole = zipped(&[("word/document.xml", main_part().as_bytes())]);
    let find = |magic: &[u8]| whole.windows(4).position(|bytes| bytes == magic).unwrap();
    let (local, central) = (find(b"PK\x03\x04"), find(b"PK\x01\x02"));
    let mut encrypted = whole.clone();
    encrypted[local + 6] |= 1;
    encrypted[central + 8] |= 1;
    assert_eq!(reason(encrypted, "a.docx"), "it is encrypted; save a copy without a password");
    let mut damaged = whole;
    damaged[central + 16] ^= 1;
    let found = reason(damaged, "a.docx");
    assert!(found.starts_with("it is broken: word/document.xml: "), "{found}");
}

/// Numbers that look random and are the same at each run (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

#[test]
fn known_elements_in_any_nesting_are_no_panic() {
    const ELEMENTS: [&str; 60] = [
        "w:p",
        "w:r",
        "w:t",
        "w:tbl",
        "w:tr",
        "w:tc",
        "w:tcPr",
        "w:gridSpan",
        "w:vMerge",
        "w:trPr",
        "w:del",
        "w:ins",
        "w:pPr",
        "w:rPr",
        "w:pStyle",
        "w:numPr",
        "w:numId",
        "w:ilvl",
        "w:outlineLvl",
        "w:framePr",
        "w:vanish",
        "w:fldChar",
        "w:instrText",
        "w:fldSimple",
        "w:ffData",
        "w:ddList",
        "w:listEntry",
        "w:result",
        "w:checkBox",
        "w:footnoteReference",
        "w:sym",
        "w:tab",
        "w:br",
        "w:sdt",
        "w:sdtPr",
        "w:sdtContent",
        "w:drawing",
        "w:pict",
        "w:object",
        "w:txbxContent",
        "w:altChunk",
        "w:ruby",
        "w:rt",
        "w:rubyBase",
        "m:oMath",
        "m:oMathPara",
        "m:f",
        "m:num",
        "m:den",
        "m:m",
        "m:mr",
        "m:e",
        "m:d",
        "m:dPr",
        "m:begChr",
        "mc:AlternateContent",
        "mc:Choice",
        "mc:Fallback",
        "pic:pic",
        "wp:docPr",
    ];
    const ATTRIBUTES: [&str; 12] = [
        "",
        r#" w:val="1""#,
        r#" w:val="-1""#,
        r#" w:val="99999999999999999999""#,
        r#" w:val="del""#,
        r#" w:id="1""#,
        r#" w:fldCharType="begin""#,
        r#" w:fldCharType="separate""#,
        r#" w:fldCharType="end""#,
        r#" w:instr="EQ \f(1,(2)" w:font="Symbol" w:char="F0FF""#,
        r#" w:dropCap="drop""#,
        r#" descr="年假""#,
    ];
    let mut dice = Dice(20_261_123);
    let numbering =
        made::list(1, &[("decimal", "%1.%9%", ""), ("bullet", "x", "")]) + &made::num(1, 1, "");
    for _ in 0..400 {
        let (mut body, mut open) = (String::new(), Vec::new());
        for _ in 0..120 {
            match dice.below(4) {
                0 if !open.is_empty() => body.push_str(&format!("</{}>", open.pop().unwrap())),
                1 => body.push_str(["年", "x", " ", "\\o(", "TOC"][dice.below(5)]),
                _ => {
                    let element = ELEMENTS[dice.below(ELEMENTS.len())];
                    body.push_str(&format!(
                        "<{element}{}>",
                        ATTRIBUTES[dice.below(ATTRIBUTES.len())]
                    ));
                    open.push(element);
                }
            }
        }
        while let Some(element) = open.pop() {
            body.push_str(&format!("</{element}>"));
        }
        let bytes = Docx::of(&body)
            .with("numbering", "numbering", &numbering)
            .with("footnotes", "footnotes", &format!(r#"<w:footnote w:id="1">{body}</w:footnote>"#))
            .bytes();
        if let Err(error) = read(bytes, "a.docx", &Limits::default()) {
            assert!(!error.to_string().contains("the reader gave up"), "a panic at {body}");
        }
    }
}
