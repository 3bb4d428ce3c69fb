//! Plain text and rows of values: as they are, in whatever encoding.

mod binary;
mod encoding;
mod rows;

use rag_core::Section;

use crate::document::{Document, DocumentError};
use crate::foreign;
use crate::format::Format;
use crate::limits::Limits;
use crate::outline::too_much_text;
use crate::report::PageReport;

pub(crate) use encoding::{Decoded, label};

/// The text of the bytes. `declared` is the encoding that they are said to be in.
///
/// # Errors
/// When it is more text than the limits allow, or binary data.
pub(crate) fn decode(
    bytes: &[u8],
    declared: Option<&'static encoding_rs::Encoding>,
    format: Format,
    limits: &Limits,
) -> Result<Decoded, DocumentError> {
    // An encoding in which a character takes one byte may take three in UTF-8.
    let decoded = encoding::decode(bytes, declared);
    if decoded.text.len() > limits.text {
        return Err(too_much_text(limits));
    }
    if binary::is_binary(&decoded.text) {
        let extension = format.extension().to_owned();
        return Err(DocumentError::Misnamed { found: foreign::BINARY, extension });
    }
    Ok(decoded)
}

/// Text with its lines as they are. Form feeds part pages.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, DocumentError> {
    let Decoded { text, warnings } = decode(bytes, None, Format::Text, limits)?;
    let paged = text.trim_end_matches(['\u{C}', '\n', '\r']).contains('\u{C}');
    let mut sections = Vec::new();
    let mut pages = Vec::new();
    if paged {
        for (page, text) in (1..).zip(text.trim_end_matches(['\u{C}', '\n', '\r']).split('\u{C}')) {
            if page as usize > limits.pdf_pages {
                let most = limits.pdf_pages;
                return Err(DocumentError::TooLarge(format!("it has more than {most} pages")));
            }
            sections.push(Section { page: Some(page), heading: None, text: tidy(text) });
            pages.push(PageReport { page, label: None, problems: Vec::new(), removed: Vec::new() });
        }
    } else {
        sections.push(Section { page: None, heading: None, text: tidy(&text) });
    }
    Ok(finished(Format::Text, sections, warnings, pages))
}

/// A row of cells a line, cells parted as in the tables of other documents.
pub(crate) fn read_rows(bytes: &[u8], limits: &Limits) -> Result<Document, DocumentError> {
    let Decoded { text, warnings } = decode(bytes, None, Format::Csv, limits)?;
    let text = rows::rows(&text, limits)?;
    let sections = vec![Section { page: None, heading: None, text }];
    Ok(finished(Format::Csv, sections, warnings, Vec::new()))
}

fn finished(
    format: Format,
    sections: Vec<Section>,
    mut warnings: Vec<String>,
    pages: Vec<PageReport>,
) -> Document {
    if sections.iter().all(|section| section.text.is_empty()) {
        warnings.push("it has no text".to_owned());
    }
    Document { format, date: None, sections, warnings, pages }
}

/// Lines with `\n` between them, without spaces at their ends, and no more than one empty line
/// between any two.
fn tidy(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut tidied = String::with_capacity(text.len());
    let mut blank = false;
    for line in text.split(['\n', '\r']).map(str::trim_end) {
        if line.is_empty() {
            blank = true;
            continue;
        }
        if !tidied.is_empty() {
            tidied.push_str(if blank { "\n\n" } else { "\n" });
        }
        blank = false;
        tidied.extend(line.chars().filter(|c| !c.is_control() || *c == '\t'));
    }
    tidied
}
