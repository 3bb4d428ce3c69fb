//! Markdown: one section per heading.

mod front_matter;
mod writer;

use pulldown_cmark::{Options, Parser};

use crate::document::{Document, DocumentError};
use crate::format::Format;
use crate::limits::Limits;
use crate::outline::Outline;
use crate::text::{Decoded, decode};
use writer::Writer;

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, DocumentError> {
    let Decoded { text, mut warnings } = decode(bytes, None, Format::Markdown, limits)?;
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_WIKILINKS;
    let mut writer = Writer::new(Outline::new(limits), limits);
    for event in Parser::new_ext(&text, options) {
        writer.event(event)?;
    }
    let sections = writer.finish()?;
    if sections.is_empty() {
        warnings.push("it has no text".to_owned());
    }
    Ok(Document { format: Format::Markdown, date: None, sections, warnings, pages: Vec::new() })
}
