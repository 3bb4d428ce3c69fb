//! Notes in the margin that are drawn between two lines of a paragraph, as TeX does: they are read before it, and it stays whole.

use std::ops::RangeInclusive;

use super::paragraphs::{breaks_word, continues, usual_leading};
use super::pieces::Piece;
use super::{Line, first, lines, next_block, tables};

/// A line of text has so many letters; what is shorter may be a cell of a table.
const FEWEST_LETTERS: usize = 25;
/// The next line stands so far below it, and begins so far beside it, in shares of the font size.
const LEADING: RangeInclusive<f32> = 0.9..=1.8;
const INDENT: f32 = 3.0;
/// Sizes of one text differ by no more than this share.
const SAME_SIZE: f32 = 0.06;
/// How far a note stands from the text, at least, and its first line from that which it belongs to, at most.
const GAP: f32 = 0.4;
const LEVEL: f32 = 0.35;
/// Lines of text that is set to both edges end this near to each other.
const EDGE: f32 = 0.2;
/// Pieces of a note, and of a page that is searched for notes.
const MOST_PIECES: usize = 40;
const MOST_ON_PAGE: usize = 5_000;
/// Pieces drawn before and behind a note in which others of its column would be, if it were a cell.
const NEAR: usize = 8;

/// A note beside a line of a paragraph.
pub(super) struct Note {
    pieces: Vec<Piece>,
    beside: Piece,
}

/// Takes the notes out of the pieces of a page.
pub(super) fn taken_out(mut pieces: Vec<Piece>) -> (Vec<Piece>, Vec<Note>) {
    if pieces.len() > MOST_ON_PAGE {
        return (pieces, Vec::new());
    }
    pieces.sort_by_key(|piece| piece.order);
    let mut notes: Vec<(usize, Note)> = Vec::new();
    let mut at = 1;
    while at < pieces.len() {
        match note_at(&pieces, at) {
            Some(note) => {
                let next = at + note.pieces.len();
                notes.push((at, note));
                at = next + 1;
            }
            None => at += 1,
        }
    }
    for (at, note) in notes.iter().rev() {
        pieces.drain(*at..at + note.pieces.len());
    }
    (pieces, notes.into_iter().map(|(_, note)| note).collect())
}

/// The note that the piece at a place, and those drawn behind it, are.
fn note_at(pieces: &[Piece], at: usize) -> Option<Note> {
    let beside = pieces.get(at.checked_sub(1)?)?;
    let begin = pieces.get(at)?;
    let size = beside.size;
    let is_left = begin.right < beside.left;
    if beside.letters < FEWEST_LETTERS || (begin.base - beside.base).abs() > LEVEL * size {
        return None;
    }
    let stands_beside = |piece: &Piece, text: &Piece| {
        if is_left {
            piece.right <= text.left - GAP * size
        } else {
            piece.left >= text.right + GAP * size
        }
    };
    let rest = pieces.get(at..)?.iter().take(MOST_PIECES);
    let count = rest.take_while(|piece| stands_beside(piece, beside)).count();
    let note = pieces.get(at..at + count)?;
    let next = pieces.get(at + count)?;
    // What stands to the right of a line that is not full is more of it.
    let above = at.checked_sub(2).and_then(|above| pieces.get(above));
    let ends_with = |other: &Piece| (other.right - beside.right).abs() < EDGE * size;
    let is_full = above.is_some_and(ends_with) || ends_with(next);
    let is_below = LEADING.contains(&((next.base - beside.base) / size))
        && (next.size - size).abs() <= SAME_SIZE * size
        && next.left <= beside.left + size
        && next.left >= beside.left - INDENT * size
        && next.right <= beside.right + size;
    let goes_on = breaks_word(&beside.text, &next.text) || begins_small(&next.text);
    let is_open = !beside.text.ends_with(['.', ':', '!', '?', '。', '：', '！', '？']);
    let goes_on = goes_on || is_left && is_full && is_open;
    let is_paragraph = is_below && goes_on && (is_left || is_full);
    // Lines have numbers, and columns more than one cell.
    let is_number = |piece: &Piece| piece.text.chars().all(|c| c.is_ascii_digit());
    let before = pieces.get(at.saturating_sub(NEAR)..at).unwrap_or_default();
    let around = before.iter().chain(pieces.iter().skip(at + count).take(NEAR));
    let is_under = |other: &Piece| (other.left - begin.left).abs() < 0.5 * size;
    let is_cell = !is_left && around.into_iter().any(is_under) || note.iter().all(is_number);
    let found = !is_cell && is_paragraph && note.iter().all(|piece| stands_beside(piece, next));
    found.then(|| Note { pieces: note.to_vec(), beside: beside.clone() })
}

/// Whether a text goes on with a sentence.
fn begins_small(text: &str) -> bool {
    first(text).is_some_and(char::is_lowercase)
}

/// Puts each note before the paragraph that it stands beside.
pub(super) fn put_back(all: &mut Vec<Line>, notes: Vec<Note>) {
    for Note { pieces, beside } in notes {
        let is_beside = |line: &Line| {
            (line.base - beside.base).abs() < 0.1 * beside.size
                && line.left < beside.right
                && line.right > beside.left
        };
        let found = all.iter().position(is_beside).unwrap_or(all.len());
        let begin = paragraph_of(all, found);
        let block = next_block(all);
        let lines = tables::lines(&lines::rows(pieces), false);
        all.splice(begin..begin, lines.into_iter().map(|line| Line { block, ..line }));
    }
}

/// Where the paragraph begins that a line is of.
fn paragraph_of(all: &[Line], line: usize) -> usize {
    let Some(block) = all.get(line).map(|line| line.block) else { return line };
    let own: Vec<&Line> = all.iter().filter(|line| line.block == block).collect();
    let leading = usual_leading(&own);
    let edge = own.iter().map(|line| line.right).fold(f32::MIN, f32::max);
    let mut begin = line;
    while let Some([above, below]) = begin.checked_sub(1).and_then(|at| all.get(at..=begin))
        && above.block == block
        && continues(above, below, leading, edge)
    {
        begin -= 1;
    }
    begin
}
