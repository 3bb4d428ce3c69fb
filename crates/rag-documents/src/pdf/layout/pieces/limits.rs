//! The limits of sums and integrals, which are drawn between the signs of a line and read there.

use super::Piece;

/// Pieces that are drawn between two of a line.
const MOST: usize = 4;

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

    /// Whether all that was drawn between two neighbors, and something was, stands there in smaller letters, above or below their line.
    pub(super) fn part(&self, before: &Piece, after: &Piece) -> bool {
        let at = |order| self.drawn.partition_point(|place| place.order < order);
        let between = self.drawn.get(at(before.latest) + 1..at(after.order)).unwrap_or_default();
        let size = before.size.max(after.size);
        (1..=MOST).contains(&between.len())
            && between.iter().all(|place| {
                let apart = (place.base - after.base).abs();
                place.size < 0.85 * size
                    && (0.15 * size..1.6 * size).contains(&apart)
                    && place.middle > before.left - size
                    && place.middle < after.right + size
            })
    }
}
