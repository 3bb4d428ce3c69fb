//! Columns of a page: what is read before what.

use super::pieces::Piece;
use super::{is_wide, usual_size};

/// Columns inside columns.
const DEEPEST: usize = 6;
/// Pieces beyond which a page is not searched for columns: no printed page has so many.
const MOST_PIECES: usize = 5_000;
/// The page is searched for gutters in steps of this share of its usual font size.
const STEP: f32 = 0.35;
/// The narrowest gutter, as a share of the font size.
const GUTTER: f32 = 0.75;
/// Lines on either side of a gutter.
const LINES: usize = 3;

/// The blocks of a page in reading order: columns from left to right, and what reaches across them
/// between them.
pub(super) fn blocks(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut blocks = Vec::new();
    split(pieces, 0, &mut blocks);
    blocks
}

fn split(pieces: Vec<Piece>, depth: usize, blocks: &mut Vec<Vec<Piece>>) {
    let gutter = if depth < DEEPEST && (2 * LINES..MOST_PIECES).contains(&pieces.len()) {
        best_gutter(&pieces)
    } else {
        None
    };
    let Some(gutter) = gutter else {
        if !pieces.is_empty() {
            blocks.push(pieces);
        }
        return;
    };
    let mut single: Vec<Piece> = Vec::new();
    for band in bands(&pieces, gutter) {
        let members = band.members.iter().filter_map(|at| pieces.get(*at).cloned());
        if band.columns {
            if !single.is_empty() {
                split(std::mem::take(&mut single), depth + 1, blocks);
            }
            let (left, right) =
                members.partition(|piece: &Piece| piece.right <= gutter + piece.size * 0.1);
            split(left, depth + 1, blocks);
            split(right, depth + 1, blocks);
        } else {
            single.extend(members);
        }
    }
    if !single.is_empty() {
        if blocks.is_empty() || depth >= DEEPEST || single.len() == pieces.len() {
            blocks.push(single);
        } else {
            split(single, depth + 1, blocks);
        }
    }
}

/// A part of the page from one piece that reaches across the gutter to the next.
struct Band {
    members: Vec<usize>,
    columns: bool,
}

/// The place of the gutter that parts most text, if there is one.
fn best_gutter(pieces: &[Piece]) -> Option<f32> {
    let size = usual_size(pieces.iter().map(|piece| (piece.size, piece.letters)));
    let left = pieces.iter().map(|p| p.left).fold(f32::MAX, f32::min);
    let right = pieces.iter().map(|p| p.right).fold(f32::MIN, f32::max);
    let steps = (((right - left) / (STEP * size)) as usize).min(2_000);
    if steps < 8 {
        return None;
    }
    let step = (right - left) / steps as f32;
    // How many pieces reach across each place, and how many lie wholly before it.
    let mut across = vec![0_i32; steps + 2];
    let at = |x: f32| (((x - left) / step).max(0.0) as usize).min(steps);
    for piece in pieces {
        let (from, to) = (at(piece.left + 0.05 * size), at(piece.right - 0.05 * size));
        if let Some(place) = across.get_mut(from) {
            *place += 1;
        }
        if let Some(place) = across.get_mut(to + 1) {
            *place -= 1;
        }
    }
    let mut sum = 0;
    for place in &mut across {
        sum += *place;
        *place = sum;
    }
    // Places that fewer pieces cross than their surroundings.
    let mut candidates: Vec<(i32, f32)> = Vec::new();
    let mut place = 1;
    while place < steps {
        let here = across[place];
        let mut end = place;
        while end + 1 < steps && across[end + 1] == here {
            end += 1;
        }
        if across[place - 1] > here && across[end + 1] > here {
            candidates.push((here, left + (place + end + 1) as f32 / 2.0 * step));
        }
        place = end + 1;
    }
    candidates.sort_by_key(|(crossed, _)| *crossed);
    let mut best: Option<(f32, f32)> = None;
    for (_, gutter) in candidates.into_iter().take(12) {
        let found = bands(pieces, gutter);
        let score: f32 = found
            .iter()
            .filter(|band| band.columns)
            .flat_map(|band| band.members.iter().filter_map(|m| pieces.get(*m)))
            .map(|piece| piece.right - piece.left)
            .sum();
        if score > 0.0 && best.is_none_or(|(most, _)| score > most * 1.02) {
            best = Some((score, gutter));
        }
    }
    best.map(|(_, gutter)| gutter)
}

/// Parts the page at the pieces that reach across `gutter`, and says which parts are columns.
fn bands(pieces: &[Piece], gutter: f32) -> Vec<Band> {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    let base = |at: &usize| pieces.get(*at).map_or(0.0, |p| p.base);
    order.sort_by(|a, b| base(a).total_cmp(&base(b)));
    let mut bands: Vec<Band> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let close = |open: &mut Vec<usize>, bands: &mut Vec<Band>| {
        let across = bands.last().and_then(|band| pieces.get(*band.members.last()?));
        let ended = across.map_or(0, |across| lines_that_end(across, pieces, open, gutter));
        let members = open.split_off(ended);
        for members in [std::mem::take(open), members] {
            if !members.is_empty() {
                let columns = are_columns(pieces, &members, gutter);
                bands.push(Band { members, columns });
            }
        }
    };
    for at in order {
        let Some(piece) = pieces.get(at) else { continue };
        let margin = 0.1 * piece.size;
        if piece.left < gutter - margin && piece.right > gutter + margin {
            // What stands beside the piece that reaches across belongs to its row.
            let mut row: Vec<usize> = Vec::new();
            open.retain(|other| {
                let beside = pieces
                    .get(*other)
                    .is_some_and(|o| (o.base - piece.base).abs() < 0.3 * piece.size);
                if beside {
                    row.push(*other);
                }
                !beside
            });
            close(&mut open, &mut bands);
            row.push(at);
            bands.push(Band { members: row, columns: false });
        } else {
            open.push(at);
        }
    }
    close(&mut open, &mut bands);
    bands
}

/// How many of the members, which are sorted by height, are the end of what reaches `across` the gutter above them: a
/// short last line on the right, such as a copyright below an abstract, with nothing beside it and room below.
fn lines_that_end(across: &Piece, pieces: &[Piece], members: &[usize], gutter: f32) -> usize {
    let mut below = members.iter().filter_map(|at| pieces.get(*at));
    let (Some(line), Some(next)) = (below.next(), below.next()) else { return 0 };
    let size = across.size.max(line.size);
    let near = line.base - across.base < 1.6 * size && line.right <= across.right + size;
    usize::from(line.left > gutter && near && next.base - line.base > 2.2 * size)
}

/// What stands on one side of a gutter.
struct Side<'a> {
    pieces: Vec<&'a Piece>,
    top: f32,
    bottom: f32,
    left: f32,
    right: f32,
}

impl<'a> Side<'a> {
    fn new(pieces: Vec<&'a Piece>) -> Self {
        let least = |by: fn(&Piece) -> f32| pieces.iter().map(|p| by(p)).fold(f32::MAX, f32::min);
        let most = |by: fn(&Piece) -> f32| pieces.iter().map(|p| by(p)).fold(f32::MIN, f32::max);
        let (top, bottom) = (least(Piece::top), most(Piece::bottom));
        let (left, right) = (least(|p| p.left), most(|p| p.right));
        Self { pieces, top, bottom, left, right }
    }

    /// Whether it reads like text: lines that fill it. When `weighed`, lines count by their letters, so that the few of a diagram
    /// among them do not count much.
    fn is_prose(&self, weighed: bool) -> bool {
        let width = (self.right - self.left).max(1.0);
        let weight = |letters: f32| if weighed { letters } else { 1.0 };
        let mut lines: Vec<(f32, f32)> =
            self.pieces.iter().map(|p| ((p.right - p.left) / width, letters(p))).collect();
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        let all: f32 = lines.iter().map(|(_, letters)| weight(*letters)).sum();
        let mut passed = 0.0;
        let median = lines.iter().find(|(_, letters)| {
            passed += weight(*letters);
            passed * 2.0 > all
        });
        let letters: f32 = lines.iter().map(|(_, letters)| letters * weight(*letters)).sum();
        median.is_some_and(|(fill, _)| *fill >= 0.6) && letters >= 18.0 * all
    }

    /// Whether it is one column of text, or several with free gutters between them.
    fn is_columns_of_prose(&self) -> bool {
        let columns = self.columns();
        columns.iter().all(|column| column.pieces.len() >= LINES && column.is_prose(false))
    }

    /// What stands under each other, from left to right.
    fn columns(&self) -> Vec<Side<'a>> {
        let mut pieces = self.pieces.clone();
        pieces.sort_by(|a, b| a.left.total_cmp(&b.left));
        let mut columns: Vec<Vec<&Piece>> = Vec::new();
        let mut right = f32::MIN;
        for piece in pieces {
            match columns.last_mut() {
                Some(column) if piece.left - right < GUTTER * piece.size.min(14.0) => {
                    column.push(piece)
                }
                _ => columns.push(vec![piece]),
            }
            right = right.max(piece.right);
        }
        columns.into_iter().map(Side::new).collect()
    }

    /// Letters in a line on average.
    fn letters(&self) -> f32 {
        self.pieces.iter().map(|p| letters(p)).sum::<f32>() / self.pieces.len().max(1) as f32
    }
}

/// Letters of a piece; an ideograph says as much as two.
fn letters(piece: &Piece) -> f32 {
    piece.text.chars().map(|c| if is_wide(c) { 2.0 } else { 1.0 }).sum()
}

fn are_columns(pieces: &[Piece], members: &[usize], gutter: f32) -> bool {
    let (left, right): (Vec<&Piece>, Vec<&Piece>) = members
        .iter()
        .filter_map(|at| pieces.get(*at))
        .partition(|p| p.right <= gutter + p.size * 0.1);
    if left.len() < LINES || right.len() < LINES {
        return false;
    }
    let turns = turns(&left, &right);
    let (left, right) = (Side::new(left), Side::new(right));
    let size =
        left.pieces.iter().chain(&right.pieces).map(|p| p.size).fold(0.0, f32::max).min(24.0);
    let beside = left.bottom.min(right.bottom) - left.top.max(right.top);
    let shorter = (left.bottom - left.top).min(right.bottom - right.top);
    if right.left - left.right < GUTTER * size.min(14.0) || beside < 0.4 * shorter {
        return false;
    }
    let fewest = left.pieces.len().min(right.pieces.len());
    // What is drawn row by row may be a table of long cells, or program text with remarks beside it.
    let by_column = turns * 3 <= fewest;
    // Labels with what they label beside them fill their sides, too, and so does program text with remarks.
    let short = left.letters().min(right.letters()) < 24.0;
    let program =
        || left.pieces.iter().filter(|p| p.is_mono()).count() * 10 >= left.pieces.len() * 7;
    let labels = turns >= fewest && (short || program()) && aligned(&left, &right);
    if left.is_prose(by_column) && right.is_prose(by_column) && !labels {
        return true;
    }
    // More than two columns, and not a table of long cells, which is drawn row by row.
    if turns < fewest && left.is_columns_of_prose() && right.is_columns_of_prose() {
        return true;
    }
    // The order of drawing knows: a table is drawn row by row, columns one after the other. A table that is
    // drawn by columns still has its rows at the same heights on both sides.
    turns <= 1
        && fewest >= 2 * LINES
        && left.letters().min(right.letters()) >= 8.0
        && !aligned(&left, &right)
}

/// How often the drawing goes from one side to the other.
fn turns(left: &[&Piece], right: &[&Piece]) -> usize {
    let sides = left.iter().map(|p| (p.order, false)).chain(right.iter().map(|p| (p.order, true)));
    let mut order: Vec<(usize, bool)> = sides.collect();
    order.sort_unstable();
    order.windows(2).filter(|pair| matches!(pair, [a, b] if a.1 != b.1)).count()
}

/// Whether most lines of the shorter side stand at the height of one on the other.
fn aligned(left: &Side<'_>, right: &Side<'_>) -> bool {
    let (few, many) =
        if left.pieces.len() < right.pieces.len() { (left, right) } else { (right, left) };
    let level = |p: &&&Piece| many.pieces.iter().any(|o| (o.base - p.base).abs() < 0.15 * p.size);
    few.pieces.iter().filter(level).count() * 10 >= few.pieces.len() * 7
}
