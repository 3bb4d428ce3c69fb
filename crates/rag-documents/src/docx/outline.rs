//! Lines under their headings: one section for each heading that has text of its own.

use rag_core::Section;

use super::line::{Line, REFERENCE, Reference};
use super::notes::Notes;

/// Characters of a heading. What is longer is a paragraph, whatever its style says.
const LONGEST_HEADING: usize = 300;

/// Puts lines under their headings.
pub(crate) struct Outline<'a> {
    notes: &'a Notes,
    sections: Vec<Section>,
    path: Vec<(u8, String)>,
    lines: Vec<String>,
    /// Notes of this section.
    footer: Vec<String>,
    /// Notes so far in the document.
    numbered: usize,
}

impl<'a> Outline<'a> {
    pub(crate) fn new(notes: &'a Notes) -> Self {
        Self {
            notes,
            sections: Vec::new(),
            path: Vec::new(),
            lines: Vec::new(),
            footer: Vec::new(),
            numbered: 0,
        }
    }

    pub(crate) fn add(&mut self, line: Line) {
        match line.heading {
            Some(level) if line.text.chars().count() <= LONGEST_HEADING => {
                self.heading(level, &line.text, line.references);
            }
            _ => {
                let text = self.numbered(&line.text, line.references);
                let text = text.trim_end();
                if !text.is_empty() {
                    self.lines.push(text.to_owned());
                }
            }
        }
    }

    fn heading(&mut self, level: u8, text: &str, references: Vec<Reference>) {
        let words = text.replace(REFERENCE, "");
        let title = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if title.is_empty() {
            return;
        }
        self.close(Some(level));
        self.path.retain(|(above, _)| *above < level);
        self.path.push((level, title));
        // The note of a heading belongs to the section it opens.
        let marks = REFERENCE.to_string().repeat(references.len());
        self.numbered(&marks, references);
    }

    /// The text with its note references as `[1]`; the notes go to the end of the section.
    fn numbered(&mut self, text: &str, references: Vec<Reference>) -> String {
        let mut references = references.into_iter();
        let mut numbered = String::with_capacity(text.len());
        for c in text.chars() {
            if c != REFERENCE {
                numbered.push(c);
                continue;
            }
            let Some(reference) = references.next() else { continue };
            let Some(note) = self.notes.text(&reference) else { continue };
            if reference.marked {
                self.footer.push(note.to_owned());
                continue;
            }
            self.numbered += 1;
            numbered.push_str(&format!("[{}]", self.numbered));
            self.footer.push(format!("[{}] {note}", self.numbered));
        }
        numbered
    }

    /// Ends the section before a heading of level `next`, or before the end.
    fn close(&mut self, next: Option<u8>) {
        let heading = (!self.path.is_empty()).then(|| {
            self.path.iter().map(|(_, title)| title.as_str()).collect::<Vec<_>>().join(" > ")
        });
        self.lines.append(&mut self.footer);
        let mut text = std::mem::take(&mut self.lines).join("\n");
        if text.is_empty() {
            // A chapter whose text is all in its subsections stands in their paths; any other
            // heading is all the text there is.
            match self.path.last() {
                Some((level, title)) if next.is_none_or(|next| next <= *level) => {
                    text = title.clone();
                }
                _ => return,
            }
        }
        self.sections.push(Section { page: None, heading, text });
    }

    pub(crate) fn finish(mut self) -> Vec<Section> {
        self.close(None);
        self.sections
    }
}
