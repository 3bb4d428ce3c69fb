//! Rows that make a formula into one: a formula is drawn as it is read.

use super::lines::Row;
use super::pieces::Piece;

/// The most rows in one.
const MOST: usize = 12;
/// Rows of a formula are nearer than lines of text can be, as numerators and denominators are to the line they belong to. Distances
/// are shares of the font size.
const NEAR: f32 = 0.85;
/// The same where both rows are drawn in one go, as those of a matrix are.
const INTERLEAVED: f32 = 1.0;
/// How near the limits of a sum are to it.
const LIMIT: f32 = 1.5;
/// How near rows are between brackets that are as high as all of them.
const IN_BRACKETS: f32 = 2.2;
/// What is smaller than its line by this share is a limit, an index or an exponent.
pub(super) const SMALL: f32 = 0.85;
/// Operators of one row that are looked at for limits.
const MOST_OPERATORS: usize = 64;

/// The rows of a block, those of a formula in one.
pub(super) fn put_together(rows: Vec<Row>) -> Vec<Row> {
    if !rows.windows(2).any(|pair| matches!(pair, [above, below] if above.is_near(below))) {
        return rows;
    }
    let mut drawn: Vec<usize> = orders(&rows).collect();
    drawn.sort_unstable();
    let mut done: Vec<Row> = Vec::with_capacity(rows.len());
    let mut rest = rows.as_slice();
    while let Some(first) = rest.first() {
        let chain = rest.get(..chain(rest)).unwrap_or_default();
        let is_formula = |end: &usize| chain.get(..*end).is_some_and(|rows| is_one(rows, &drawn));
        let end = (2..=chain.len()).rev().find(is_formula);
        let (formula, others) = rest.split_at(end.unwrap_or(1));
        match end {
            Some(_) => done.push(Row::formula(formula)),
            None => done.push(Row { pieces: first.pieces.clone(), ..*first }),
        }
        rest = others;
    }
    done
}

/// How many of the first rows are near enough to each other to be those of one formula.
fn chain(rows: &[Row]) -> usize {
    let mut bracketed = false;
    let goes_on = |pair: &&[Row]| {
        let [above, below] = pair else { return false };
        bracketed |= above.pieces.iter().chain(&below.pieces).any(Piece::has_bracket);
        let apart = (below.base - above.base) / above.size.max(below.size);
        above.is_near(below) || bracketed && apart < IN_BRACKETS
    };
    let chain = 1 + rows.windows(2).take(MOST - 1).take_while(goes_on).count();
    // What is drawn wholly after the rows above it and is not near to them is the next formula.
    let ends = |at: &usize| {
        let is_near =
            matches!(rows.get(at - 1..=*at), Some([above, below]) if above.is_near(below));
        let (above, below) = (rows.get(..*at), rows.get(*at..chain));
        !is_near && above.zip(below).is_some_and(|(a, b)| orders(a).max() < orders(b).min())
    };
    (1..chain).find(ends).unwrap_or(chain)
}

/// Whether rows were drawn in one go, and the first and the last are near to the others or drawn between their signs; `drawn` are the
/// places of all pieces in the order of drawing.
fn is_one(rows: &[Row], drawn: &[usize]) -> bool {
    let (Some((from, to)), Some(last)) = (span(rows), rows.len().checked_sub(1)) else {
        return false;
    };
    let between = drawn.partition_point(|at| *at <= to) - drawn.partition_point(|at| *at < from);
    let linked = |pair: Option<&[Row]>, row: Option<&Row>, others: Option<&[Row]>| {
        let is_near = matches!(pair, Some([above, below]) if above.is_near(below));
        is_near || row.zip(others).is_some_and(|(row, others)| row.is_drawn_within(others))
    };
    between == orders(rows).count()
        && linked(rows.get(..2), rows.first(), rows.get(1..))
        && linked(rows.get(last.saturating_sub(1)..), rows.last(), rows.get(..last))
}

/// The places of pieces in the order of drawing.
fn orders(rows: &[Row]) -> impl Iterator<Item = usize> {
    rows.iter().flat_map(|row| &row.pieces).map(|piece| piece.order)
}

/// The first and the last of these places.
fn span(rows: &[Row]) -> Option<(usize, usize)> {
    orders(rows).min().zip(orders(rows).max())
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

    /// Whether the row below is nearer than a line of text can be.
    fn is_near(&self, below: &Self) -> bool {
        let apart = below.base - self.base;
        let (small, large) = (self.size.min(below.size), self.size.max(below.size));
        apart < NEAR * small
            || apart < INTERLEAVED * small && self.is_interleaved(below)
            || apart < LIMIT * large && (self.limits(below) || below.limits(self))
    }

    fn is_interleaved(&self, other: &Self) -> bool {
        let spans = span(std::slice::from_ref(self)).zip(span(std::slice::from_ref(other)));
        spans.is_some_and(|(own, other)| own.0 < other.1 && other.0 < own.1)
    }

    /// Whether signs of it are drawn after some of other rows and before others, or it is drawn around them, as brackets are.
    fn is_drawn_within(&self, others: &[Self]) -> bool {
        let (own, others) = (std::slice::from_ref(self), span(others));
        let inside = |(from, to)| orders(own).any(|order| from < order && order < to);
        let around =
            |other: (usize, usize)| span(own).is_some_and(|own| own.0 < other.0 && other.1 < own.1);
        others.is_some_and(|others| inside(others) || around(others))
    }

    /// Whether it is what stands below and above the operators of another row, in smaller letters: drawn between its other signs.
    fn limits(&self, row: &Self) -> bool {
        if self.pieces.iter().any(|piece| piece.size >= SMALL * row.size) {
            return false;
        }
        let Some((from, to)) = span(std::slice::from_ref(row)) else { return false };
        let operators = || row.pieces.iter().filter(|piece| piece.is_operator());
        self.pieces.iter().all(|limit| {
            let between = from < limit.order && limit.order < to;
            between || operators().take(MOST_OPERATORS).any(|operator| operator.is_over(limit))
        })
    }
}

impl Piece {
    /// Whether it has a sign that limits stand below and above.
    fn is_operator(&self) -> bool {
        self.text.contains(['∑', '∏', '∐', '∫', '∮', '⋃', '⋂', '⋁', '⋀', 'Σ', 'Π'])
    }

    /// Whether a limit stands below or above it.
    fn is_over(&self, limit: &Self) -> bool {
        let middle = (limit.left + limit.right) / 2.0;
        middle > self.left - self.size && middle < self.right + self.size
    }
}
