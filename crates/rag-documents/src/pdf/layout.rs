//! Letters with positions into lines in reading order, and lines into paragraphs.

mod columns;
mod drawing;
mod formulas;
mod grid;
mod lines;
mod notes;
mod paragraphs;
mod pieces;
mod regions;
mod tables;
mod tagged;

pub(crate) use paragraphs::{join, paragraphs};

use super::content::Drawn;
use super::structure::Structure;
use crate::script::{is_wide, without_space};
use pieces::{Frame, Piece};

/// A line of text, or a row of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// Where it begins and ends, along the way the text runs (points).
    pub(crate) left: f32,
    pub(crate) right: f32,
    /// Its baseline, growing downwards (points).
    pub(crate) base: f32,
    /// Its font size (points).
    pub(crate) size: f32,
    pub(crate) bold: bool,
    /// Whether it is set in a typewriter font: program text, whose line ends count.
    pub(crate) mono: bool,
    /// Whether it is a row of a table.
    pub(crate) row: bool,
    /// Whether it is known to begin an item of a list, whatever its mark.
    pub(crate) item: bool,
    /// Whether the page itself says that it is a running header or footer.
    pub(crate) artifact: bool,
    /// Lines of one block stand under each other with nothing between them.
    pub(crate) block: usize,
    /// Which of the page's headings it is a line of.
    pub(crate) heading: Option<usize>,
    /// The level of the heading that the document's tags say it is a line of; 0 is the title.
    pub(crate) level: Option<usize>,
    /// The paragraph that the document's tags put it in.
    pub(crate) paragraph: Option<u32>,
    /// Whether it runs the way that most of the page's text runs.
    pub(crate) main: bool,
}

/// The lines of a page in reading order: the text that runs like most of it, then that which does not, then that outside the page.
pub(crate) fn lines(drawn: &Drawn, structure: &Structure) -> Vec<Line> {
    let mut all = tagged::read(drawn, structure).unwrap_or_else(|| {
        let (letters, rows) = grid::taken_out(drawn);
        all_set_out(pieces::by_direction(&letters, &drawn.text, rows), drawn.layers)
    });
    let blocks = next_block(&all);
    let outside = all_set_out(pieces::by_direction(&drawn.outside, &drawn.text, Vec::new()), false);
    let apart = |line: Line| Line { block: line.block + blocks, main: false, ..line };
    let is_empty = all.is_empty();
    all.extend(outside.into_iter().map(|line| if is_empty { line } else { apart(line) }));
    all
}

/// The lines of all that a page shows; those of the first frame are its main text.
fn all_set_out(frames: Vec<Frame>, layers: bool) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::new();
    for (at, frame) in frames.into_iter().enumerate() {
        let blocks = next_block(&all);
        let lines = set_out(frame, layers).into_iter();
        all.extend(lines.map(|line| Line { block: line.block + blocks, main: at == 0, ..line }));
    }
    all
}

/// The lines of what runs in one direction, by regions and columns, with tables among them.
fn set_out(frame: Frame, layers: bool) -> Vec<Line> {
    let mut all = Vec::new();
    let (pieces, notes) = notes::taken_out(frame.pieces);
    let frame = Frame { pieces, ..frame };
    for pieces in regions_of(frame, layers).into_iter().flat_map(columns::blocks) {
        // A diagram has neither columns nor rows: whoever drew it put together what belongs together.
        let loose = drawing::is_loose(&pieces);
        let groups = if loose { drawing::groups(pieces) } else { vec![pieces] };
        groups.into_iter().for_each(|pieces| add_block(&mut all, pieces, !loose));
    }
    notes::put_back(&mut all, notes);
    all
}

/// The lines of what runs in one direction and is known to be no more than one paragraph, which may go on in the next column.
fn paragraph_set_out(frame: Frame) -> Vec<Line> {
    let mut all = Vec::new();
    regions_of(frame, false).into_iter().for_each(|pieces| add_block(&mut all, pieces, false));
    all
}

fn regions_of(frame: Frame, layers: bool) -> Vec<Vec<Piece>> {
    // The columns of vertical text go from right to left, in whatever order they are drawn.
    if frame.downwards { vec![frame.pieces] } else { regions::regions(frame.pieces, layers) }
}

/// The number of the next block behind these lines, whose blocks may be in any order.
fn next_block(lines: &[Line]) -> usize {
    lines.iter().map(|line| line.block + 1).max().unwrap_or_default()
}

/// Appends the lines of one block, with tables among them if it is `tabular`.
fn add_block(all: &mut Vec<Line>, pieces: Vec<Piece>, tabular: bool) {
    let block = all.last().map_or(0, |line| line.block + 1);
    let lines = tables::lines(&lines::rows(pieces), tabular);
    all.extend(lines.into_iter().map(|line| Line { block, ..line }));
}

/// The font size of most letters, from sizes with how many letters have them; 10 where there are none.
pub(crate) fn usual_size(sizes: impl Iterator<Item = (f32, usize)>) -> f32 {
    let mut sizes: Vec<(f32, usize)> = sizes.collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = sizes.iter().map(|(_, letters)| letters).sum::<usize>() / 2;
    let mut passed = 0;
    let middle = sizes.iter().find(|(_, letters)| {
        passed += letters;
        passed > half
    });
    middle.map_or(10.0, |(size, _)| size.max(1.0))
}

fn last(text: &str) -> Option<char> {
    text.chars().next_back()
}

fn first(text: &str) -> Option<char> {
    text.chars().next()
}

#[cfg(test)]
mod tests;
