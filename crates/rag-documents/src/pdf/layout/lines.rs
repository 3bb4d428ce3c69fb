//! Pieces into rows: what stands at the same height, from left to right.

use super::formulas;
use super::pieces::{OVERLAP, Piece};

/// Pieces of a row that another is compared with: those placed last stand nearest.
const NEAREST: usize = 64;

/// Pieces at one height, in reading order.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) pieces: Vec<Piece>,
    pub(super) base: f32,
    pub(super) size: f32,
}

/// The rows of a block, from top to bottom.
pub(super) fn rows(mut pieces: Vec<Piece>) -> Vec<Row> {
    // Large letters first: small ones beside them are their superscripts, not the other way round.
    pieces.sort_by(|a, b| a.base.total_cmp(&b.base).then(a.left.total_cmp(&b.left)));
    let mut rows: Vec<Row> = Vec::new();
    for piece in pieces {
        // Only the last few rows can be at this height.
        let near = rows.len().saturating_sub(3);
        let found = rows.get_mut(near..).into_iter().flatten().rev().find(|row| row.takes(&piece));
        match found {
            Some(row) => {
                if piece.size > row.size * 1.05 {
                    (row.base, row.size) = (piece.base, piece.size);
                }
                row.pieces.push(piece);
            }
            None => {
                rows.push(Row { base: piece.base, size: piece.size, pieces: vec![piece] });
            }
        }
    }
    for row in &mut rows {
        row.pieces.sort_by(|a, b| a.left.total_cmp(&b.left));
        in_drawing_order_over_each_other(&mut row.pieces);
    }
    rows.sort_by(|a, b| a.base.total_cmp(&b.base));
    formulas::put_together(rows)
}

/// What stands over each other in a row, as the parts of a small fraction, in the order in which it was drawn.
fn in_drawing_order_over_each_other(pieces: &mut [Piece]) {
    let over = |a: &Piece, b: &Piece| {
        let narrower = (a.right - a.left).min(b.right - b.left);
        a.right.min(b.right) - a.left.max(b.left) > 0.3 * narrower
    };
    for end in 1..pieces.len() {
        for at in (1..=end).rev().take(NEAREST) {
            match pieces.get_mut(at - 1..=at) {
                Some([a, b]) if b.order < a.order && over(a, b) => std::mem::swap(a, b),
                _ => break,
            }
        }
    }
}

impl Row {
    fn takes(&self, piece: &Piece) -> bool {
        let middle = |top: f32, bottom: f32| (top + bottom) / 2.0;
        let (top, bottom) = (self.base - 0.75 * self.size, self.base + 0.22 * self.size);
        let level = (piece.base - self.base).abs() <= 0.2 * self.size.min(piece.size)
            || piece.size < 0.85 * self.size && {
                let at = middle(piece.top(), piece.bottom());
                at > top - 0.1 * self.size && at < bottom
            }
            || self.size < 0.85 * piece.size && {
                let at = middle(top, bottom);
                at > piece.top() - 0.1 * piece.size && at < piece.bottom()
            };
        let room = OVERLAP * piece.size.min(self.size);
        level
            && self
                .pieces
                .iter()
                .rev()
                .take(NEAREST)
                .all(|p| p.right - piece.left < room || piece.right - p.left < room)
    }
}
