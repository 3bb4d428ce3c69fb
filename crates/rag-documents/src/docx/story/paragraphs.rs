//! Paragraphs: their style, their number, and which of them are one.

use std::mem::{replace, take};

use super::Story;
use crate::document::DocumentError;
use crate::docx::line::{Line, Reference};
use crate::docx::numbering::Label;
use crate::docx::space::Space;
use crate::docx::styles::{level, numbering};
use crate::docx::xml::Xml;

/// A paragraph while it is read.
#[derive(Default)]
pub(super) struct Paragraph {
    pub(super) text: String,
    pub(super) references: Vec<Reference>,
    /// Lines that stand beside it, in boxes.
    pub(super) boxes: Vec<Line>,
    pub(super) format: Format,
    /// The paragraph before that goes on in this one: its bytes and its format.
    before: Option<(usize, Format)>,
}

/// What the properties of a paragraph say.
#[derive(Default)]
pub(super) struct Format {
    pub(super) style: Option<String>,
    /// 0 is the outermost heading, 9 is body text.
    outline: Option<u8>,
    list: Option<i64>,
    list_level: Option<u8>,
    /// Whether the next paragraph goes on with this one: its mark is deleted, or it is only the
    /// large letter that the next one begins with.
    goes_on: bool,
    /// Whether its mark is hidden, and with it its number when it is empty.
    hidden: bool,
}

impl Story<'_> {
    pub(super) fn paragraph(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let mut own = Paragraph::default();
        if let Some(before) = self.place.carried.take() {
            own = Paragraph {
                before: Some((before.text.len(), before.format)),
                format: Format::default(),
                ..before
            };
        }
        let outer = (replace(&mut self.paragraph, own), take(&mut self.run));
        let read = xml.children(|xml| match (xml.space(), xml.name()) {
            (Space::Word, "pPr") => self.paragraph_properties(xml),
            _ => self.element(xml),
        });
        let own = replace(&mut self.paragraph, outer.0);
        self.run = outer.1;
        read?;
        self.end_paragraph(own)
    }

    fn paragraph_properties(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let format = &mut self.paragraph.format;
        xml.children(|xml| {
            match (xml.space(), xml.name()) {
                (Space::Word, "pStyle") => format.style = xml.value().map(|id| id.into_owned()),
                (Space::Word, "outlineLvl") => format.outline = level(xml),
                (Space::Word, "numPr") => (format.list, format.list_level) = numbering(xml)?,
                (Space::Word, "framePr") => {
                    let drop = xml.attribute("dropCap").is_some_and(|kind| kind != "none");
                    format.goes_on |= drop;
                }
                (Space::Word, "rPr") => xml.children(|xml| {
                    match (xml.space(), xml.name()) {
                        (Space::Word, "del" | "moveFrom") => format.goes_on = true,
                        (Space::Word, "vanish") => format.hidden = xml.on(),
                        _ => {}
                    }
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })
    }

    fn end_paragraph(&mut self, mut own: Paragraph) -> Result<(), DocumentError> {
        let goes_on = own.format.goes_on;
        if let Some((bytes, format)) = own.before.take()
            && own.text.get(bytes..).is_none_or(|text| text.trim().is_empty())
            && bytes > 0
        {
            // Nothing is left of this paragraph but its mark: the one before stays what it was.
            own.format = format;
        }
        if goes_on {
            self.place.carried = Some(own);
            return Ok(());
        }
        self.finish_paragraph(own)
    }

    /// Ends what is open here: text outside of paragraphs, and a paragraph that would go on.
    pub(super) fn flush(&mut self) -> Result<(), DocumentError> {
        if let Some(carried) = self.place.carried.take() {
            self.finish_paragraph(carried)?;
        }
        let open = take(&mut self.paragraph);
        self.finish_paragraph(open)
    }

    fn finish_paragraph(&mut self, own: Paragraph) -> Result<(), DocumentError> {
        let styles = &self.shared.styles;
        let text = own.text.trim();
        let style = own.format.style.as_deref().or(styles.usual());
        // An empty paragraph counts too, as its number is shown.
        let shown = !text.is_empty() || !own.format.hidden;
        let label = if shown { self.label(&own.format, style) } else { None };
        let contents = style.is_some_and(|id| styles.is_contents(id)) && leads_to_page(text);
        if !text.is_empty() && !contents {
            let heading = match own.format.outline {
                Some(level) => (level < 9).then_some(level + 1),
                None => style.and_then(|id| styles.heading_level(id)),
            };
            let text = match (&label, heading) {
                (None, _) => text.to_owned(),
                (Some(label), None) => label.before(text),
                (Some(label), Some(_)) => label.before_title(text),
            };
            // Numbers are text too, and may be longer than what they stand before.
            self.count(if label.is_some() { &text } else { "" })?;
            self.place.lines.push(Line { text, heading, references: own.references });
        }
        self.place.lines.extend(own.boxes);
        Ok(())
    }

    /// What the paragraph begins with as one of a list, its own or its style's.
    fn label(&mut self, format: &Format, style: Option<&str>) -> Option<Label> {
        let shared = self.shared;
        let (of_style, usual) = style.map_or((None, None), |id| shared.styles.list(id));
        let usual = if format.list.is_some() { None } else { usual };
        self.counters.label(
            format.list.or(of_style)?,
            format.list_level,
            usual,
            style,
            &shared.numbering,
            &shared.styles,
        )
    }
}

/// Whether a text ends with the number of a page, as an entry of a table of contents does that is no field.
fn leads_to_page(text: &str) -> bool {
    let number = text.rsplit(|c: char| c.is_whitespace() || matches!(c, '.' | '…')).next();
    number.filter(|number| number.len() < text.len()).is_some_and(|number| {
        let all = |is: fn(char) -> bool| !number.is_empty() && number.chars().all(is);
        all(|c| c.is_ascii_digit()) || all(|c| "ivxlc".contains(c.to_ascii_lowercase()))
    })
}
