//! Pieces that touch into one, in whatever order they were drawn.

use super::limits::Limits;
use super::{NEIGHBOR_GAP, OVERLAP, Piece};

/// Joins pieces that touch but were not drawn one after the other.
pub(super) fn neighbors(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let limits = Limits::of(&pieces);
    pieces.sort_by(|a, b| a.base.total_cmp(&b.base).then(a.left.total_cmp(&b.left)));
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut row: Vec<Piece> = Vec::new();
    let finish = |row: &mut Vec<Piece>, joined: &mut Vec<Piece>| {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
        let start = joined.len();
        for piece in row.drain(..) {
            let last = joined.get_mut(start..).and_then(<[Piece]>::last_mut);
            match last {
                Some(last) if last.touches(&piece) && !limits.part(last, &piece) => {
                    let between = last.between(&piece);
                    last.append(&piece, between);
                }
                _ => joined.push(piece),
            }
        }
    };
    for piece in pieces {
        if row
            .first()
            .is_some_and(|first| piece.base - first.base > 0.15 * first.size.min(piece.size))
        {
            finish(&mut row, &mut joined);
        }
        row.push(piece);
    }
    finish(&mut row, &mut joined);
    joined
}

impl Piece {
    fn touches(&self, next: &Self) -> bool {
        let size = self.size.min(next.size);
        let gap = next.left - self.right;
        self.artifact == next.artifact && gap < NEIGHBOR_GAP * size && gap > -OVERLAP * size
    }
}
