//! Runs: text, symbols, fields, and references to notes.

use std::mem::replace;

use super::Story;
use crate::document::DocumentError;
use crate::docx::left_out::LeftOut;
use crate::docx::line::{NoteKind, REFERENCE, Reference};
use crate::docx::space::Space;
use crate::docx::xml::{Event, Xml};
use crate::symbols;

/// Entries of a list to choose from in a form.
const MOST_CHOICES: usize = 1_000;
/// Bytes of a field's instruction in one piece.
const LONGEST_INSTRUCTION: usize = 4096;

/// What holds for the text of a run.
#[derive(Default)]
pub(super) struct Run {
    pub(super) hidden: bool,
    /// The font of symbols.
    font: Option<String>,
}

impl Story<'_> {
    pub(super) fn run(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let styles = &self.shared.styles;
        let style = self.paragraph.format.style.as_deref().or(styles.usual());
        let hidden = style.and_then(|id| styles.hidden(id)).unwrap_or(false);
        let own = Run { hidden: self.run.hidden || hidden, font: None };
        let outer = replace(&mut self.run, own);
        let read = xml.children(|xml| match (xml.space(), xml.name()) {
            (Space::Word, "rPr") => self.run_properties(outer.hidden, xml),
            _ => self.element(xml),
        });
        self.run = outer;
        read
    }

    /// `outer` says whether the run stands in hidden text, which stays hidden.
    fn run_properties(&mut self, outer: bool, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let (mut own, mut of_style, mut font) = (None, None, None);
        xml.children(|xml| {
            match (xml.space(), xml.name()) {
                (Space::Word, "vanish") => own = Some(xml.on()),
                (Space::Word, "rStyle") => {
                    of_style = xml.value().and_then(|id| self.shared.styles.hidden(&id));
                }
                (Space::Word, "rFonts") => {
                    let name = xml.attribute("ascii").or_else(|| xml.attribute("hAnsi"));
                    font = name.map(|name| name.into_owned());
                }
                _ => {}
            }
            Ok(())
        })?;
        self.run.hidden = outer || own.or(of_style).unwrap_or(self.run.hidden);
        self.run.font = font;
        Ok(())
    }

    pub(super) fn text(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let keep = xml.attribute("space").is_some_and(|space| space == "preserve");
        let mut text = String::new();
        loop {
            match xml.next()? {
                Event::Text => text.push_str(xml.text()),
                Event::Open => xml.children(|_| Ok(()))?,
                Event::Close | Event::End => break,
            }
        }
        if self.hidden() {
            return Ok(());
        }
        if text.contains(['\n', '\r']) {
            text = on_one_line(&text, keep);
        }
        let odd =
            |c: char| (c.is_control() && c != '\t') || c == '\u{AD}' || symbols::is_private(c);
        if text.contains(odd) {
            text = text.chars().filter_map(|c| self.plain(c)).collect();
        }
        self.push(&text)
    }

    /// A character as text: nothing for controls and soft hyphens, its meaning for a symbol.
    fn plain(&mut self, c: char) -> Option<char> {
        match c {
            '\u{AD}' => None,
            c if c.is_control() && c != '\t' => None,
            c if symbols::is_private(c) => {
                let font = self.run.font.as_deref().unwrap_or_default();
                let meaning = symbols::meaning(font, u32::from(c));
                Some(meaning.unwrap_or_else(|| self.unknown()))
            }
            c => Some(c),
        }
    }

    fn unknown(&mut self) -> char {
        self.left_out.add(LeftOut::Symbol);
        char::REPLACEMENT_CHARACTER
    }

    pub(super) fn symbol(&mut self, xml: &Xml<'_>) -> Result<(), DocumentError> {
        if self.hidden() {
            return Ok(());
        }
        let code = xml.attribute("char");
        let code = code.and_then(|code| u32::from_str_radix(code.trim(), 16).ok());
        let font = xml.attribute("font").unwrap_or_default();
        let meaning = code.and_then(|code| symbols::meaning(&font, code));
        let meaning = meaning.unwrap_or_else(|| self.unknown());
        self.push(meaning.encode_utf8(&mut [0; 4]))
    }

    pub(super) fn reference(&mut self, xml: &Xml<'_>) -> Result<(), DocumentError> {
        let Some(id) = xml.attribute("id").filter(|_| !self.hidden()) else { return Ok(()) };
        let footnote = xml.name() == "footnoteReference";
        let kind = if footnote { NoteKind::Footnote } else { NoteKind::Endnote };
        let marked = xml
            .attribute("customMarkFollows")
            .is_some_and(|on| matches!(&*on, "1" | "true" | "on"));
        self.paragraph.references.push(Reference { kind, id: id.into_owned(), marked });
        self.push(REFERENCE.encode_utf8(&mut [0; 4]))
    }

    /// Where a field begins, its result begins, or it ends.
    pub(super) fn field_mark(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let kind = xml.attribute("fldCharType").unwrap_or_default().into_owned();
        match kind.as_str() {
            "begin" => {
                let form = form(xml)?;
                self.fields.begin(self.pieces, form);
                Ok(())
            }
            "separate" => {
                self.fields.separate();
                Ok(())
            }
            "end" => self.end_field(),
            _ => Ok(()),
        }
    }

    fn end_field(&mut self) -> Result<(), DocumentError> {
        match self.fields.end(self.pieces) {
            Some(shown) => self.push(&shown),
            None => Ok(()),
        }
    }

    pub(super) fn field_instruction(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let text = xml.inner_text(LONGEST_INSTRUCTION)?;
        self.fields.instruction(&text);
        Ok(())
    }

    /// A field in one element, with its result inside.
    pub(super) fn field(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        self.fields.begin(self.pieces, None);
        let depth = self.fields.depth();
        self.fields.instruction(&xml.attribute("instr").unwrap_or_default());
        self.fields.separate();
        xml.children(|xml| self.element(xml))?;
        self.fields.leave(depth);
        self.end_field()
    }
}

/// What a form field shows when it has no result: a box, or what was chosen (ECMA-376-1, 17.16.17).
fn form(xml: &mut Xml<'_>) -> Result<Option<String>, DocumentError> {
    let mut shown = None;
    xml.children(|xml| {
        if xml.name() != "ffData" {
            return Ok(());
        }
        xml.children(|xml| {
            match xml.name() {
                "checkBox" => {
                    let (mut checked, mut usual) = (None, false);
                    xml.children(|xml| {
                        match xml.name() {
                            "checked" => checked = Some(xml.on()),
                            "default" => usual = xml.on(),
                            _ => {}
                        }
                        Ok(())
                    })?;
                    let mark = if checked.unwrap_or(usual) { "☒" } else { "☐" };
                    shown = Some(mark.to_owned());
                }
                "ddList" => {
                    let (mut chosen, mut usual, mut choices) = (None, None, Vec::new());
                    xml.children(|xml| {
                        match xml.name() {
                            "result" => chosen = xml.number(),
                            "default" => usual = xml.number(),
                            "listEntry" if choices.len() < MOST_CHOICES => {
                                choices.push(xml.value().unwrap_or_default().into_owned());
                            }
                            _ => {}
                        }
                        Ok(())
                    })?;
                    let place = usize::try_from(chosen.or(usual).unwrap_or(0)).ok();
                    shown = place.and_then(|place| choices.into_iter().nth(place));
                }
                _ => {}
            }
            Ok(())
        })
    })?;
    Ok(shown)
}

/// Text without the line breaks that only lay out the XML: at its ends they are nothing unless
/// white space is to be kept, inside they are a space.
fn on_one_line(text: &str, keep: bool) -> String {
    let text = if keep { text } else { text.trim() };
    let mut line = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '\r']) {
        let (before, after) = rest.split_at(at);
        line.push_str(before.trim_end_matches(' '));
        rest = after.trim_start();
        if !rest.is_empty() || keep {
            line.push(' ');
        }
    }
    line.push_str(rest);
    line
}
