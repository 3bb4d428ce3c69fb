//! Rows of a table that no border parts: many tables have borders around their body and between its columns only.

use super::{Grid, Letter, MOST_CELLS};

/// Lines whose heights differ by no more than this share of the font size stand beside each other.
const LEVEL: f32 = 0.3;
/// A line that takes more than this share of its cell may go on in the next line.
const FULL: f32 = 0.9;

/// A line of a cell.
struct Line {
    base: f32,
    right: f32,
    size: f32,
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
        if first.iter().any(|line| line.right - left > FULL * (right - left)) {
            return Vec::new();
        }
        let beside = are_beside(first, cells);
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
    let level = |a: &Line, b: &Line| (a.base - b.base).abs() < LEVEL * a.size.min(b.size);
    let filled = cells.iter().filter(|lines| !lines.is_empty()).count();
    cells.iter().flatten().all(|line| first.iter().any(|own| level(own, line)))
        && first.iter().all(|own| {
            let beside = cells.iter().filter(|cell| cell.iter().any(|line| level(own, line)));
            let beside = beside.count();
            beside >= 2 && beside * 10 >= filled * 6
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
    // What is raised or lowered stands in its line.
    let near = |line: &Line| (line.base - base).abs() < 0.6 * line.size.max(size);
    if let Some(line) = lines.iter_mut().find(|line| near(line)) {
        line.right = line.right.max(right);
        if size > line.size {
            (line.base, line.size) = (base, size);
        }
    } else if lines.len() < MOST {
        let at = lines.partition_point(|line| line.base < base);
        lines.insert(at, Line { base, right, size });
    }
}
