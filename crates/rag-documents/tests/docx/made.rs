//! DOCX files made by hand for the tests.

use std::io::{Cursor, Write};

use rag_documents::{Document, Limits, read};
use zip::write::{SimpleFileOptions, ZipWriter};

pub(crate) const W: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const M: &str = "http://schemas.openxmlformats.org/officeDocument/2006/math";
const R: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const WP: &str = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing";
const A: &str = "http://schemas.openxmlformats.org/drawingml/2006/main";
const PIC: &str = "http://schemas.openxmlformats.org/drawingml/2006/picture";
const MC: &str = "http://schemas.openxmlformats.org/markup-compatibility/2006";
const WPS: &str = "http://schemas.microsoft.com/office/word/2010/wordprocessingShape";
const C: &str = "http://schemas.openxmlformats.org/drawingml/2006/chart";
const DGM: &str = "http://schemas.openxmlformats.org/drawingml/2006/diagram";

/// A zip container with these parts.
pub(crate) fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The XML of a part with this root element, with the namespaces that documents declare.
pub(crate) fn part(root: &str, inner: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:{root} xmlns:w="{W}" xmlns:m="{M}" xmlns:r="{R}" xmlns:wp="{WP}" xmlns:a="{A}" xmlns:pic="{PIC}" xmlns:mc="{MC}" xmlns:wps="{WPS}" xmlns:c="{C}" xmlns:dgm="{DGM}" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">{inner}</w:{root}>"#
    )
}

/// The relationships of the package, with the main part at `target`.
pub(crate) fn package(target: &str) -> String {
    relations(&[("rId1", "officeDocument", target)])
}

/// Relationships: id, kind, target.
pub(crate) fn relations(all: &[(&str, &str, &str)]) -> String {
    let each = |(id, kind, target): &(&str, &str, &str)| {
        format!(r#"<Relationship Id="{id}" Type="{R}/{kind}" Target="{target}"/>"#)
    };
    let inner: String = all.iter().map(each).collect();
    format!(
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>"#
    )
}

/// A DOCX while it is made: the body, and the parts beside it.
#[derive(Default)]
pub(crate) struct Docx {
    body: String,
    parts: Vec<(String, String)>,
}

impl Docx {
    pub(crate) fn of(body: &str) -> Self {
        Self { body: body.to_owned(), parts: Vec::new() }
    }

    /// A part under `word/`, with what stands inside its root element.
    pub(crate) fn with(self, name: &str, root: &str, inner: &str) -> Self {
        self.raw(&format!("word/{name}.xml"), &part(root, inner))
    }

    /// A part as it is.
    pub(crate) fn raw(mut self, name: &str, content: &str) -> Self {
        self.parts.push((name.to_owned(), content.to_owned()));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let main = part("document", &format!("<w:body>{}</w:body>", self.body));
        let package = package("word/document.xml");
        let mut parts: Vec<(&str, &[u8])> =
            vec![("_rels/.rels", package.as_bytes()), ("word/document.xml", main.as_bytes())];
        parts.extend(self.parts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())));
        zipped(&parts)
    }

    pub(crate) fn read(&self) -> Document {
        read(self.bytes(), "a.docx", &Limits::default()).unwrap()
    }

    /// The text of all sections.
    pub(crate) fn text(&self) -> String {
        text(&self.read())
    }

    /// Heading path and text of each section.
    pub(crate) fn sections(&self) -> Vec<(String, String)> {
        let of = |s: rag_core::Section| (s.heading.unwrap_or_default(), s.text);
        self.read().sections.into_iter().map(of).collect()
    }
}

pub(crate) fn text(document: &Document) -> String {
    document.sections.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// A paragraph of one run.
pub(crate) fn p(text: &str) -> String {
    para("", &r(text))
}

/// A paragraph with these properties.
pub(crate) fn para(properties: &str, inner: &str) -> String {
    format!("<w:p><w:pPr>{properties}</w:pPr>{inner}</w:p>")
}

/// A paragraph in a style.
pub(crate) fn styled(style: &str, text: &str) -> String {
    para(&format!(r#"<w:pStyle w:val="{style}"/>"#), &r(text))
}

/// A run.
pub(crate) fn r(text: &str) -> String {
    format!(r#"<w:r><w:t xml:space="preserve">{text}</w:t></w:r>"#)
}

/// A complex field with its result.
pub(crate) fn field(instruction: &str, result: &str) -> String {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    format!(
        "{}<w:r><w:instrText>{instruction}</w:instrText></w:r>{}{result}{}",
        mark("begin"),
        mark("separate"),
        mark("end")
    )
}

/// A table of these rows of cells.
pub(crate) fn table(rows: &[&[&str]]) -> String {
    let cell = |inner: &&str| format!("<w:tc>{inner}</w:tc>");
    let row =
        |cells: &&[&str]| format!("<w:tr>{}</w:tr>", cells.iter().map(cell).collect::<String>());
    format!("<w:tbl><w:tblPr/><w:tblGrid/>{}</w:tbl>", rows.iter().map(row).collect::<String>())
}

/// A list of the numbering part: levels as format, text and more properties.
pub(crate) fn list(id: u8, levels: &[(&str, &str, &str)]) -> String {
    let level = |(place, (format, text, more)): (usize, &(&str, &str, &str))| {
        format!(
            r#"<w:lvl w:ilvl="{place}"><w:start w:val="1"/><w:numFmt w:val="{format}"/>{more}<w:lvlText w:val="{text}"/></w:lvl>"#
        )
    };
    let levels: String = levels.iter().enumerate().map(level).collect();
    format!(r#"<w:abstractNum w:abstractNumId="{id}">{levels}</w:abstractNum>"#)
}

/// A list that paragraphs name, with its overrides.
pub(crate) fn num(id: u8, pattern: u8, overrides: &str) -> String {
    format!(r#"<w:num w:numId="{id}"><w:abstractNumId w:val="{pattern}"/>{overrides}</w:num>"#)
}

/// A paragraph of a list at a level.
pub(crate) fn item(list: u8, level: u8, text: &str) -> String {
    let properties =
        format!(r#"<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list}"/></w:numPr>"#);
    para(&properties, &r(text))
}
