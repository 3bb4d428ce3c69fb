//! The body of a DOCX: paragraphs, tables, notes, under their headings.

use std::collections::HashMap;

use rag_core::Section;

use super::styles::Styles;
use super::xml::{self, Element, Event};
use crate::document::DocumentError;
use crate::limits::Limits;

/// The texts of footnotes and endnotes by kind and id.
#[derive(Default)]
pub(crate) struct Notes {
    texts: HashMap<(&'static str, String), String>,
}

/// Reads the sections of the main part.
pub(crate) fn read(
    bytes: &[u8],
    styles: &Styles,
    notes: &Notes,
    limits: &Limits,
) -> Result<Vec<Section>, DocumentError> {
    let mut outline = Outline::new(notes);
    walk(bytes, styles, limits, |block| outline.add(block))?;
    Ok(outline.finish())
}

/// Reads the notes of a notes part into `notes`.
pub(crate) fn read_notes(
    bytes: &[u8],
    kind: &'static str,
    styles: &Styles,
    limits: &Limits,
    notes: &mut Notes,
) -> Result<(), DocumentError> {
    walk(bytes, styles, limits, |block| {
        if let Block::Paragraph { text, note: Some(id), .. } = block {
            let text = text.trim();
            let whole = notes.texts.entry((kind, id)).or_default();
            if !whole.is_empty() && !text.is_empty() {
                whole.push(' ');
            }
            whole.push_str(text);
        }
    })
}

/// What stands in a body, in order.
enum Block {
    Paragraph {
        text: String,
        heading: Option<u8>,
        /// Notes referred to, kind and id, in order.
        references: Vec<(&'static str, String)>,
        /// The note this paragraph is part of.
        note: Option<String>,
    },
    Row {
        text: String,
        references: Vec<(&'static str, String)>,
    },
}

/// A paragraph while it is read.
#[derive(Default)]
struct Paragraph {
    text: String,
    style: Option<String>,
    outline: Option<u8>,
    list: bool,
}

/// A table while it is read.
#[derive(Default)]
struct Table {
    cells: Vec<String>,
    references: Vec<(&'static str, String)>,
}

/// Elements whose content is not part of the text: tracked deletions, what was moved away, the
/// second version of drawings, and field instructions.
const SKIPPED: [&str; 5] = ["del", "moveFrom", "Fallback", "instrText", "delText"];

/// Where a note reference stood, until its number is known.
const REFERENCE: char = '\u{1}';

fn walk(
    bytes: &[u8],
    styles: &Styles,
    limits: &Limits,
    mut emit: impl FnMut(Block),
) -> Result<(), DocumentError> {
    let mut skipping = 0_usize;
    let mut in_text = false;
    let mut in_tabs = 0_usize;
    // Paragraphs stand inside paragraphs in text boxes, tables inside tables in cells.
    let mut paragraphs: Vec<Paragraph> = Vec::new();
    let mut tables: Vec<Table> = Vec::new();
    let mut references: Vec<(&'static str, String)> = Vec::new();
    let mut note: Option<String> = None;
    let mut total = 0_usize;
    xml::each(bytes, limits, |event| {
        match event {
            Event::Open(element) => {
                let name = element.name();
                if skipping > 0 || SKIPPED.contains(&name.as_str()) {
                    skipping += 1;
                    return Ok(());
                }
                match name.as_str() {
                    "p" => paragraphs.push(Paragraph::default()),
                    "t" => in_text = true,
                    "tabs" => in_tabs += 1,
                    "tbl" => tables.push(Table::default()),
                    "tr" => {
                        if let Some(table) = tables.last_mut() {
                            table.cells.clear();
                        }
                    }
                    "tc" => {
                        if let Some(table) = tables.last_mut() {
                            table.cells.push(String::new());
                        }
                    }
                    "footnote" | "endnote" => {
                        // Separators are notes too, of a type of their own.
                        note = match element.attribute("type").as_deref() {
                            None | Some("normal") => element.attribute("id"),
                            Some(_) => None,
                        };
                    }
                    _ => {
                        if let Some(paragraph) = paragraphs.last_mut() {
                            inside(paragraph, &name, &element, in_tabs > 0, &mut references);
                        }
                    }
                }
            }
            Event::Close(name) => {
                if skipping > 0 {
                    skipping -= 1;
                    return Ok(());
                }
                match name.as_str() {
                    "t" => in_text = false,
                    "tabs" => in_tabs = in_tabs.saturating_sub(1),
                    "p" => {
                        let Some(paragraph) = paragraphs.pop() else { return Ok(()) };
                        total += paragraph.text.len();
                        if total > limits.text {
                            let most = limits.text;
                            return Err(DocumentError::TooLarge(format!(
                                "more than {most} bytes of text"
                            )));
                        }
                        let cell = tables.last_mut().and_then(|table| table.cells.last_mut());
                        if let Some(outer) = paragraphs.last_mut() {
                            append(&mut outer.text, &paragraph.text, ' ');
                        } else if let Some(cell) = cell {
                            append(cell, &paragraph.text, ' ');
                            if let Some(table) = tables.last_mut() {
                                table.references.append(&mut references);
                            }
                        } else {
                            let found = std::mem::take(&mut references);
                            emit(finished(paragraph, styles, found, note.clone()));
                        }
                    }
                    "tr" => {
                        let Some(table) = tables.last_mut() else { return Ok(()) };
                        let cells: Vec<String> =
                            table.cells.drain(..).map(|cell| cell.trim().to_owned()).collect();
                        let found = std::mem::take(&mut table.references);
                        let row = cells.join(" | ");
                        let depth = tables.len();
                        if cells.iter().all(String::is_empty) {
                            return Ok(());
                        }
                        let outer = depth.checked_sub(2).and_then(|i| tables.get_mut(i));
                        if let Some(outer) = outer {
                            outer.references.extend(found);
                            if let Some(cell) = outer.cells.last_mut() {
                                append(cell, &row, ' ');
                            }
                        } else {
                            emit(Block::Row { text: row, references: found });
                        }
                    }
                    "tbl" => {
                        tables.pop();
                    }
                    "footnote" | "endnote" => note = None,
                    _ => {}
                }
            }
            Event::Text(text) if skipping == 0 && in_text => {
                if let Some(paragraph) = paragraphs.last_mut() {
                    paragraph.text.extend(text.chars().filter(|c| !c.is_control() || *c == '\t'));
                }
            }
            Event::Text(_) => {}
        }
        Ok(())
    })
}

/// An element inside a paragraph.
fn inside(
    paragraph: &mut Paragraph,
    name: &str,
    element: &Element<'_>,
    in_tabs: bool,
    references: &mut Vec<(&'static str, String)>,
) {
    match name {
        "pStyle" => paragraph.style = element.attribute("val"),
        "outlineLvl" => paragraph.outline = element.attribute("val").and_then(|v| v.parse().ok()),
        // Number 0 takes a list style off.
        "numId" => paragraph.list = element.attribute("val").is_some_and(|id| id != "0"),
        // A tab stop has the same name as a tab.
        "tab" if !in_tabs => paragraph.text.push('\t'),
        "br" | "cr" => paragraph.text.push('\n'),
        "noBreakHyphen" => paragraph.text.push('-'),
        "footnoteReference" | "endnoteReference" => {
            let kind = if name == "footnoteReference" { "footnote" } else { "endnote" };
            if let Some(id) = element.attribute("id") {
                paragraph.text.push(REFERENCE);
                references.push((kind, id));
            }
        }
        _ => {}
    }
}

fn finished(
    paragraph: Paragraph,
    styles: &Styles,
    references: Vec<(&'static str, String)>,
    note: Option<String>,
) -> Block {
    let style = paragraph.style.as_deref();
    let heading = match paragraph.outline {
        Some(level) => (level < 9).then_some(level + 1),
        None => style.and_then(|id| styles.heading_level(id)),
    };
    let mut text = paragraph.text;
    if style.is_some_and(|id| styles.is_contents(id)) {
        text.clear();
    } else if paragraph.list && heading.is_none() && !text.trim().is_empty() {
        text.insert_str(0, "- ");
    }
    Block::Paragraph { text, heading, references, note }
}

fn append(text: &mut String, more: &str, between: char) {
    let more = more.trim();
    if !text.is_empty() && !more.is_empty() {
        text.push(between);
    }
    text.push_str(more);
}

/// Puts blocks under their headings.
struct Outline<'a> {
    notes: &'a Notes,
    sections: Vec<Section>,
    path: Vec<(u8, String)>,
    lines: Vec<String>,
    footer: Vec<String>,
    numbered: usize,
}

impl<'a> Outline<'a> {
    fn new(notes: &'a Notes) -> Self {
        Self {
            notes,
            sections: Vec::new(),
            path: Vec::new(),
            lines: Vec::new(),
            footer: Vec::new(),
            numbered: 0,
        }
    }

    fn add(&mut self, block: Block) {
        match block {
            Block::Paragraph { text, heading: Some(level), references, .. } => {
                let title = self.numbered(&text, Vec::new()).replace(['\n', '\t'], " ");
                let title = title.trim().to_owned();
                if title.is_empty() {
                    return;
                }
                self.close(Some(level));
                self.path.retain(|(above, _)| *above < level);
                self.path.push((level, title));
                // The note of a heading belongs to the section it opens.
                let mark = REFERENCE.to_string().repeat(references.len());
                self.numbered(&mark, references);
            }
            Block::Paragraph { text, references, .. } | Block::Row { text, references } => {
                let line = self.numbered(&text, references);
                let line = line.trim();
                if !line.is_empty() {
                    self.lines.push(line.to_owned());
                }
            }
        }
    }

    /// The text with its note references as `[1]`; the notes go to the end of the section.
    fn numbered(&mut self, text: &str, references: Vec<(&'static str, String)>) -> String {
        let mut references = references.into_iter();
        let mut numbered = String::with_capacity(text.len());
        for c in text.chars() {
            if c != REFERENCE {
                numbered.push(c);
                continue;
            }
            let Some(note) = references.next().and_then(|key| self.notes.texts.get(&key)) else {
                continue;
            };
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

    fn finish(mut self) -> Vec<Section> {
        self.close(None);
        self.sections
    }
}
