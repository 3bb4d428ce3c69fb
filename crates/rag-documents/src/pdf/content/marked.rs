//! Marked content: stretches of a page of which it says what they are (PDF 1.7, 14.6).

use lopdf::Dictionary;

use super::super::lexer::Value;
use super::super::objects::Objects;
use super::super::text_string;
use super::{Letter, Reader};

/// Marked content inside marked content.
const MOST_MARKED: usize = 256;

/// Marked content (PDF 1.7, 14.6) that is open.
pub(super) struct Marked {
    pub(super) artifact: bool,
    /// The block that the document's tags put it in.
    pub(super) block: Option<u32>,
    /// The text to be read in place of what is drawn, and where that began.
    replaced: Option<(String, usize, usize)>,
}

impl<'a> Reader<'_, 'a> {
    pub(super) fn open(&mut self, operands: &[Value], resources: &'a Dictionary) {
        if self.marked.len() >= MOST_MARKED {
            return;
        }
        let (mut replacement, mut kind, mut number) = (None, None, None);
        match operands.get(1) {
            Some(Value::Dictionary(entries)) => {
                for (key, value) in entries {
                    match key.as_slice() {
                        b"ActualText" => replacement = value.text().map(text_string),
                        b"MCID" => number = value.number(),
                        b"Subtype" | b"Type" => kind = value.name().or(kind),
                        _ => {}
                    }
                }
            }
            Some(Value::Name(name)) => {
                let properties = self
                    .pdf
                    .dictionary(resources, b"Properties")
                    .and_then(|all| self.pdf.dictionary(all, name));
                if let Some(properties) = properties {
                    let actual = self.pdf.value(properties, b"ActualText");
                    replacement = actual.and_then(|o| o.as_str().ok()).map(text_string);
                    number = self.pdf.number(properties, b"MCID");
                    kind = self
                        .pdf
                        .name(properties, b"Subtype")
                        .or(self.pdf.name(properties, b"Type"));
                }
            }
            _ => {}
        }
        let is_artifact = operands.first().and_then(Value::name) == Some(b"Artifact");
        let furniture = is_artifact && matches!(kind, Some(b"Pagination" | b"Header" | b"Footer"));
        let (artifact, outer) =
            self.marked.last().map_or((false, None), |marked| (marked.artifact, marked.block));
        let block = number
            .zip(self.content)
            .and_then(|(number, content)| self.structure.block_of(content, number as u32))
            .or(outer.filter(|_| !is_artifact));
        let replaced = replacement.map(|text| (text, self.drawn.letters.len(), self.drawn.unknown));
        self.marked.push(Marked { artifact: artifact || furniture, block, replaced });
    }

    pub(super) fn close(&mut self) {
        let Some(Marked { replaced: Some((actual, start, unknown)), .. }) = self.marked.pop()
        else {
            return;
        };
        let Some([first, .., last]) = self.drawn.letters.get(start..).map(|l| match l {
            [one] => [one.clone(), one.clone()],
            [first, .., last] => [first.clone(), last.clone()],
            [] => [EMPTY, EMPTY],
        }) else {
            return;
        };
        let (dx, dy) = first.direction;
        let along = (last.x - first.x) * dx + (last.y - first.y) * dy;
        let across = (last.x - first.x) * dy - (last.y - first.y) * dx;
        // A replacement for several lines would have no place; what is drawn must do.
        if first.size <= 0.0 || across.abs() > first.size {
            return;
        }
        self.drawn.unknown = unknown;
        self.drawn.letters.truncate(start);
        let width = (along + last.width).max(0.0);
        self.drawn.write(&actual, Letter { width, ..first }, self.limits);
    }
}

/// No letter at all.
pub(super) const EMPTY: Letter = Letter {
    start: 0,
    end: 0,
    x: 0.0,
    y: 0.0,
    width: 0.0,
    size: 0.0,
    direction: (1.0, 0.0),
    bold: false,
    mono: false,
    artifact: false,
    block: None,
};
