//! Regions of a page: what was drawn in one go, from the top down.
//!
//! Whoever wrote a page drew its columns, boxes and notes one after the other, and that order is mostly the one to read them in. It
//! says nothing where regions lie in each other, as when a page is drawn font by font: these are one region, read by where
//! things stand.

use super::formulas::SMALL;
use super::pieces::Piece;

/// Regions and pieces of a page; one that is drawn in more is read by where things stand.
const MOST: usize = 64;
const MOST_PIECES: usize = 1_500;

/// The regions in the order in which they were drawn; on a page that is drawn in `layers`, none before what stands over it.
pub(super) fn regions(mut pieces: Vec<Piece>, layers: bool) -> Vec<Vec<Piece>> {
    if pieces.len() > MOST_PIECES {
        return vec![pieces];
    }
    pieces.sort_by_key(|piece| piece.order);
    let mut regions: Vec<Region> = Vec::new();
    for piece in pieces {
        match regions.last_mut() {
            Some(region) if region.goes_on(&piece) => region.push(piece),
            _ => regions.push(Region::new(piece)),
        }
    }
    if regions.len() > MOST {
        return vec![regions.into_iter().flat_map(|region| region.pieces).collect()];
    }
    let mut regions = together(regions);
    if layers {
        regions = from_the_top(regions);
    }
    regions.into_iter().map(|region| region.pieces).collect()
}

/// Regions in the order in which they are, but none before one that stands over it.
fn from_the_top(regions: Vec<Region>) -> Vec<Region> {
    let mut left: Vec<Region> = regions;
    let mut ordered = Vec::with_capacity(left.len());
    let is_first = |left: &[Region], region: &Region| !left.iter().any(|o| o.stands_over(region));
    while let Some(next) = left.iter().position(|region| is_first(&left, region)) {
        ordered.push(left.remove(next));
    }
    ordered
}

/// Puts regions that lie in each other together, until none do.
fn together(regions: Vec<Region>) -> Vec<Region> {
    let mut apart: Vec<Region> = Vec::new();
    for mut region in regions {
        while let Some(at) = apart.iter().position(|other| other.overlaps(&region)) {
            let mut earlier = apart.remove(at);
            earlier.take(region);
            region = earlier;
        }
        apart.push(region);
    }
    apart.sort_by_key(|region| region.pieces.iter().map(|piece| piece.order).min());
    apart
}

struct Region {
    pieces: Vec<Piece>,
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    /// The lowest line, and the font size there.
    base: f32,
    size: f32,
    /// Whether it has brackets that are as high as several lines.
    brackets: bool,
}

impl Region {
    fn new(piece: Piece) -> Self {
        let (left, right, top, bottom) = (piece.left, piece.right, piece.top(), piece.bottom());
        let (base, size, brackets) = (piece.base, piece.size, piece.has_bracket());
        Self { pieces: vec![piece], left, right, top, bottom, base, size, brackets }
    }

    /// Whether what is drawn next goes on: on the same line, or below. A little above it may be the numerator of a fraction or
    /// a cell that is set higher; far below it is something else, such as a footer, and so is what stands far to the left at the
    /// same height.
    fn goes_on(&self, piece: &Piece) -> bool {
        let size = self.size.max(piece.size);
        let down = (piece.base - self.base) / size;
        let back = self.pieces.last().map_or(0.0, |last| (last.left - piece.right) / size);
        (-1.6..6.0).contains(&down) && (down > 0.5 || back < 2.0) && !self.is_under(piece)
            || self.has_in_brackets(piece)
    }

    /// Whether what is drawn next stands a line above what was drawn last, as the numbers of an axis do: a numerator is drawn before
    /// its denominator.
    fn is_under(&self, piece: &Piece) -> bool {
        self.pieces.last().is_some_and(|last| {
            let higher = (last.base - piece.base) / last.size;
            let beside = last.right.min(piece.right) - last.left.max(piece.left);
            let narrower = (last.right - last.left).min(piece.right - piece.left);
            higher > 0.9 && beside > 0.5 * narrower && piece.size > SMALL * last.size
        })
    }

    /// Whether what is drawn next is a bracket around a matrix, which begins far above its line, or stands in one.
    fn has_in_brackets(&self, piece: &Piece) -> bool {
        let size = self.size.max(piece.size);
        let higher = (self.base - piece.base) / size;
        let from_last = self.pieces.last().map_or(0.0, |last| (piece.base - last.base) / size);
        let begins = piece.has_bracket() || self.pieces.last().is_some_and(Piece::has_bracket);
        (0.0..6.0).contains(&higher)
            && (begins || self.brackets && (-1.6..6.0).contains(&from_last))
    }

    fn push(&mut self, piece: Piece) {
        self.reach(&Self::new(piece.clone()));
        self.pieces.push(piece);
    }

    fn take(&mut self, other: Self) {
        self.reach(&other);
        self.pieces.extend(other.pieces);
    }

    fn reach(&mut self, other: &Self) {
        self.left = self.left.min(other.left);
        self.right = self.right.max(other.right);
        self.top = self.top.min(other.top);
        self.bottom = self.bottom.max(other.bottom);
        self.brackets |= other.brackets;
        if other.base > self.base {
            (self.base, self.size) = (other.base, other.size);
        }
    }

    /// Whether it stands wholly above another, in the same column.
    fn stands_over(&self, other: &Self) -> bool {
        let narrower = (self.right - self.left).min(other.right - other.left);
        self.bottom <= other.top
            && self.top < other.top
            && self.right.min(other.right) - self.left.max(other.left) > 0.5 * narrower
    }

    /// Whether one has pieces in the other: more than a few that reach beyond their column.
    fn overlaps(&self, other: &Self) -> bool {
        let boxes = self.right.min(other.right) > self.left.max(other.left)
            && self.bottom.min(other.bottom) > self.top.max(other.top);
        let few = self.pieces.len().min(other.pieces.len()) / 12;
        boxes
            && !self.lies_over(other)
            && (self.holds_more_of(other, few) || other.holds_more_of(self, few))
    }

    /// Whether one is printed over the other, as an overlay or a second layer of a scan's text: many pieces lie on others.
    fn lies_over(&self, other: &Self) -> bool {
        const FEWEST: usize = 5;
        let lies = |piece: &&Piece| {
            self.pieces.iter().any(|own| {
                let down = (own.base - piece.base).abs() / own.size.min(piece.size);
                let across = own.right.min(piece.right) - own.left.max(piece.left);
                (0.05..0.6).contains(&down) && across > 2.0 * piece.size
            })
        };
        let fewer = self.pieces.len().min(other.pieces.len());
        let count = other.pieces.iter().filter(lies).count();
        count >= FEWEST && count * 4 >= fewer
    }

    /// Whether more than a `few` pieces of another region have pieces of this one above and below them, or over them. A title that
    /// reaches across columns is above both of them, and they are regions still.
    fn holds_more_of(&self, other: &Self, few: usize) -> bool {
        let held = |piece: &&Piece| {
            let (mut above, mut below, mut over) = (false, false, false);
            for own in &self.pieces {
                // What reaches a little beyond its column is still in it.
                let beside = own.right.min(piece.right) - own.left.max(piece.left);
                let narrower = (own.right - own.left).min(piece.right - piece.left);
                if beside > 0.15 * narrower {
                    let down = (own.base - piece.base) / own.size.min(piece.size);
                    above |= down <= -0.3;
                    below |= down >= 0.3;
                    over |= down.abs() < 0.3;
                }
            }
            above && below || over
        };
        other.pieces.iter().filter(held).nth(few).is_some()
    }
}
