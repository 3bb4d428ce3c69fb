//! Footnotes and endnotes, by what refers to them.

use std::collections::HashMap;

use super::line::{NoteKind, REFERENCE, Reference, joined};
use super::space::Space;
use super::story::Story;
use super::xml::Xml;
use crate::document::DocumentError;

/// Notes of a document.
const MOST: usize = 1_000_000;

/// The texts of notes.
#[derive(Default)]
pub(crate) struct Notes {
    texts: HashMap<(NoteKind, String), String>,
}

impl Notes {
    /// Reads a part with notes, at whose root `xml` stands.
    ///
    /// # Errors
    /// When it is broken or too large.
    pub(crate) fn read(
        &mut self,
        kind: NoteKind,
        story: &mut Story<'_>,
        xml: &mut Xml<'_>,
    ) -> Result<(), DocumentError> {
        xml.children(|xml| {
            // Separators are notes too, of a type of their own.
            let usual = xml.attribute("type").is_none_or(|kind| kind == "normal");
            let note = xml.space() == Space::Word && matches!(xml.name(), "footnote" | "endnote");
            let id = xml.attribute("id").map(|id| id.into_owned());
            let (true, true, Some(id)) = (note, usual, id) else { return Ok(()) };
            xml.children(|xml| story.element(xml))?;
            let note = joined(story.take_lines()?);
            // A note does not refer to notes.
            let text = note.text.replace(REFERENCE, "");
            if !text.is_empty() {
                if self.texts.len() >= MOST {
                    return Err(DocumentError::TooLarge(format!("more than {MOST} notes")));
                }
                self.texts.insert((kind, id), text);
            }
            Ok(())
        })
    }

    pub(crate) fn text(&self, reference: &Reference) -> Option<&str> {
        self.texts.get(&(reference.kind, reference.id.clone())).map(String::as_str)
    }
}
