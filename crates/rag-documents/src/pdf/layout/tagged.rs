//! The lines of a page whose document says what belongs together: block by block, in the order that it says.

use std::collections::{BTreeMap, HashMap};

use super::super::content::{Drawn, Letter};
use super::super::structure::{Block, Kind, Structure};
use super::grid::{self, cell_text};
use super::lines::{self, Row};
use super::pieces::{self, Frame, Piece};
use super::{Line, paragraph_set_out, set_out, tables};
use crate::html::Table;

/// A page is read as tagged when no more than one letter of so many has no tag.
const LOOSE: usize = 12;
/// Paragraphs of a page that are a line each: whoever tagged it knew lines only.
const LINES: usize = 6;
/// A row is no higher than so many of its letters.
const HIGHEST: f32 = 4.0;
/// Letters whose heights differ by no more than this share of their size stand in one line.
const LEVEL: f32 = 0.2;

/// What stands in one block.
type Blocks = BTreeMap<u32, Vec<Letter>>;

/// The lines of a tagged page in reading order; `None` when too little of it is tagged, or its tags leave out its tables.
pub(super) fn read(drawn: &Drawn, structure: &Structure) -> Option<Vec<Line>> {
    let mut blocks = Blocks::new();
    let mut loose: Vec<Letter> = Vec::new();
    for letter in &drawn.letters {
        match letter.block {
            Some(block) => blocks.entry(block).or_default().push(letter.clone()),
            None => loose.push(letter.clone()),
        }
    }
    let missed = loose.iter().filter(|letter| !letter.artifact).filter(|l| drawn.is_ink(l)).count();
    if blocks.is_empty() || missed * LOOSE > drawn.letters.len() {
        return None;
    }
    let in_cell = |block: u32| structure.block(block).and_then(|b| structure.cell(b.cell?));
    let untabled = drawn.letters.iter().filter(|l| l.block.is_none_or(|b| in_cell(b).is_none()));
    if grid::holds_table(&drawn.rules, untabled, &drawn.text) {
        return None;
    }
    let upright = pieces::main_direction(&drawn.letters);
    let mut page = Page { drawn, structure, upright, lines: Vec::new(), block: 0 };
    page.read(&page.whole(blocks));
    if page.knows_lines_only() {
        page.lines.iter_mut().for_each(|line| line.paragraph = None);
    }
    // What has no tag is decoration, and mostly stands at the page's ends.
    let top = page.lines.iter().filter(|line| line.main).map(|line| line.base).reduce(f32::min);
    let tagged = std::mem::take(&mut page.lines);
    page.place(pieces::by_direction(&loose, &drawn.text, Vec::new()), group_set_out, |_| {});
    let above = |line: &Line| line.main && top.is_some_and(|top| line.base < top);
    let (mut all, below): (Vec<Line>, Vec<Line>) = page.lines.into_iter().partition(above);
    all.extend(tagged);
    all.extend(below);
    Some(all)
}

fn group_set_out(frame: Frame) -> Vec<Line> {
    set_out(frame, false)
}

struct Page<'a> {
    drawn: &'a Drawn,
    structure: &'a Structure,
    upright: (f32, f32),
    lines: Vec<Line>,
    /// How many blocks of lines there are.
    block: usize,
}

impl Page<'_> {
    /// The blocks, with those put together that go on in one line: some writers tag a link as if it stood by itself.
    fn whole(&self, blocks: Blocks) -> Blocks {
        let mut whole: Vec<(u32, Vec<Letter>)> = Vec::with_capacity(blocks.len());
        for (number, letters) in blocks {
            match whole.last_mut() {
                Some((last, before)) if self.goes_on((*last, before), (number, &letters)) => {
                    before.extend(letters);
                }
                _ => whole.push((number, letters)),
            }
        }
        whole.into_iter().collect()
    }

    /// Whether a block begins right behind the end of another, and neither is more than text.
    fn goes_on(&self, above: (u32, &[Letter]), below: (u32, &[Letter])) -> bool {
        let text = |number: u32| {
            let is_text = |block: &&Block| matches!(block.kind, Kind::Paragraph | Kind::Loose);
            self.structure.block(number).filter(is_text).map(|block| block.cell)
        };
        let begun = self.structure.block(above.0).filter(|block| block.kind == Kind::Item);
        let begun = begun.map(|block| block.cell).or_else(|| text(above.0));
        let is_ink = |letter: &&Letter| self.drawn.is_ink(letter);
        let last = above.1.iter().rev().find(is_ink);
        let first = below.1.iter().find(is_ink);
        let (Some((last, first)), Some(cell)) = (last.zip(first), begun) else {
            return false;
        };
        let size = last.size.min(first.size);
        let gap = first.x - last.x - last.width;
        let between = self.drawn.text.get(last.end as usize..first.start as usize);
        text(below.0) == Some(cell)
            && between.is_some_and(|between| between.trim().is_empty())
            && last.direction == (1.0, 0.0)
            && first.direction == last.direction
            && (last.y - first.y).abs() < LEVEL * size
            && (-LEVEL * size..size).contains(&gap)
    }

    fn read(&mut self, blocks: &Blocks) {
        let mut read_to = None;
        // The last table whose cells hold more than cells do.
        let mut plain = None;
        let mut alone: Vec<(u32, Row)> = Vec::new();
        for (number, letters) in blocks {
            if read_to.is_some_and(|last| *number <= last) {
                continue;
            }
            let Some(block) = self.structure.block(*number) else { continue };
            let cell = block.cell.and_then(|cell| self.structure.cell(cell));
            let frames = pieces::by_direction(letters, &self.drawn.text, Vec::new());
            let is_paragraph = block.kind == Kind::Paragraph && cell.is_none();
            if let Some(row) = self.only_row(&frames).filter(|_| is_paragraph) {
                let below = |(_, above): &(u32, Row)| row.base > above.base;
                if !alone.last().is_none_or(below) {
                    self.paragraphs_alone(std::mem::take(&mut alone));
                }
                alone.push((*number, row));
                continue;
            }
            self.paragraphs_alone(std::mem::take(&mut alone));
            if let Some(cell) = cell.filter(|cell| plain != Some(cell.table)) {
                let (rows, last) = self.table(blocks, *number, cell.table);
                if let Some(rows) = rows {
                    self.rows(rows);
                    read_to = Some(last);
                    continue;
                }
                plain = Some(cell.table);
            }
            let kind = block.kind;
            let mut first = true;
            let set_out = if kind == Kind::Loose { group_set_out } else { paragraph_set_out };
            self.place(frames, set_out, |line| {
                line.item |= kind == Kind::Item && std::mem::take(&mut first);
                line.paragraph = (kind != Kind::Loose).then_some(*number);
                line.level = if let Kind::Heading(level) = kind { Some(level) } else { None };
            });
        }
        self.paragraphs_alone(alone);
    }

    /// The row that pieces make, if it is only one.
    fn only_row(&self, frames: &[Frame]) -> Option<Row> {
        let [frame] = frames else { return None };
        let first = frame.pieces.first()?;
        // A formula of one row is as high as several.
        let near =
            |piece: &Piece| (piece.base - first.base).abs() < HIGHEST * first.size.max(piece.size);
        let one = self.is_main(frame.direction) && frame.pieces.iter().all(near);
        let rows = one.then(|| lines::rows(frame.pieces.clone()))?;
        <[_; 1]>::try_from(rows).ok().map(|[row]| row)
    }

    /// Appends paragraphs of one row that follow each other: with tabs, they may be the rows of a table.
    fn paragraphs_alone(&mut self, paragraphs: Vec<(u32, Row)>) {
        let (numbers, rows): (Vec<(u32, f32)>, Vec<Row>) =
            paragraphs.into_iter().map(|(number, row)| ((number, row.base), row)).unzip();
        let mut numbers = numbers.into_iter();
        for line in tables::lines(&rows, true) {
            let is_own = !line.row && !line.item;
            let own = is_own.then(|| numbers.find(|(_, base)| *base == line.base)).flatten();
            let paragraph = own.map(|(number, _)| number);
            self.lines.push(Line { paragraph, block: self.block, ..line });
        }
        self.block += 1;
    }

    fn is_main(&self, direction: (f32, f32)) -> bool {
        (direction.0 - self.upright.0).abs() + (direction.1 - self.upright.1).abs() < 0.1
    }

    /// Appends the lines of what belongs together.
    fn place(
        &mut self,
        frames: Vec<Frame>,
        set_out: fn(Frame) -> Vec<Line>,
        mut say: impl FnMut(&mut Line),
    ) {
        for frame in frames {
            let main = self.is_main(frame.direction);
            let mut lines = set_out(frame);
            let block = self.block;
            for line in &mut lines {
                line.main = main;
                line.block += block;
                self.block = self.block.max(line.block + 1);
                say(line);
            }
            self.lines.extend(lines);
        }
    }

    /// The rows of the table that begins with a block, and its last block. There are none where a cell holds more than one does.
    fn table(&self, blocks: &Blocks, first: u32, table: usize) -> (Option<Vec<Piece>>, u32) {
        // What stands in each row, by the first cell of it that is filled on this page.
        let mut rows: Vec<(usize, usize, HashMap<usize, Vec<Letter>>)> = Vec::new();
        let mut last = first;
        for (number, letters) in blocks.range(first..) {
            let place = self.structure.block(*number).and_then(|block| block.cell);
            let cell = place.and_then(|at| Some((at, self.structure.cell(at)?)));
            let Some((at, cell)) = cell.filter(|(_, cell)| cell.table == table) else { break };
            last = *number;
            if rows.last().is_none_or(|(row, ..)| *row != cell.row) {
                rows.push((cell.row, at, HashMap::new()));
            }
            if let Some((.., cells)) = rows.last_mut() {
                cells.entry(at).or_default().extend(letters.iter().cloned());
            }
        }
        if !rows.iter().any(|(_, cell, _)| self.structure.row_of(*cell).nth(1).is_some()) {
            return (None, last);
        }
        let mut reading = Table::default();
        let pieces = rows.iter().map(|(_, cell, filled)| {
            reading.open_row();
            for (at, cell) in self.structure.row_of(*cell) {
                reading.open_cell(cell.columns, cell.rows);
                if let Some(letters) = filled.get(&at) {
                    reading.cell()?.push_str(&cell_text(letters, &self.drawn.text)?);
                }
            }
            let letters: Vec<&Letter> = filled.values().flatten().collect();
            let top = letters.iter().map(|l| -l.y).reduce(f32::min)?;
            let left = letters.iter().map(|l| l.x).fold(f32::MAX, f32::min);
            let right = letters.iter().map(|l| l.x + l.width).fold(f32::MIN, f32::max);
            Some(Piece::of_row(reading.close_row(), (left, right), top, &letters))
        });
        (pieces.collect(), last)
    }

    fn rows(&mut self, rows: Vec<Piece>) {
        let block = self.block;
        for piece in rows {
            let mut lines = tables::lines(&lines::rows(vec![piece]), false);
            lines.iter_mut().for_each(|line| line.block = block);
            self.lines.extend(lines);
        }
        self.block += 1;
    }

    /// Whether no paragraph has more than one line, though there are many.
    fn knows_lines_only(&self) -> bool {
        let paragraphs: Vec<Option<u32>> = self.lines.iter().map(|line| line.paragraph).collect();
        let goes_on = |pair: &[Option<u32>]| matches!(pair, [Some(a), Some(b)] if a == b);
        paragraphs.iter().flatten().count() >= LINES && !paragraphs.windows(2).any(goes_on)
    }
}
