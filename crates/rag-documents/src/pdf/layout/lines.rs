//! Pieces into rows: what stands at the same height, from left to right, and formulas in the order in which they are drawn.

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
    with_formulas(rows)
}

/// What stands over each other in a row, as the parts of a small fraction, in the order in which it was drawn.
fn in_drawing_order_over_each_other(pieces: &mut [Piece]) {
    let over = |a: &Piece, b: &Piece| {
        let narrower = (a.right - a.left).min(b.right - b.left);
        a.right.min(b.right) - a.left.max(b.left) > 0.3 * narrower
    };
    for end in 1..pieces.len() {
        for at in (1..=end).rev() {
            match pieces.get_mut(at - 1..=at) {
                Some([a, b]) if b.order < a.order && over(a, b) => std::mem::swap(a, b),
                _ => break,
            }
        }
    }
}

/// Rows with those in one that make a formula: nearer than lines of text can be, as numerators and denominators are to the line
/// they belong to, and drawn in one go. A formula is drawn as it is read.
fn with_formulas(rows: Vec<Row>) -> Vec<Row> {
    /// The most rows in one, and how near they are, as a share of the font size.
    const MOST: usize = 12;
    const NEAR: f32 = 0.85;
    /// How near the limits of a sum are.
    const LIMIT: f32 = 1.5;
    let near = |above: &Row, below: &Row| {
        let apart = below.base - above.base;
        let size = above.size.min(below.size);
        apart < NEAR * size
            || apart < size && above.is_drawn_around(below) && below.is_drawn_around(above)
            || apart < LIMIT * above.size.max(below.size)
                && (above.limits(below) || below.limits(above))
    };
    if !rows.windows(2).any(|pair| matches!(pair, [above, below] if near(above, below))) {
        return rows;
    }
    let mut drawn: Vec<usize> = rows.iter().flat_map(|row| &row.pieces).map(|p| p.order).collect();
    drawn.sort_unstable();
    let in_one_go = |rows: &[Row]| {
        let orders = || rows.iter().flat_map(|row| &row.pieces).map(|piece| piece.order);
        let (Some(first), Some(last)) = (orders().min(), orders().max()) else { return false };
        let between =
            drawn.partition_point(|at| *at <= last) - drawn.partition_point(|at| *at < first);
        between == orders().count()
    };
    let mut done: Vec<Row> = Vec::with_capacity(rows.len());
    let mut rest = rows.as_slice();
    while let Some(first) = rest.first() {
        let mut bracketed = false;
        let goes_on = |pair: &&[Row]| {
            let [above, below] = pair else { return false };
            bracketed |= above.has_bracket() || below.has_bracket();
            near(above, below) || bracketed && above.is_beside_bracket(below)
        };
        let chain = 1 + rest.windows(2).take(MOST - 1).take_while(goes_on).count();
        let together = (2..=chain).rev().find(|end| rest.get(..*end).is_some_and(in_one_go));
        let (formula, others) = rest.split_at(together.unwrap_or(1));
        match together {
            Some(_) => done.push(Row::formula(formula)),
            None => done.push(Row { pieces: first.pieces.clone(), ..*first }),
        }
        rest = others;
    }
    done
}

impl Piece {
    /// Whether it is an operator with this limit below or above it.
    fn is_over(&self, limit: &Self) -> bool {
        let middle = (limit.left + limit.right) / 2.0;
        let beside = middle > self.left - self.size && middle < self.right + self.size;
        beside && self.text.contains(['∑', '∏', '∐', '∫', '∮', '⋃', '⋂', '⋁', '⋀', 'Σ', 'Π'])
    }
}

impl Row {
    /// The rows of a formula as one, at the height of the one with most letters.
    fn formula(rows: &[Self]) -> Self {
        let letters = |row: &&Self| row.pieces.iter().map(|piece| piece.letters).sum::<usize>();
        let main = rows.iter().max_by_key(letters);
        let (base, size) = main.map_or((0.0, 0.0), |row| (row.base, row.size));
        let mut pieces: Vec<Piece> = rows.iter().flat_map(|row| row.pieces.clone()).collect();
        pieces.sort_by_key(|piece| piece.order);
        Self { pieces, base, size }
    }

    /// Whether another row was begun before this one was drawn whole.
    fn is_drawn_around(&self, row: &Self) -> bool {
        let last = self.pieces.iter().map(|piece| piece.order).max();
        let first = row.pieces.iter().map(|piece| piece.order).min();
        first < last
    }

    /// Whether it has a piece of a bracket that is as high as several rows.
    fn has_bracket(&self) -> bool {
        let is_bracket = |c| matches!(c, '⎛'..='⎭');
        self.pieces.iter().any(|piece| piece.text.contains(is_bracket))
    }

    /// Whether one of two rows is drawn between the signs of the other, as those of a matrix are.
    fn is_beside_bracket(&self, below: &Self) -> bool {
        let drawn = |row: &Self| {
            let orders = || row.pieces.iter().map(|piece| piece.order);
            (orders().min(), orders().max())
        };
        let (own, other) = (drawn(self), drawn(below));
        let within = own.0 < other.0 && other.1 < own.1 || other.0 < own.0 && own.1 < other.1;
        within && below.base - self.base < 2.2 * self.size.max(below.size)
    }

    /// Whether it is what stands below and above the operators of another row, in smaller letters: drawn between its other signs.
    fn limits(&self, row: &Self) -> bool {
        let small = self.pieces.iter().all(|piece| piece.size < 0.85 * row.size);
        small
            && self.pieces.iter().all(|limit| {
                let before = row.pieces.iter().any(|piece| piece.order < limit.order);
                let after = row.pieces.iter().any(|piece| piece.order > limit.order);
                before && after || row.pieces.iter().any(|piece| piece.is_over(limit))
            })
    }

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
