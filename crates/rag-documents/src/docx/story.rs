//! A story of a document, as its body or a note: paragraphs, tables and boxes become lines.
//!
//! What is not known is read through, so that no text is lost in an element made later than this.

mod drawings;
mod paragraphs;
mod runs;
mod tables;

use std::collections::HashSet;

use super::container::Container;
use super::fields::Fields;
use super::left_out::{Counts, LeftOut};
use super::line::Line;
use super::math;
use super::numbering::{Counters, Definitions};
use super::relations::Relations;
use super::space::Space;
use super::styles::Styles;
use super::xml::Xml;
use crate::document::DocumentError;
use crate::limits::Limits;
use drawings::Images;
use paragraphs::Paragraph;
use runs::Run;
use tables::Cell;

/// What all stories of a document share.
pub(crate) struct Shared<'a> {
    pub(crate) container: &'a Container<'a>,
    pub(crate) styles: Styles,
    pub(crate) numbering: Definitions,
    pub(crate) limits: &'a Limits,
}

/// A story while it is read.
pub(crate) struct Story<'a> {
    shared: &'a Shared<'a>,
    relations: Relations,
    counters: Counters,
    fields: Fields,
    place: Place,
    paragraph: Paragraph,
    run: Run,
    cells: Vec<Cell>,
    images: Images,
    /// Parts of charts and diagrams that were read.
    graphics: HashSet<String>,
    left_out: Counts,
    /// How often something was shown or left out: tells whether an element gave anything.
    pieces: usize,
    /// Bytes of text so far.
    bytes: usize,
}

/// Where lines go: the story itself, a cell, or a box.
#[derive(Default)]
struct Place {
    lines: Vec<Line>,
    /// A paragraph that goes on in the next one.
    carried: Option<Paragraph>,
    /// Whether a table stands here.
    table: bool,
}

impl<'a> Story<'a> {
    /// A story in a part with these relationships. In a document where a field never ends, fields
    /// are not tracked.
    pub(crate) fn new(shared: &'a Shared<'a>, relations: Relations, fields: Fields) -> Self {
        Self {
            shared,
            relations,
            counters: Counters::default(),
            fields,
            place: Place::default(),
            paragraph: Paragraph::default(),
            run: Run::default(),
            cells: Vec::new(),
            images: Images::default(),
            graphics: HashSet::new(),
            left_out: Counts::default(),
            pieces: 0,
            bytes: 0,
        }
    }

    /// Reads the element opened last.
    ///
    /// # Errors
    /// When the part is broken or gives too much text.
    pub(crate) fn element(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        match (xml.space(), xml.name()) {
            (Space::Word, _) => self.word(xml),
            (Space::Math, "oMath" | "oMathPara") => self.equation(xml),
            (Space::Compatibility, "AlternateContent") => self.alternatives(xml),
            (Space::Placement, "docPr") | (Space::Vml, "shape") => self.described(xml),
            (Space::Picture, "pic") => self.picture(),
            (Space::Vml, "imagedata") => self.picture(),
            (Space::Vml, "textpath") => self.word_art(xml),
            (Space::Chart, "chart") | (Space::Diagram, "relIds") => self.graphic(xml),
            (Space::Drawing, "p") => self.drawn_words(xml),
            _ => xml.children(|xml| self.element(xml)),
        }
    }

    /// An element of WordprocessingML.
    fn word(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        match xml.name() {
            "p" => self.paragraph(xml),
            "r" => self.run(xml),
            "t" => self.text(xml),
            "tab" | "ptab" => self.push("\t"),
            "br" | "cr" => self.push("\n"),
            "noBreakHyphen" => self.push("-"),
            "sym" => self.symbol(xml),
            "fldChar" => self.field_mark(xml),
            "instrText" => self.field_instruction(xml),
            "fldSimple" => self.field(xml),
            "footnoteReference" | "endnoteReference" => self.reference(xml),
            "tr" => self.row(xml),
            "tc" => self.cell(xml),
            "sdt" => self.content_control(xml),
            "drawing" | "pict" => self.drawing(xml),
            "object" => self.object(xml),
            "txbxContent" => self.text_box(xml),
            "altChunk" => self.leave_out(LeftOut::InsertedDocument),
            "subDoc" => self.leave_out(LeftOut::Subdocument),
            "control" => self.leave_out(LeftOut::Control),
            // Tracked changes are read as accepted; of phonetic guides the word below is read.
            "del" | "moveFrom" | "delText" | "delInstrText" | "rt" => Ok(()),
            name if name.ends_with("Pr") || name.ends_with("Change") => Ok(()),
            _ => xml.children(|xml| self.element(xml)),
        }
    }

    /// A control around content; one that holds a table of contents is left out whole.
    fn content_control(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let mut contents = false;
        xml.children(|xml| match (xml.space(), xml.name()) {
            (Space::Word, "sdtPr") => xml.children(|xml| {
                if xml.name() != "docPartObj" {
                    return Ok(());
                }
                xml.children(|xml| {
                    let gallery = xml.value().unwrap_or_default();
                    contents |= xml.name() == "docPartGallery" && gallery == "Table of Contents";
                    Ok(())
                })
            }),
            (Space::Word, "sdtContent") if contents => Ok(()),
            _ => self.element(xml),
        })
    }

    /// The same content for newer and for older programs: the first that gives anything counts.
    fn alternatives(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let before = self.pieces;
        xml.children(|xml| match xml.name() {
            "Choice" | "Fallback" if self.pieces == before => xml.children(|xml| self.element(xml)),
            _ => Ok(()),
        })
    }

    fn equation(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        if self.hidden() {
            return Ok(());
        }
        let text = math::linear(xml)?;
        self.push(&text)
    }

    /// Whether text is not shown here.
    fn hidden(&self) -> bool {
        self.run.hidden || self.fields.hide()
    }

    /// Adds text to the paragraph, where text is shown.
    fn push(&mut self, text: &str) -> Result<(), DocumentError> {
        if self.hidden() || text.is_empty() {
            return Ok(());
        }
        self.count(text)?;
        self.paragraph.text.push_str(text);
        Ok(())
    }

    /// Adds a line of its own after the paragraph.
    fn push_beside(&mut self, text: &str) -> Result<(), DocumentError> {
        if self.hidden() || text.trim().is_empty() {
            return Ok(());
        }
        self.count(text)?;
        self.paragraph.boxes.push(Line::of(text.to_owned()));
        Ok(())
    }

    fn count(&mut self, text: &str) -> Result<(), DocumentError> {
        self.pieces += 1;
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > self.shared.limits.text {
            let most = self.shared.limits.text;
            return Err(DocumentError::TooLarge(format!("more than {most} bytes of text")));
        }
        Ok(())
    }

    fn leave_out(&mut self, what: LeftOut) -> Result<(), DocumentError> {
        if !self.hidden() {
            self.pieces += 1;
            self.left_out.add(what);
        }
        Ok(())
    }

    /// The lines so far that are complete.
    pub(crate) fn ready_lines(&mut self) -> std::vec::Drain<'_, Line> {
        self.place.lines.drain(..)
    }

    /// All lines so far: what is still open ends here.
    ///
    /// # Errors
    /// When there is too much text.
    pub(crate) fn take_lines(&mut self) -> Result<Vec<Line>, DocumentError> {
        self.flush()?;
        Ok(std::mem::take(&mut self.place.lines))
    }

    /// Whether a field has begun and not ended.
    pub(crate) fn is_in_field(&self) -> bool {
        self.fields.depth() > 0
    }

    /// What was left out.
    pub(crate) fn left_out(&self) -> &Counts {
        &self.left_out
    }
}
