//! The words in what stands beside the text: charts and diagrams, which have parts of their own.

mod chart;
mod diagram;

pub(crate) use chart::read as chart;
pub(crate) use diagram::read as diagram;

use super::space::Space;
use super::xml::{Event, Xml};
use crate::document::DocumentError;

/// The words of the drawing element opened last, its paragraphs parted by spaces.
///
/// # Errors
/// Those of [`Xml::next`].
pub(crate) fn words(xml: &mut Xml<'_>) -> Result<String, DocumentError> {
    let mut text = String::new();
    collect(xml, &mut text)?;
    Ok(text.trim().to_owned())
}

fn collect(xml: &mut Xml<'_>, text: &mut String) -> Result<(), DocumentError> {
    xml.children(|xml| match (xml.space(), xml.name()) {
        (Space::Drawing, "t") => plain(xml, text),
        (Space::Drawing, "br" | "tab") => {
            text.push(' ');
            Ok(())
        }
        (Space::Drawing, "p") => {
            if !text.is_empty() && !text.ends_with(' ') {
                text.push(' ');
            }
            collect(xml, text)
        }
        _ => collect(xml, text),
    })
}

/// The text right inside the element opened last, on one line.
fn plain(xml: &mut Xml<'_>, text: &mut String) -> Result<(), DocumentError> {
    loop {
        match xml.next()? {
            Event::Text => {
                text.extend(xml.text().chars().map(|c| if c.is_control() { ' ' } else { c }));
            }
            Event::Open => xml.children(|_| Ok(()))?,
            Event::Close | Event::End => return Ok(()),
        }
    }
}
