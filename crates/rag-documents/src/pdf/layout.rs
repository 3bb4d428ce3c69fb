//! Letters with positions into lines in reading order, and lines into paragraphs.

mod columns;
mod drawing;
mod formulas;
mod grid;
mod lines;
mod paragraphs;
mod pieces;
mod regions;
mod tables;

pub(crate) use paragraphs::{join, paragraphs};

use super::content::Drawn;
use crate::script::{is_wide, without_space};

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
    /// Whether it runs the way that most of the page's text runs.
    pub(crate) main: bool,
}

/// The lines of a page in reading order: the text that runs like most of it, then that which does not, then that outside the page.
pub(crate) fn lines(drawn: &Drawn) -> Vec<Line> {
    let mut all = Vec::new();
    let (letters, rows) = grid::taken_out(drawn);
    let on_page = pieces::by_direction(&letters, &drawn.text, rows);
    let main = on_page.len().min(1);
    let outside = pieces::by_direction(&drawn.outside, &drawn.text, Vec::new());
    let mut block = 0;
    for (at, frame) in on_page.into_iter().chain(outside).enumerate() {
        // The columns of vertical text go from right to left, in whatever order they are drawn.
        let regions =
            if frame.downwards { vec![frame.pieces] } else { regions::regions(frame.pieces) };
        for pieces in regions.into_iter().flat_map(columns::blocks) {
            // A diagram has neither columns nor rows: whoever drew it put together what belongs together.
            let loose = drawing::is_loose(&pieces);
            let groups = if loose { drawing::groups(pieces) } else { vec![pieces] };
            for pieces in groups {
                for mut line in tables::lines(&lines::rows(pieces), !loose) {
                    (line.block, line.main) = (block, at < main);
                    all.push(line);
                }
                block += 1;
            }
        }
    }
    all
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
