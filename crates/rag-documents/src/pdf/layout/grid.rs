//! Tables whose cells have borders: what stands in a cell belongs together, however its lines are broken.

mod rows;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::super::content::{Drawn, Letter};
use super::super::rules::Rule;
use super::pieces::{self, Piece};
use super::{lines, paragraphs, tables};
use crate::html::Table;

/// Borders that are meant to be one, or to meet, may be this far off (points).
const OFF: f32 = 2.5;
/// Cells of one table.
const MOST_CELLS: usize = 5_000;
/// What is longer than this, in lines or bytes, is no cell but a frame around text.
const MOST_LINES: usize = 15;
const LONGEST_CELL: usize = 1_500;

/// A line in the frame of upright text: rightwards and downwards.
#[derive(Debug, Clone, Copy)]
struct Border {
    at: f32,
    from: f32,
    to: f32,
}

/// The borders of a table: those between its columns and rows, and which cell each field of the grid is in.
#[derive(Debug)]
struct Grid {
    columns: Vec<f32>,
    rows: Vec<f32>,
    /// By rows, the first field of the cell.
    cells: Vec<usize>,
}

/// The letters that stand in no table with borders, and the rows of those tables, a piece each.
pub(super) fn taken_out(drawn: &Drawn) -> (Cow<'_, [Letter]>, Vec<Piece>) {
    let mut rows = Vec::new();
    let grids = grids(&drawn.rules);
    if grids.is_empty() {
        return (Cow::Borrowed(&drawn.letters), rows);
    }
    let grid_of = |letter: &Letter| grids.iter().position(|grid| grid.field_of(letter).is_some());
    let mut inside: Vec<Vec<Letter>> = vec![Vec::new(); grids.len()];
    let places: Vec<Option<usize>> = drawn.letters.iter().map(grid_of).collect();
    for (letter, place) in drawn.letters.iter().zip(&places) {
        if let Some(inside) = place.and_then(|place| inside.get_mut(place)) {
            inside.push(letter.clone());
        }
    }
    let mut is_table = vec![false; grids.len()];
    for ((grid, inside), is_table) in grids.iter().zip(&inside).zip(&mut is_table) {
        if let Some(found) = grid.with_rows(inside, &drawn.text).read(inside, &drawn.text) {
            rows.extend(found);
            *is_table = true;
        }
    }
    let left = |place: &Option<usize>| {
        !place.is_some_and(|place| is_table.get(place).copied().unwrap_or(false))
    };
    let letters = drawn.letters.iter().zip(&places).filter(|(_, place)| left(place));
    (letters.map(|(letter, _)| letter.clone()).collect(), rows)
}

/// Whether letters stand in a table with borders.
pub(super) fn holds_table<'a>(
    rules: &[Rule],
    letters: impl Iterator<Item = &'a Letter>,
    text: &str,
) -> bool {
    let grids = grids(rules);
    let letters: Vec<&Letter> = if grids.is_empty() { Vec::new() } else { letters.collect() };
    grids.iter().any(|grid| {
        let inside = letters.iter().filter(|letter| grid.field_of(letter).is_some());
        let inside: Vec<Letter> = inside.map(|letter| (*letter).clone()).collect();
        grid.with_rows(&inside, text).read(&inside, text).is_some()
    })
}

/// The grids that lines make, from top to bottom.
fn grids(rules: &[Rule]) -> Vec<Grid> {
    let level = rules.iter().filter(|rule| rule.to.0 - rule.from.0 > rule.to.1 - rule.from.1);
    let across =
        joined(level.map(|rule| Border { at: -rule.to.1, from: rule.from.0, to: rule.to.0 }));
    let upright = rules.iter().filter(|rule| rule.to.0 - rule.from.0 <= rule.to.1 - rule.from.1);
    let down =
        joined(upright.map(|rule| Border { at: rule.from.0, from: -rule.to.1, to: -rule.from.1 }));
    // Borders that meet belong to one table.
    let mut groups = Groups::new(across.len() + down.len());
    for (row, a) in across.iter().enumerate() {
        for (column, d) in down.iter().enumerate() {
            let meet = (a.from - OFF..=a.to + OFF).contains(&d.at)
                && (d.from - OFF..=d.to + OFF).contains(&a.at);
            if meet {
                groups.join(row, across.len() + column);
            }
        }
    }
    let mut heads: Vec<usize> = (0..across.len()).map(|row| groups.head(row)).collect();
    heads.dedup();
    let mut seen = std::collections::HashSet::new();
    heads.retain(|head| seen.insert(*head));
    heads
        .into_iter()
        .filter_map(|head| {
            let mut of = |borders: &[Border], first: usize| -> Vec<Border> {
                let own = |(at, border): (usize, &Border)| {
                    (groups.head(first + at) == head).then_some(*border)
                };
                borders.iter().enumerate().filter_map(own).collect()
            };
            Grid::new(&of(&across, 0), &of(&down, across.len()))
        })
        .collect()
}

/// Borders in order, those that go on in each other put together.
fn joined(borders: impl Iterator<Item = Border>) -> Vec<Border> {
    let mut borders: Vec<Border> = borders.collect();
    borders.sort_by(|a, b| a.at.total_cmp(&b.at).then(a.from.total_cmp(&b.from)));
    let mut joined: Vec<Border> = Vec::with_capacity(borders.len());
    for border in borders {
        let near = joined.iter_mut().rev().take_while(|last| border.at - last.at <= 0.6 * OFF);
        let last = near
            .into_iter()
            .find(|last| border.from <= last.to + OFF && border.to >= last.from - OFF);
        match last {
            Some(last) => {
                (last.from, last.to) = (last.from.min(border.from), last.to.max(border.to));
            }
            None => joined.push(border),
        }
    }
    joined
}

impl Grid {
    /// The grid of borders that meet; `None` when they part no cells.
    fn new(across: &[Border], down: &[Border]) -> Option<Self> {
        let (columns, rows) = (places(down, across), places(across, down));
        let (wide, high) = (columns.len().checked_sub(1)?, rows.len().checked_sub(1)?);
        if wide < 2 || high < 2 || wide * high > MOST_CELLS {
            return None;
        }
        let covered = |borders: &[Border], at: f32, middle: f32| {
            borders.iter().any(|b| (b.at - at).abs() <= OFF && b.from <= middle && middle <= b.to)
        };
        let middle = |places: &[f32], at: usize| match places.get(at..at + 2) {
            Some([from, to]) => (from + to) / 2.0,
            _ => 0.0,
        };
        let mut groups = Groups::new(wide * high);
        for row in 0..high {
            for column in 0..wide {
                let field = row * wide + column;
                let right = columns.get(column + 1).copied().unwrap_or_default();
                if column + 1 < wide && !covered(down, right, middle(&rows, row)) {
                    groups.join(field, field + 1);
                }
                let below = rows.get(row + 1).copied().unwrap_or_default();
                if row + 1 < high && !covered(across, below, middle(&columns, column)) {
                    groups.join(field, field + wide);
                }
            }
        }
        let mut cells: Vec<usize> = (0..wide * high).map(|field| groups.head(field)).collect();
        let mut rows = rows;
        // A box that touches a table may lie over another one: its rows are none of the table.
        let whole = whole_rows(&cells, wide);
        if whole.len() < 2 {
            return None;
        }
        if whole.len() < high {
            rows = rows.get(whole.start..=whole.end)?.to_vec();
            let first = whole.start * wide;
            let own = cells.get(first..whole.end * wide)?;
            cells = own.iter().map(|cell| cell.checked_sub(first)).collect::<Option<_>>()?;
        }
        let grid = Self { columns, rows, cells };
        let rows_of_their_own = || grid.heads().all(|head| grid.size(head).1 == 1);
        let cells = grid.heads().count();
        (cells >= 4 && (!grid.is_form() || rows_of_their_own())).then_some(grid)
    }

    /// Whether most cells reach over several fields: the boxes of a form are no columns.
    fn is_form(&self) -> bool {
        self.heads().count() * 10 < self.cells.len() * 6
    }

    fn wide(&self) -> usize {
        self.columns.len() - 1
    }

    /// The first field of each cell.
    fn heads(&self) -> impl Iterator<Item = usize> {
        self.cells.iter().enumerate().filter(|(at, head)| at == *head).map(|(at, _)| at)
    }

    /// Over how many columns and rows the cell reaches whose first field this is.
    fn size(&self, head: usize) -> (usize, usize) {
        let same = |field: usize| self.cells.get(field) == Some(&head);
        let rest = self.wide() - head % self.wide();
        let columns = (0..rest).take_while(|step| same(head + step)).count();
        let rows = (head..self.cells.len()).step_by(self.wide()).take_while(|f| same(*f)).count();
        (columns, rows)
    }

    /// The cell that a letter of upright text stands in.
    fn field_of(&self, letter: &Letter) -> Option<usize> {
        let upright = (letter.direction.0 - 1.0).abs() < 0.05;
        let (x, y) = (letter.x + 0.5 * letter.width, -letter.y - 0.3 * letter.size);
        let column = self.columns.partition_point(|place| *place <= x).checked_sub(1)?;
        let row = self.rows.partition_point(|place| *place <= y).checked_sub(1)?;
        let inside = column < self.wide() && row + 1 < self.rows.len();
        (upright && inside).then(|| self.cells.get(row * self.wide() + column).copied())?
    }

    /// The rows of the table as pieces; `None` when what it holds makes no table.
    fn read(&self, letters: &[Letter], text: &str) -> Option<Vec<Piece>> {
        let mut inside: Vec<Vec<Letter>> = vec![Vec::new(); self.cells.len()];
        let mut last: Option<(&Letter, usize)> = None;
        for letter in letters {
            // A word that is too long for its cell is not broken at the border.
            let field = match last {
                Some((before, field)) if goes_on(before, letter, text) => field,
                _ => self.field_of(letter)?,
            };
            inside.get_mut(field)?.push(letter.clone());
            last = Some((letter, field));
        }
        let mut texts: Vec<String> = Vec::with_capacity(inside.len());
        for letters in &inside {
            texts.push(cell_text(letters, text)?);
        }
        let filled = |row: usize| {
            let fields = row * self.wide()..(row + 1) * self.wide();
            texts.get(fields).into_iter().flatten().filter(|text| !text.is_empty()).count()
        };
        let rows = self.rows.len() - 1;
        let full = (0..rows).filter(|row| filled(*row) >= 2).count();
        let all: usize = (0..rows).map(filled).sum();
        // Boxes of a drawing, and forms that nobody has filled in.
        if full < 2 || all * 3 < self.heads().count() {
            return None;
        }
        Some(self.pieces(&inside, texts))
    }

    fn pieces(&self, inside: &[Vec<Letter>], mut texts: Vec<String>) -> Vec<Piece> {
        let mut table = Table::default();
        let mut pieces = Vec::new();
        let is_form = self.is_form();
        for (row, top) in self.rows.iter().enumerate().take(self.rows.len() - 1) {
            table.open_row();
            let fields = row * self.wide()..(row + 1) * self.wide();
            for field in fields.clone().filter(|field| self.cells.get(*field) == Some(field)) {
                let (columns, rows) = if is_form { (1, 1) } else { self.size(field) };
                table.open_cell(columns, rows);
                if let (Some(cell), Some(text)) = (table.cell(), texts.get_mut(field)) {
                    *cell = std::mem::take(text);
                }
            }
            let text = table.close_row();
            let letters: Vec<&Letter> =
                inside.get(fields).into_iter().flatten().flatten().collect();
            if let (false, Some(first)) = (text.is_empty(), letters.first()) {
                let (left, right) = (self.columns.first(), self.columns.last());
                let (left, right) = (left.copied().unwrap_or(0.0), right.copied().unwrap_or(0.0));
                pieces.push(Piece::of_row(text, (left, right), top + first.size, &letters));
            }
        }
        pieces
    }
}

/// Whether a letter is drawn right after another of the same word.
fn goes_on(before: &Letter, letter: &Letter, text: &str) -> bool {
    let is_space = |letter: &Letter| {
        let own = text.get(letter.start as usize..letter.end as usize);
        own.is_none_or(|own| own.trim().is_empty())
    };
    let gap = letter.x - before.x - before.width;
    let near = 0.08 * letter.size;
    gap.abs() < near && (letter.y - before.y).abs() < near && !is_space(before) && !is_space(letter)
}

/// Where borders stand, those that are meant to be one put together. A table may be open at its sides: it reaches
/// as far as the borders that cross these.
fn places(borders: &[Border], crossing: &[Border]) -> Vec<f32> {
    let mut places: Vec<f32> = borders.iter().map(|border| border.at).collect();
    let first = crossing.iter().map(|border| border.from).fold(f32::MAX, f32::min);
    let last = crossing.iter().map(|border| border.to).fold(f32::MIN, f32::max);
    places.extend([first, last].into_iter().filter(|end| {
        end.abs() < f32::MAX && borders.iter().all(|border| (border.at - end).abs() > 3.0 * OFF)
    }));
    places.sort_by(f32::total_cmp);
    places.dedup_by(|next, last| *next - *last <= OFF);
    places
}

/// The longest run of rows of a grid that is `wide` fields wide in which every cell is a rectangle.
fn whole_rows(cells: &[usize], wide: usize) -> Range<usize> {
    let high = cells.len() / wide;
    let mut spans: HashMap<usize, Span> = HashMap::new();
    for (field, cell) in cells.iter().enumerate() {
        let (row, column) = (field / wide, field % wide);
        let span = spans.entry(*cell).or_insert(Span {
            rows: row..row + 1,
            columns: column..column + 1,
            fields: 0,
        });
        span.rows.end = row + 1;
        span.columns = span.columns.start.min(column)..span.columns.end.max(column + 1);
        span.fields += 1;
    }
    let mut is_whole = vec![true; high];
    for span in spans.values().filter(|span| span.fields < span.rows.len() * span.columns.len()) {
        is_whole.get_mut(span.rows.clone()).into_iter().flatten().for_each(|whole| *whole = false);
    }
    let mut longest = 0..0;
    let mut start = 0;
    for row in 0..=high {
        if is_whole.get(row).copied().unwrap_or(false) {
            continue;
        }
        if row - start > longest.len() {
            longest = start..row;
        }
        start = row + 1;
    }
    longest
}

/// Over which rows and columns of a grid a cell reaches, and how many fields it has.
struct Span {
    rows: Range<usize>,
    columns: Range<usize>,
    fields: usize,
}

/// The text of a cell; `None` when it is too much for one.
pub(super) fn cell_text(letters: &[Letter], text: &str) -> Option<String> {
    let mut whole = String::new();
    let mut count = 0;
    for frame in pieces::by_direction(letters, text, Vec::new()) {
        for line in tables::lines(&lines::rows(frame.pieces), false) {
            paragraphs::join(&mut whole, &line.text);
            count += 1;
        }
    }
    (count <= MOST_LINES && whole.len() <= LONGEST_CELL).then_some(whole)
}

/// Which of many things belong together.
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The first of those that this belongs to.
    fn head(&mut self, of: usize) -> usize {
        let mut head = of;
        while let Some(next) = self.0.get(head).copied().filter(|next| *next != head) {
            head = next;
        }
        // The way is shorter next time.
        let mut at = of;
        while let Some(place) = self.0.get_mut(at).filter(|place| **place != head) {
            at = std::mem::replace(place, head);
        }
        head
    }

    fn join(&mut self, one: usize, other: usize) {
        let (a, b) = (self.head(one), self.head(other));
        if let Some(place) = self.0.get_mut(a.max(b)) {
            *place = a.min(b);
        }
    }
}
