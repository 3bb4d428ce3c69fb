//! What DOCX files say, and how those are refused that say nothing or too much.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beside;
mod changes;
mod container;
mod fields;
mod lists;
mod made;
#[path = "../made/ole.rs"]
mod ole;
mod tables;
mod text;
mod written;

use made::Docx;

/// Styles of headings.
const HEADINGS: &str = r#"<w:style w:type="paragraph" w:styleId="a1"><w:name w:val="标题 1"/></w:style>
    <w:style w:type="paragraph" w:styleId="a2"><w:name w:val="标题 2"/></w:style>
    <w:style w:type="paragraph" w:styleId="own"><w:name w:val="Clause"/><w:basedOn w:val="a2"/></w:style>"#;

/// The text of a document with this body.
#[track_caller]
fn check(body: &str, expected: &str) {
    assert_eq!(Docx::of(body).text(), expected);
}
