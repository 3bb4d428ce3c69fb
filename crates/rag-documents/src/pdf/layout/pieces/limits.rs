//! The limits of sums and integrals, which are drawn between the signs of a line and read there.

use super::super::formulas::SMALL;
use super::Piece;

/// Pieces that are drawn between two of a line.
const MOST: usize = 16;

/// The pieces of a page in the order of drawing.
pub(super) struct Limits {
    drawn: Vec<Place>,
}

struct Place {
    order: usize,
    middle: f32,
    base: f32,
    size: f32,
}

impl Limits {
    pub(super) fn of(pieces: &[Piece]) -> Self {
        let place = |piece: &Piece| Place {
            order: piece.order,
            middle: (piece.left + piece.right) / 2.0,
            base: piece.base,
            size: piece.size,
        };
        let mut drawn: Vec<Place> = pieces.iter().map(place).collect();
        drawn.sort_by_key(|place| place.order);
        Self { drawn }
    }

    /// Whether all that was drawn between two neighbors, and something was, stands above or below their line there: in smaller letters
    /// near to it, or as the rows of a matrix do. A part of a bracket stands in the line of what was drawn next only.
    pub(super) fn part(&self, before: &Piece, after: &Piece) -> bool {
        let at = |order| self.drawn.partition_point(|place| place.order < order);
        let between = self.drawn.get(at(before.latest) + 1..at(after.order)).unwrap_or_default();
        // The parts of a bracket stand beside the rows in it.
        if !between.is_empty() && (before.has_bracket() || after.has_bracket()) {
            return true;
        }
        let size = before.size.max(after.size);
        (1..=MOST).contains(&between.len())
            && between.iter().all(|place| {
                let apart = (place.base - after.base).abs();
                let (far, reach) = if place.size < SMALL * size { (1.6, 1.0) } else { (3.2, 3.0) };
                (0.15 * size..far * size).contains(&apart)
                    && place.middle > before.left - reach * size
                    && place.middle < after.right + reach * size
            })
    }
}
