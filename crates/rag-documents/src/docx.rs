//! DOCX: one section per heading.

mod body;
mod container;
mod styles;
mod xml;

use crate::document::{Document, DocumentError};
use crate::format::Format;
use crate::limits::Limits;
use container::Container;
use styles::Styles;

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, DocumentError> {
    let mut container = Container::open(bytes, limits)?;
    let main = container.main_part()?;
    let folder = main.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let body_xml =
        container.part(&main)?.ok_or_else(|| DocumentError::Broken(format!("it has no {main}")))?;
    let mut warnings = Vec::new();
    let styles = match container.part(&format!("{folder}styles.xml"))? {
        Some(part) => Styles::read(&part, limits)?,
        None => {
            warnings.push("it has no styles, so its headings are not known".to_owned());
            Styles::default()
        }
    };
    let mut notes = body::Notes::default();
    for (part, kind) in [("footnotes.xml", "footnote"), ("endnotes.xml", "endnote")] {
        if let Some(part) = container.part(&format!("{folder}{part}"))? {
            body::read_notes(&part, kind, &styles, limits, &mut notes)?;
        }
    }
    let sections = body::read(&body_xml, &styles, &notes, limits)?;
    if sections.iter().all(|section| section.text.is_empty()) {
        warnings.push("it has no text".to_owned());
    }
    Ok(Document { format: Format::Docx, sections, warnings, pages: Vec::new() })
}

/// Whether an OLE container holds an encrypted Office document: then it has a stream of this name
/// ([MS-OFFCRYPTO] 1.3.3), written in UTF-16.
pub(crate) fn is_encrypted_package(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(name.len()).any(|window| window == name)
}
