//! Blocks of marked-up text under their headings, and their notes at the ends of the sections.

use std::collections::{HashMap, HashSet};

use rag_core::Section;

use crate::document::DocumentError;
use crate::limits::{Limits, bytes};

/// Sections while they are put together. A heading is in the path of what stands under it; the text
/// that it is itself is only there when nothing stands under it.
pub(crate) struct Outline<'l> {
    limits: &'l Limits,
    sections: Vec<Open>,
    path: Vec<(u8, String)>,
    lines: Vec<String>,
    /// Notes referred to in the open section, each once.
    referred: Vec<String>,
    seen: HashSet<String>,
    /// The number of each note, in the order in which they are first referred to.
    numbers: HashMap<String, usize>,
    notes: HashMap<String, String>,
    /// Headings of level 1.
    titles: Vec<String>,
    total: usize,
}

/// A section whose notes may still come.
struct Open {
    heading: Vec<String>,
    text: String,
    notes: Vec<String>,
}

impl<'l> Outline<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            sections: Vec::new(),
            path: Vec::new(),
            lines: Vec::new(),
            referred: Vec::new(),
            seen: HashSet::new(),
            numbers: HashMap::new(),
            notes: HashMap::new(),
            titles: Vec::new(),
            total: 0,
        }
    }

    /// A heading; level 1 is the outermost.
    pub(crate) fn heading(&mut self, level: u8, title: &str) -> Result<(), DocumentError> {
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if title.is_empty() {
            return Ok(());
        }
        // What was referred to in the heading itself belongs to the section it opens.
        let mut own = Vec::new();
        while let Some(label) =
            self.referred.pop_if(|label| title.contains(&mark(&self.numbers, label)))
        {
            own.insert(0, label);
        }
        self.close(Some(level));
        self.seen.extend(own.iter().cloned());
        self.referred = own;
        self.path.retain(|(above, _)| *above < level);
        if level == 1 {
            self.titles.push(title.clone());
        }
        self.count(title.len())?;
        self.path.push((level, title));
        Ok(())
    }

    /// A paragraph, an item of a list, a row of a table, or a block of code with its lines.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), DocumentError> {
        let text = text.trim_end();
        if text.trim().is_empty() {
            return Ok(());
        }
        self.count(text.len() + 1)?;
        self.lines.push(text.to_owned());
        Ok(())
    }

    /// Whether there has been a heading of level 1.
    pub(crate) fn has_title(&self) -> bool {
        !self.titles.is_empty()
    }

    /// A reference to the note of this label: what stands for it in the text, as `[1]`.
    pub(crate) fn refer(&mut self, label: &str) -> String {
        let next = self.numbers.len() + 1;
        self.numbers.entry(label.to_owned()).or_insert(next);
        if self.seen.insert(label.to_owned()) {
            self.referred.push(label.to_owned());
        }
        mark(&self.numbers, label)
    }

    /// The text of a note, which may come before or after what refers to it.
    pub(crate) fn note(&mut self, label: &str, text: &str) -> Result<(), DocumentError> {
        self.count(text.len())?;
        let whole = self.notes.entry(label.to_owned()).or_default();
        if !whole.is_empty() && !text.is_empty() {
            whole.push(' ');
        }
        whole.push_str(text.trim());
        Ok(())
    }

    /// Counts text against the limit.
    fn count(&mut self, length: usize) -> Result<(), DocumentError> {
        self.total = self.total.saturating_add(length);
        if self.total > self.limits.text {
            return Err(too_much_text(self.limits));
        }
        Ok(())
    }

    /// Ends the section before a heading of level `next`, or before the end.
    fn close(&mut self, next: Option<u8>) {
        let mut text = std::mem::take(&mut self.lines).join("\n");
        let notes = std::mem::take(&mut self.referred);
        self.seen.clear();
        if text.is_empty() && notes.is_empty() {
            match self.path.last() {
                Some((level, title)) if next.is_none_or(|next| next <= *level) => {
                    text = title.clone();
                }
                _ => return,
            }
        }
        let heading = self.path.iter().map(|(_, title)| title.clone()).collect();
        self.sections.push(Open { heading, text, notes });
    }

    /// The sections, under `title` when no heading of the first level says the same.
    pub(crate) fn finish(mut self, title: Option<&str>) -> Result<Vec<Section>, DocumentError> {
        self.close(None);
        let said = |title: &str| {
            let title = title.to_lowercase();
            self.titles
                .iter()
                .map(|known| known.to_lowercase())
                .any(|known| known == title || known.contains(&title) || title.contains(&known))
        };
        let title = title.map(|t| t.split_whitespace().collect::<Vec<_>>().join(" "));
        let title = title.filter(|title| !title.is_empty() && !said(title));
        let mut sections = Vec::with_capacity(self.sections.len());
        for Open { heading, mut text, notes } in std::mem::take(&mut self.sections) {
            for label in notes {
                if let Some(note) = self.notes.get(&label).filter(|note| !note.is_empty()) {
                    let line = format!("{} {note}", mark(&self.numbers, &label));
                    self.count(line.len())?;
                    if !text.is_empty() {
                        text.push('\n');
                    }
                    text.push_str(&line);
                }
            }
            let path = title.iter().chain(&heading).map(String::as_str).collect::<Vec<_>>();
            let path = path.join(" > ");
            // Long paths of a document with many headings are text, too.
            self.count(path.len())?;
            let heading = (!path.is_empty()).then_some(path);
            sections.push(Section { page: None, heading, text });
        }
        Ok(sections)
    }
}

/// What stands in the text for a reference to a note.
fn mark(numbers: &HashMap<String, usize>, label: &str) -> String {
    numbers.get(label).map(|number| format!("[{number}]")).unwrap_or_default()
}

/// The error of a document that gives more text than it may.
pub(crate) fn too_much_text(limits: &Limits) -> DocumentError {
    DocumentError::TooLarge(format!("it has more than {} of text", bytes(limits.text as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(outline: Outline<'_>, title: Option<&str>) -> Vec<(String, String)> {
        let sections = outline.finish(title).unwrap();
        sections.into_iter().map(|s| (s.heading.unwrap_or_default(), s.text)).collect()
    }

    #[test]
    fn notes_stand_at_the_end_of_each_section_that_refers_to_them() {
        let limits = Limits::default();
        let mut outline = Outline::new(&limits);
        outline.heading(1, "A").unwrap();
        let mark = outline.refer("x");
        outline.line(&format!("one{mark}")).unwrap();
        outline.heading(2, "B").unwrap();
        let (second, first) = (outline.refer("y"), outline.refer("x"));
        outline.line(&format!("two{second}{first}")).unwrap();
        outline.note("x", "the note").unwrap();
        assert_eq!(
            sections(outline, None),
            [
                ("A".to_owned(), "one[1]\n[1] the note".to_owned()),
                ("A > B".to_owned(), "two[2][1]\n[1] the note".to_owned())
            ]
        );
    }

    #[test]
    fn a_title_is_above_all_headings_unless_one_says_it() {
        let limits = Limits::default();
        for (title, expected) in [("Guide", "Guide > Setup"), ("SETUP", "Setup"), ("", "Setup")] {
            let mut outline = Outline::new(&limits);
            outline.heading(1, " Setup\n").unwrap();
            outline.line("text").unwrap();
            assert_eq!(sections(outline, Some(title))[0].0, expected);
        }
    }

    #[test]
    fn more_text_than_the_limit_is_too_large() {
        let limits = Limits { text: 10, ..Limits::default() };
        let mut outline = Outline::new(&limits);
        let error = outline.line("more than ten").unwrap_err();
        assert_eq!(error.to_string(), "it is too large: it has more than 10 bytes of text");
    }
}
