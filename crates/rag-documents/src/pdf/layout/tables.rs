//! Rows into lines; rows whose gaps stand under each other are those of a table, with their cells kept apart.

use super::super::direction;
use super::lines::Row;
use super::pieces::{NEIGHBOR_GAP, Piece};
use super::{Line, is_wide, paragraphs};

/// A gap this wide, as a share of the font size, may part two cells.
const CELL_GAP: f32 = 1.0;
/// Rows with gaps under each other that make no table are searched again from the next row, if not more than
/// these: searching takes time in the square of them.
const LONGEST_SEARCH: usize = 100;
/// What stands between cells; the same as in tables of other formats.
const CELL: &str = " | ";

/// A row parted at its wide gaps.
struct Parted {
    cells: Vec<Piece>,
    base: f32,
    size: f32,
    mono: bool,
}

/// The lines of a block; its tables are looked for when `tabular`.
pub(super) fn lines(rows: &[Row], tabular: bool) -> Vec<Line> {
    let rows: Vec<Parted> = parted(rows);
    let mut lines = Vec::with_capacity(rows.len());
    let mut at = 0;
    while let Some(row) = rows.get(at) {
        let end = if tabular { table_end(&rows, at) } else { at };
        if let Some(table) = rows.get(at..end).filter(|table| table.len() >= 2)
            && let Some(found) = table_lines(table)
        {
            lines.extend(found);
            at = end;
        } else if end - at > LONGEST_SEARCH {
            lines.extend(rows.get(at..end).into_iter().flatten().map(Parted::line));
            at = end;
        } else {
            lines.push(row.line());
            at += 1;
        }
    }
    lines
}

/// Rows of more than one cell that belong to no table to speak of, and all rows.
pub(super) fn loose_rows(rows: &[Row]) -> (usize, usize) {
    const TO_SPEAK_OF: usize = 4;
    let rows: Vec<Parted> = parted(rows);
    let (mut loose, mut at) = (0, 0);
    while let Some(row) = rows.get(at) {
        let end = table_end(&rows, at).max(at + 1);
        let table = rows.get(at..end).unwrap_or_default();
        let speaks = table.len() >= TO_SPEAK_OF || is_small_table(table);
        if !speaks || gutters(table).is_empty() {
            loose += table.iter().filter(|row| row.cells.len() >= 2 && !row.mono).count();
        }
        debug_assert!(!row.cells.is_empty(), "a row has pieces");
        at = end;
    }
    (loose, rows.len())
}

/// Whether three rows, drawn one after the other, have cells enough to be a table: a head and two rows.
fn is_small_table(table: &[Parted]) -> bool {
    const CELLS: usize = 3;
    let in_turn = |pair: &[Parted]| matches!(pair, [above, below] if !above.is_unfinished(below));
    table.len() == 3
        && table.windows(2).all(in_turn)
        && table.iter().filter(|row| row.cells.len() >= CELLS).count() >= 2
}

fn parted(rows: &[Row]) -> Vec<Parted> {
    // Words in a typewriter font beside others are no program text: they stand in a table.
    let mono = |row: &Row| row.pieces.iter().all(Piece::is_mono);
    let alone = |at: Option<usize>, row: &Row| {
        let other = at.and_then(|at| rows.get(at));
        other.is_none_or(|other| (other.base - row.base).abs() > 1.8 * row.size || mono(other))
    };
    let mut drawn: Vec<usize> = rows.iter().flat_map(|row| &row.pieces).map(|p| p.order).collect();
    drawn.sort_unstable();
    let part = |(at, row): (usize, &Row)| {
        let mono = mono(row) && alone(at.checked_sub(1), row) && alone(Some(at + 1), row);
        part(row, mono, &drawn)
    };
    rows.iter().enumerate().map(part).collect()
}

/// Parts a row at its wide gaps; `drawn` are the places of all pieces in the order of drawing.
fn part(row: &Row, mono: bool, drawn: &[usize]) -> Parted {
    // Where something else was drawn between two pieces, they are hardly words of one line.
    let next = |last: &Piece, piece: &Piece| {
        let before = drawn.partition_point(|order| *order <= last.latest);
        drawn.partition_point(|order| *order < piece.order) == before
    };
    let (base, size) = (row.base, row.size);
    let mut cells: Vec<Piece> = Vec::new();
    for piece in row.pieces.iter().cloned() {
        match cells.last_mut() {
            Some(last) if mono => {
                // Program text keeps its alignment: a letter of it is about three fifths as wide as high.
                let spaces =
                    ((piece.left - last.right) / (0.6 * size)).round().clamp(0.0, 40.0) as usize;
                last.append(&piece, &" ".repeat(spaces.max(1)));
            }
            Some(last)
                if piece.left - last.right < CELL_GAP * size
                    && (piece.left - last.right < NEIGHBOR_GAP * size || next(last, &piece)) =>
            {
                let between = last.between(&piece);
                last.append(&piece, between);
            }
            _ => cells.push(piece),
        }
    }
    Parted { cells, base, size, mono }
}

impl Parted {
    fn line(&self) -> Line {
        let text = self.cells.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" ");
        let letters: usize = self.cells.iter().map(|cell| cell.letters).sum();
        let bold: usize = self.cells.iter().filter(|c| c.is_bold()).map(|c| c.letters).sum();
        Line {
            text: direction::logical(text),
            left: self.cells.iter().map(|p| p.left).fold(f32::MAX, f32::min),
            right: self.cells.iter().map(|p| p.right).fold(f32::MIN, f32::max),
            base: self.base,
            size: self.usual_size(),
            bold: bold * 2 > letters,
            mono: self.mono,
            row: self.cells.iter().any(|cell| cell.row),
            item: false,
            artifact: self.cells.iter().all(|cell| cell.artifact),
            block: 0,
            heading: None,
            level: None,
            paragraph: None,
            main: true,
        }
    }

    /// The font size of most letters: a sign of another font may be larger.
    fn usual_size(&self) -> f32 {
        self.cells.iter().max_by_key(|cell| cell.letters).map_or(self.size, |cell| cell.usual)
    }

    /// Whether the row below was begun before this one was drawn whole: cells of more than one line are drawn one after the other.
    fn is_unfinished(&self, below: &Self) -> bool {
        let last = self.cells.iter().map(|cell| cell.order).max();
        let first = below.cells.iter().map(|cell| cell.order).min();
        first < last
    }

    /// What stands in each column.
    fn columns(&self, gutters: &[f32]) -> Vec<String> {
        let mut columns = vec![String::new(); gutters.len() + 1];
        for cell in &self.cells {
            if let Some(place) = columns.get_mut(cell.column(gutters)) {
                if !place.is_empty() {
                    place.push(' ');
                }
                place.push_str(&cell.text);
            }
        }
        // Line by line: the second line of a cell is read second in either direction.
        columns.into_iter().map(direction::logical).collect()
    }

    /// Where the text of each column ends.
    fn ends(&self, gutters: &[f32]) -> Vec<Option<f32>> {
        let mut ends = vec![None; gutters.len() + 1];
        for cell in &self.cells {
            if let Some(end) = ends.get_mut(cell.column(gutters)) {
                *end = Some(cell.right);
            }
        }
        ends
    }

    fn gaps(&self) -> impl Iterator<Item = (f32, f32)> {
        self.cells.windows(2).filter_map(|pair| {
            let [a, b] = pair else { return None };
            Some((a.right, b.left))
        })
    }
}

impl Piece {
    /// The column it is read with: that which it begins in.
    fn column(&self, gutters: &[f32]) -> usize {
        let begin = self.left + 0.3 * self.size.min(self.right - self.left);
        gutters.iter().filter(|gutter| **gutter < begin).count()
    }
}

/// Where a table that begins at `start` ends: the first row without a gap under one of the last.
fn table_end(rows: &[Parted], start: usize) -> usize {
    let mut end = start;
    let mut last: Option<&Parted> = None;
    while let Some(row) = rows.get(end) {
        let fits = match last {
            None => row.cells.len() >= 2 && !row.mono,
            Some(above) => {
                let near = row.base - above.base < 4.0 * row.size.max(above.size);
                let level = |(left, right): (f32, f32)| {
                    above.gaps().any(|(l, r)| right.min(r) - left.max(l) > 0.3 * row.size)
                };
                let under = row.cells.len() >= 2 && row.gaps().any(level);
                // The rest of a cell that has more than one line, or a label beside such a cell.
                let before = end.checked_sub(1).and_then(|before| rows.get(before));
                let close = before.is_some_and(|before| row.base - before.base < 1.6 * row.size);
                let begun = before.is_some_and(|before| before.is_unfinished(row));
                let rest = close && begun
                    || close
                        && row.cells.len() == 1
                        && row.cells.first().is_some_and(|cell| {
                            let begins = |c: &Piece| (c.left - cell.left).abs() < 0.5 * row.size;
                            above.cells.iter().skip(1).any(begins)
                                || above.cells.first().is_some_and(begins)
                                    && above
                                        .cells
                                        .get(1)
                                        .is_some_and(|second| cell.right < second.left)
                        });
                near && !row.mono && (under || rest)
            }
        };
        if !fits {
            break;
        }
        if row.cells.len() >= 2 {
            last = Some(row);
        }
        end += 1;
    }
    end
}

/// The rows of a table with their cells in columns; `None` when there is no gap common to them.
fn table_lines(table: &[Parted]) -> Option<Vec<Line>> {
    let gutters = gutters(table);
    if gutters.is_empty() {
        return None;
    }
    let parted: Vec<Vec<String>> = table.iter().map(|row| row.columns(&gutters)).collect();
    let pitch = pitch(table, &parted);
    let by_cell = drawn_by_cell(table);
    let ends = Ends::of(table, &gutters);
    let mut lines: Vec<(Line, Vec<String>)> = Vec::new();
    for (at, row) in table.iter().enumerate() {
        let Some(cells) = parted.get(at).cloned() else { continue };
        let above =
            at.checked_sub(1).and_then(|above| Some((table.get(above)?, parted.get(above)?)));
        let rest = above.is_some_and(|(above, others)| {
            if by_cell && above.is_unfinished(row) {
                return true;
            }
            let gap = row.base - above.base;
            let open = |cells: &[String]| cells.first().is_some_and(String::is_empty);
            // A line nearer to the label below it belongs to that one.
            let below = table.get(at + 1).zip(parted.get(at + 1));
            let next = below
                .is_some_and(|(below, cells)| !open(cells) && below.base - row.base < 0.8 * gap);
            if open(&cells) && next || !ends.goes_on(at, row.size, &cells) {
                return false;
            }
            match pitch {
                // A label may stand in the middle of what it labels: lines above it belong to it too.
                Some(pitch) => gap < 0.85 * pitch && (open(&cells) || open(others)),
                None => gap < 1.6 * row.size && open(&cells),
            }
        });
        match lines.last_mut() {
            Some((line, filled)) if rest => {
                for (place, more) in
                    filled.iter_mut().zip(cells).filter(|(_, more)| !more.is_empty())
                {
                    paragraphs::join(place, &more);
                }
                line.right = line.right.max(row.line().right);
                line.base = line.base.max(row.base);
            }
            _ => lines.push((Line { row: true, ..row.line() }, cells)),
        }
    }
    let is_list = is_list(&lines);
    let finish = |(mut line, cells): (Line, Vec<String>)| {
        line.text = if is_list {
            cells.join(" ").trim().to_owned()
        } else {
            cells.join(CELL).trim_end_matches([' ', '|']).to_owned()
        };
        line.row = !is_list;
        line.item = is_list && cells.first().is_some_and(|mark| !mark.is_empty());
        line
    };
    Some(lines.into_iter().map(finish).collect())
}

/// Whether rows are the items of a list, whose marks stand far to the left of them: word processors put a tab between.
fn is_list(lines: &[(Line, Vec<String>)]) -> bool {
    let marks = || lines.iter().filter_map(|(_, cells)| cells.first());
    lines.iter().all(|(_, cells)| cells.len() == 2)
        && marks().any(|mark| !mark.is_empty())
        && marks().all(|mark| mark.is_empty() || paragraphs::is_item_mark(mark))
}

/// The places where cells of a table's columns end: those of each row, and how far each column reaches.
struct Ends {
    rows: Vec<Vec<Option<f32>>>,
    columns: Vec<f32>,
}

impl Ends {
    fn of(table: &[Parted], gutters: &[f32]) -> Self {
        let rows: Vec<Vec<Option<f32>>> = table.iter().map(|row| row.ends(gutters)).collect();
        let mut columns = vec![f32::MIN; gutters.len() + 1];
        for row in &rows {
            for (column, end) in columns.iter_mut().zip(row) {
                *column = column.max(end.unwrap_or(f32::MIN));
            }
        }
        Self { rows, columns }
    }

    /// Whether the row at `at`, with these `cells`, may go on with the row above: those that have text in both are full above, so that
    /// the next word would not have fitted.
    fn goes_on(&self, at: usize, size: f32, cells: &[String]) -> bool {
        let above = at.checked_sub(1).and_then(|above| self.rows.get(above));
        let ends = above.into_iter().flatten().zip(&self.columns).zip(cells);
        ends.filter(|(_, cell)| !cell.is_empty()).all(|((end, edge), cell)| {
            let wide = cell.chars().next().is_some_and(is_wide);
            let word = cell.split(' ').next().map_or(0, |word| word.chars().count().min(20));
            let room = if wide { 2.0 } else { 0.6 * word as f32 + 1.0 };
            end.is_none_or(|end| end + room * size >= *edge)
        })
    }
}

/// Whether rows are drawn one after the other but for some, which are drawn cell by cell and have more than one line. A table that is
/// drawn by columns says nothing about its rows, unless it would have two of them, as near as lines of one cell.
fn drawn_by_cell(table: &[Parted]) -> bool {
    if let [above, below] = table {
        return below.base - above.base < 1.5 * below.size;
    }
    let mut pairs = table.windows(2).filter_map(|pair| <&[Parted; 2]>::try_from(pair).ok());
    pairs.any(|[above, below]| !above.is_unfinished(below))
}

/// The usual distance of rows whose first cells are filled; `None` where there are none under each other.
fn pitch(table: &[Parted], parted: &[Vec<String>]) -> Option<f32> {
    let filled = |cells: &Vec<String>| cells.first().is_some_and(|first| !first.is_empty());
    let distances =
        table.windows(2).zip(parted.windows(2)).filter_map(|(rows, cells)| match (rows, cells) {
            ([above, below], [a, b]) if filled(a) && filled(b) => Some(below.base - above.base),
            _ => None,
        });
    let mut distances: Vec<f32> = distances.collect();
    distances.sort_by(f32::total_cmp);
    distances.get(distances.len() / 2).copied()
}

/// The middles of the gaps that nearly all rows leave free.
fn gutters(table: &[Parted]) -> Vec<f32> {
    let cells = || table.iter().flat_map(|row| &row.cells);
    let size = table.iter().map(|row| row.size).fold(f32::MAX, f32::min);
    let left = cells().map(|c| c.left).fold(f32::MAX, f32::min);
    let right = cells().map(|c| c.right).fold(f32::MIN, f32::max);
    let steps = (((right - left) / (0.25 * size)) as usize).clamp(1, 4_000);
    let step = (right - left) / steps as f32;
    let mut taken = vec![0_usize; steps + 1];
    for cell in cells() {
        let at = |x: f32| (((x - left) / step).max(0.0) as usize).min(steps);
        for place in taken.get_mut(at(cell.left)..=at(cell.right)).into_iter().flatten() {
            *place += 1;
        }
    }
    // One row in eight may reach across, as a heading inside the table does.
    let allowed = table.len() / 8;
    let mut gutters = Vec::new();
    let mut from = None;
    for (place, count) in taken.iter().enumerate() {
        match (from, *count <= allowed) {
            (None, true) => from = Some(place),
            (Some(start), false) => {
                if (place - start) as f32 * step >= 0.5 * size && start > 0 {
                    gutters.push(left + (start + place) as f32 / 2.0 * step);
                }
                from = None;
            }
            _ => {}
        }
    }
    gutters
}
