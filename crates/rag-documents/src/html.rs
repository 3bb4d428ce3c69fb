//! HTML: one section per heading.

mod charset;
mod inline;
mod table;
mod tree;
mod writer;

use crate::document::{Document, DocumentError};
use crate::format::Format;
use crate::limits::Limits;
use crate::outline::Outline;
use crate::text::{Decoded, decode};

pub(crate) use inline::Inline;
pub(crate) use table::Table;

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, DocumentError> {
    let declared = charset::declared(bytes);
    let Decoded { text, mut warnings } = decode(bytes, declared, Format::Html, limits)?;
    let tree = tree::parse(&text, limits)?;
    let mut outline = Outline::new(limits);
    writer::write(&tree, &mut outline)?;
    // The title of a page names the site, too: it only stands in where the page has no heading of its own.
    let title = if outline.has_title() { None } else { tree.title() };
    let sections = outline.finish(title.as_deref())?;
    if sections.is_empty() {
        warnings.push("it has no text".to_owned());
    }
    Ok(Document { format: Format::Html, date: None, sections, warnings, pages: Vec::new() })
}

/// Adds what a piece of HTML inside another format says.
pub(crate) fn add(
    markup: &str,
    outline: &mut Outline<'_>,
    limits: &Limits,
) -> Result<(), DocumentError> {
    writer::write(&tree::parse(markup, limits)?, outline)
}
