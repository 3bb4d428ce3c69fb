//! Tables: a row is a line, its cells parted by ` | `.

use std::mem::take;

use super::{Place, Story};
use crate::document::DocumentError;
use crate::docx::line::{Line, joined};
use crate::docx::space::Space;
use crate::docx::xml::Xml;

/// Columns of a table: Word has no more.
const MOST_COLUMNS: usize = 63;

/// A cell of the row that is read.
pub(super) struct Cell {
    lines: Vec<Line>,
    /// Columns it takes up.
    columns: usize,
    /// Whether a table stands in it.
    table: bool,
}

impl Story<'_> {
    pub(super) fn row(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let outer = take(&mut self.cells);
        let (mut deleted, mut left) = (false, 0);
        let read = xml.children(|xml| match (xml.space(), xml.name()) {
            (Space::Word, "trPr") => xml.children(|xml| {
                match (xml.space(), xml.name()) {
                    (Space::Word, "del") => deleted = true,
                    (Space::Word, "gridBefore") => left = columns(xml),
                    _ => {}
                }
                Ok(())
            }),
            _ if deleted => Ok(()),
            _ => self.element(xml),
        });
        let cells = std::mem::replace(&mut self.cells, outer);
        read?;
        self.place.table = true;
        if cells.len() == 1 && left == 0 || cells.iter().any(|cell| cell.table) {
            // The table only lays out what stands in it.
            self.place.lines.extend(cells.into_iter().flat_map(|cell| cell.lines));
        } else {
            self.place.lines.extend(line(cells, left));
        }
        Ok(())
    }

    pub(super) fn cell(&mut self, xml: &mut Xml<'_>) -> Result<(), DocumentError> {
        let outer = (take(&mut self.place), take(&mut self.paragraph), take(&mut self.run));
        let (mut deleted, mut spanned) = (false, 1);
        let read = xml.children(|xml| match (xml.space(), xml.name()) {
            (Space::Word, "tcPr") => xml.children(|xml| {
                match (xml.space(), xml.name()) {
                    (Space::Word, "gridSpan") => spanned = columns(xml).max(1),
                    (Space::Word, "cellDel") => deleted = true,
                    _ => {}
                }
                Ok(())
            }),
            _ if deleted => Ok(()),
            _ => self.element(xml),
        });
        let read = read.and_then(|()| self.flush());
        let Place { lines, table, .. } = std::mem::replace(&mut self.place, outer.0);
        (self.paragraph, self.run) = (outer.1, outer.2);
        read?;
        if !deleted {
            self.cells.push(Cell { lines, columns: spanned, table });
        }
        Ok(())
    }
}

/// A number of columns in `val`.
fn columns(xml: &Xml<'_>) -> usize {
    let columns = xml.number().and_then(|columns| usize::try_from(columns).ok());
    columns.unwrap_or(0).min(MOST_COLUMNS)
}

/// A row as a line. The columns that a wide cell takes up are there, empty, so that the others stay
/// under their headings; a cell that goes on from the row above is empty in the document already.
fn line(cells: Vec<Cell>, left: usize) -> Option<Line> {
    let mut row = Line::default();
    // Where the last filled cell ends: empty ones after it say nothing.
    let mut filled = 0;
    for _ in 0..left {
        row.text.push_str(" | ");
    }
    let last = cells.len().saturating_sub(1);
    for (place, cell) in cells.into_iter().enumerate() {
        let text = joined(cell.lines);
        row.text.push_str(&text.text);
        if !text.text.is_empty() {
            filled = row.text.len();
        }
        row.references.extend(text.references);
        if place < last {
            for _ in 0..cell.columns {
                row.text.push_str(" | ");
            }
        }
    }
    row.text.truncate(filled);
    (filled > 0).then_some(row)
}
