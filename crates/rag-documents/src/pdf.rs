//! PDF: one section per page.

mod cmap;
mod content;
mod font;
mod layout;

use lopdf::{Dictionary, Document as Pdf, LoadOptions, Object, ObjectId};
use rag_core::Section;

use crate::document::{Document, DocumentError};
use crate::format::Format;
use crate::limits::Limits;
use content::Page;
use font::Fonts;

/// Ancestors of a page that are asked for resources; real page trees have fewer than ten levels.
const TALLEST_TREE: usize = 64;

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, DocumentError> {
    let options =
        LoadOptions { max_decompressed_size: Some(limits.pdf_stream), ..LoadOptions::default() };
    let mut pdf = Pdf::load_mem_with_options(bytes, options).map_err(|e| match e {
        lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_) => DocumentError::Encrypted,
        other => DocumentError::Broken(other.to_string()),
    })?;
    // Many PDFs are encrypted with an empty password, which readers try by themselves. A file that
    // stays encrypted loads without a single page.
    if pdf.is_encrypted() && (pdf.decrypt("").is_err() || pdf.is_encrypted()) {
        return Err(DocumentError::Encrypted);
    }
    let pages: Vec<ObjectId> = pdf.page_iter().take(limits.pdf_pages + 1).collect();
    if pages.is_empty() {
        return Err(DocumentError::Broken("it has no pages".to_owned()));
    }
    if pages.len() > limits.pdf_pages {
        return Err(DocumentError::TooLarge(format!("more than {} pages", limits.pdf_pages)));
    }
    let mut fonts = Fonts::new(&pdf, limits);
    let mut sections = Vec::with_capacity(pages.len());
    let mut warnings = Vec::new();
    let (mut total, mut bad_pages) = (0_usize, Vec::new());
    for (number, id) in (1_u32..).zip(pages) {
        let text = match page_text(&pdf, id, &mut fonts, limits) {
            Ok(page) => {
                if page.unknown > 0 {
                    let (many, verb) = if page.unknown == 1 {
                        ("1 character".to_owned(), "has")
                    } else {
                        (format!("{} characters", page.unknown), "have")
                    };
                    warnings.push(format!("page {number}: {many} {verb} no known meaning"));
                }
                if page.cut {
                    warnings.push(format!("page {number} is too complex and was read in part"));
                }
                if page.text.is_empty() && page.images {
                    warnings.push(format!("page {number} has no text; is it a scanned image?"));
                } else if page.text.is_empty() {
                    bad_pages.push(number);
                }
                page.text
            }
            Err(cause) => {
                warnings.push(format!("page {number} could not be read: {cause}"));
                String::new()
            }
        };
        total += text.len();
        if total > limits.text {
            return Err(DocumentError::TooLarge(format!(
                "more than {} bytes of text",
                limits.text
            )));
        }
        sections.push(Section { page: Some(number), heading: None, text });
    }
    if !bad_pages.is_empty() {
        let numbers: Vec<String> = bad_pages.iter().take(10).map(u32::to_string).collect();
        let more = if bad_pages.len() > 10 { ", …" } else { "" };
        warnings.push(format!("no text on page {}{more}", numbers.join(", ")));
    }
    Ok(Document { format: Format::Pdf, sections, warnings })
}

fn page_text(
    pdf: &Pdf,
    id: ObjectId,
    fonts: &mut Fonts<'_>,
    limits: &Limits,
) -> Result<Page, String> {
    let content =
        pdf.get_page_content_with_limit(id, limits.pdf_page).map_err(|e| e.to_string())?;
    let empty = Dictionary::new();
    let resources = resources(pdf, id).unwrap_or(&empty);
    content::read(pdf, &content, resources, fonts, limits)
}

/// The page's resources, or those it inherits (PDF 1.7, 7.7.3.4).
fn resources(pdf: &Pdf, page: ObjectId) -> Option<&Dictionary> {
    let mut node = pdf.get_dictionary(page).ok()?;
    for _ in 0..TALLEST_TREE {
        if let Some(found) = dictionary(pdf, node, b"Resources") {
            return Some(found);
        }
        node = dictionary(pdf, node, b"Parent")?;
    }
    None
}

/// The dictionary under `key`, direct or referred to.
fn dictionary<'a>(pdf: &'a Pdf, within: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
    within.get_deref(key, pdf).and_then(Object::as_dict).ok()
}
