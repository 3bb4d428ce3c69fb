//! Pages that only the order of drawing makes sense of: diagrams, and forms full of boxes.

use super::pieces::Piece;
use super::{lines, tables};

/// Rows below which a block is no diagram.
const ROWS: usize = 6;

/// Whether a block is neither text in lines nor a table, and the order in which it was drawn is better to read.
pub(super) fn is_loose(pieces: &[Piece]) -> bool {
    if pieces.len() < 2 * ROWS {
        return false;
    }
    let (loose, rows) = tables::loose_rows(&lines::rows(pieces.to_vec()));
    rows >= ROWS && loose * 6 >= rows && is_coherent(pieces)
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
