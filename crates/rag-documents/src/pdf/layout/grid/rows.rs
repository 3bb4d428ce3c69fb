//! Rows of a table that no border parts: many tables have borders around their body and between its columns only.

use super::super::formulas::SMALL;
use super::{Grid, Letter, MOST_CELLS};

/// Lines whose heights differ by no more than this share of the font size stand beside each other.
const LEVEL: f32 = 0.3;
/// A line that takes more than this share of its cell may go on in the next line.
const FULL: f32 = 0.9;

/// So many rows are parted by borders where a table has borders between its rows at all; one of two rows may be its head.
const BORDERED: usize = 3;
/// A cell of a table of two rows has no more lines than these; what has more is the body of the table.
const MOST_OF_TWO: usize = 3;

/// A line of a cell.
struct Line {
    base: f32,
    right: f32,
    size: f32,
    /// The places of its first and last letter in the order of drawing.
    drawn: (u32, u32),
}

impl Line {
    fn is_beside(&self, other: &Self) -> bool {
        (self.base - other.base).abs() < LEVEL * self.size.min(other.size)
    }
}

impl Grid {
    /// The grid with a row for each line where the lines of a row's cells stand beside each other and none goes on in the next.
    pub(super) fn with_rows(&self, letters: &[Letter], text: &str) -> Self {
        let wide = self.wide();
        let high = self.rows.len() - 1;
        let mut lines: Vec<Vec<Line>> = Vec::new();
        lines.resize_with(self.cells.len(), Vec::new);
        for letter in letters {
            let own = text.get(letter.start as usize..letter.end as usize).unwrap_or_default();
            if let Some(lines) = self.field_of(letter).and_then(|field| lines.get_mut(field))
                && !own.trim().is_empty()
            {
                note(lines, letter);
            }
        }
        let (mut rows, mut cells) = (Vec::new(), Vec::new());
        // Where each row begins now.
        let mut begins = Vec::with_capacity(high);
        for row in 0..high {
            let fields = row * wide..(row + 1) * wide;
            begins.push(rows.len());
            rows.extend(self.rows.get(row));
            let borders = self.borders(row, lines.get(fields.clone()).unwrap_or_default());
            for line in 0..=borders.len() {
                for head in self.cells.get(fields.clone()).into_iter().flatten() {
                    let begin = begins.get(head / wide).copied().unwrap_or_default();
                    // Only cells of this row are parted.
                    let line = if head / wide == row { line } else { 0 };
                    cells.push((begin + line) * wide + head % wide);
                }
            }
            rows.extend(borders);
        }
        rows.extend(self.rows.last());
        let columns = self.columns.clone();
        if cells.len() > MOST_CELLS {
            return Self { columns, rows: self.rows.clone(), cells: self.cells.clone() };
        }
        Self { columns, rows, cells }
    }

    /// The places of the borders that a row lacks; `lines` are those of each of its fields.
    fn borders(&self, row: usize, lines: &[Vec<Line>]) -> Vec<f32> {
        let wide = self.wide();
        let fields = row * wide..(row + 1) * wide;
        let spans = |head: &usize| head / wide != row || self.size(*head).1 != 1;
        if self.cells.get(fields).into_iter().flatten().any(spans) {
            return Vec::new();
        }
        // Every row of a table says in the first column what it is about. A label of one line before it is that of all.
        let Some(column) = lines.iter().position(|lines| lines.len() >= 2) else {
            return Vec::new();
        };
        let (labels, cells) = lines.split_at(column);
        let Some(first) = cells.first() else { return Vec::new() };
        // A line of it that is full may go on in the next.
        let end = column + self.size(row * wide + column).0;
        let (Some(left), Some(right)) = (self.columns.get(column), self.columns.get(end)) else {
            return Vec::new();
        };
        let full = first.iter().any(|line| line.right - left > FULL * (right - left));
        let beside = are_beside(first, cells);
        let by_row = are_drawn_by_row(first, cells);
        if full && !(beside && labels.is_empty() && by_row) {
            return Vec::new();
        }
        // A table that has borders between its rows needs no others: its cells have lines.
        let most = cells.iter().map(Vec::len).max().unwrap_or_default();
        let bordered =
            self.rows.len() > BORDERED || self.rows.len() == BORDERED && most <= MOST_OF_TWO;
        if bordered && !by_row {
            return Vec::new();
        }
        let borders = |pair: &[Line]| match pair {
            [above, below] if beside => Some((above.base + below.base) / 2.0 - 0.25 * below.size),
            [above, below] if labels.is_empty() => gap(above, below, cells),
            _ => None,
        };
        first.windows(2).map(borders).collect::<Option<Vec<f32>>>().unwrap_or_default()
    }
}

/// Whether the lines of the cells stand beside those of the first one.
fn are_beside(first: &[Line], cells: &[Vec<Line>]) -> bool {
    let filled = cells.iter().filter(|lines| !lines.is_empty()).count();
    cells.iter().flatten().all(|line| first.iter().any(|own| own.is_beside(line)))
        && first.iter().all(|own| {
            let beside = cells.iter().filter(|cell| cell.iter().any(|line| own.is_beside(line)));
            let beside = beside.count();
            beside >= 2 && beside * 10 >= filled * 6
        })
}

/// Whether what stands beside one line of the first cell is drawn before what stands beside the next: lines that go on in each other
/// are drawn cell by cell.
fn are_drawn_by_row(first: &[Line], cells: &[Vec<Line>]) -> bool {
    let beside = |own: &Line| {
        let drawn =
            cells.iter().flatten().filter(|line| own.is_beside(line)).map(|line| line.drawn);
        drawn.fold((u32::MAX, 0), |all, line| (all.0.min(line.0), all.1.max(line.1)))
    };
    first.windows(2).all(|pair| match pair {
        [above, below] => beside(above).1 < beside(below).0,
        _ => true,
    })
}

/// The middle of the gap between two lines of the first cell which no cell has a line in; `None` when it is not wider than those
/// between the lines of a cell.
fn gap(above: &Line, below: &Line, cells: &[Vec<Line>]) -> Option<f32> {
    let within = cells.iter().skip(1).flat_map(|lines| lines.windows(2));
    let leading = within.filter_map(|pair| match pair {
        [above, below] => Some(below.base - above.base),
        _ => None,
    });
    let leading = leading.fold(f32::MAX, f32::min);
    let mut bases: Vec<f32> = cells.iter().flatten().map(|line| line.base).collect();
    bases.retain(|base| (above.base..=below.base).contains(base));
    bases.sort_by(f32::total_cmp);
    let gaps = bases.windows(2).filter_map(|pair| match pair {
        [above, below] => Some((below - above, (above + below) / 2.0)),
        _ => None,
    });
    let (gap, middle) = gaps.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (gap >= 1.2 * leading).then_some(middle - 0.25 * below.size)
}

/// Notes a letter in the line it stands in, which are kept from top to bottom.
fn note(lines: &mut Vec<Line>, letter: &Letter) {
    /// Cells with more lines are frames around text.
    const MOST: usize = 64;
    let (base, right, size) = (-letter.y, letter.x + letter.width, letter.size);
    // What is raised or lowered, in smaller letters, stands in its line.
    let near = |line: &Line| {
        let (small, large) = (line.size.min(size), line.size.max(size));
        let room = if small < SMALL * large { 0.6 } else { LEVEL };
        (line.base - base).abs() < room * large
    };
    if let Some(line) = lines.iter_mut().find(|line| near(line)) {
        line.right = line.right.max(right);
        line.drawn = (line.drawn.0.min(letter.start), line.drawn.1.max(letter.start));
        if size > line.size {
            (line.base, line.size) = (base, size);
        }
    } else if lines.len() < MOST {
        let at = lines.partition_point(|line| line.base < base);
        lines.insert(at, Line { base, right, size, drawn: (letter.start, letter.start) });
    }
}
