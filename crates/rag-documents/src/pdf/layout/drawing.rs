//! Pages that only the order of drawing makes sense of: diagrams, and forms full of boxes.

use super::pieces::Piece;
use super::{lines, tables};

/// Rows below which a block is no diagram.
const ROWS: usize = 6;

/// Whether a block is neither text in lines nor a table, and the order in which it was drawn is better to read.
pub(super) fn is_loose(pieces: &[Piece]) -> bool {
    // Formulas look like diagrams, but are read as formulas.
    if pieces.len() < 2 * ROWS || pieces.iter().any(Piece::has_bracket) || !is_coherent(pieces) {
        return false;
    }
    let (loose, rows) = tables::loose_rows(&lines::rows(pieces.to_vec()));
    rows >= ROWS && loose * 6 >= rows || has_boxes(pieces)
}

/// Whether lines stand under each other in boxes that begin at heights of their own, as in a flow chart: the cells of a
/// table begin beside each other.
fn has_boxes(pieces: &[Piece]) -> bool {
    /// Boxes that stand beside another one.
    const FEWEST: usize = 4;
    /// Looking at all of them beside all others takes time in the square of them.
    const MOST: usize = 500;
    let mut boxes: Vec<Lines> =
        groups(pieces.to_vec()).iter().filter_map(|group| Lines::of(group)).collect();
    boxes.truncate(MOST);
    let (mut beside, mut level) = (0, 0);
    for one in &boxes {
        let mut others = boxes.iter().filter(|other| one.is_beside(other)).peekable();
        beside += usize::from(others.peek().is_some());
        level += usize::from(others.any(|other| (other.first - one.first).abs() < 0.3 * one.size));
    }
    beside >= FEWEST && level * 2 < beside
}

/// What stands in one box, two lines of it or more.
struct Lines {
    first: f32,
    last: f32,
    left: f32,
    right: f32,
    size: f32,
}

impl Lines {
    fn of(group: &[Piece]) -> Option<Self> {
        let least = |by: fn(&Piece) -> f32| group.iter().map(by).fold(f32::MAX, f32::min);
        let most = |by: fn(&Piece) -> f32| group.iter().map(by).fold(f32::MIN, f32::max);
        let (first, last) = (least(|p| p.base), most(|p| p.base));
        let (left, right) = (least(|p| p.left), most(|p| p.right));
        let size = most(|p| p.size);
        (last - first > 0.5 * size).then_some(Self { first, last, left, right, size })
    }

    fn is_beside(&self, other: &Self) -> bool {
        let apart = self.right < other.left || other.right < self.left;
        apart && self.first < other.last && other.first < self.last
    }
}

/// Whether what is drawn next mostly stands next: on the same line, or on the line below.
fn is_coherent(pieces: &[Piece]) -> bool {
    let mut order: Vec<&Piece> = pieces.iter().collect();
    order.sort_by_key(|piece| piece.order);
    let next = order.windows(2).filter(|pair| matches!(pair, [a, b] if follows(a, b))).count();
    next * 2 >= order.len()
}

fn follows(a: &Piece, b: &Piece) -> bool {
    let size = a.size.max(b.size);
    let down = b.base - a.base;
    let beside = down.abs() < 0.5 * size && (-0.6..4.0).contains(&((b.left - a.right) / size));
    let under = (0.5..2.2).contains(&(down / size)) && b.left < a.right && a.left < b.right;
    beside || under
}

/// What was drawn in one go and stands together.
pub(super) fn groups(mut pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    pieces.sort_by_key(|piece| piece.order);
    let mut groups: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|last| follows(last, &piece)) => {
                group.push(piece)
            }
            _ => groups.push(vec![piece]),
        }
    }
    groups
}
