//! Letters that are drawn apart from their line: what only another font has, such as the quotation marks in a line of Chinese,
//! comes before or after it.

use super::{Draft, LEVEL, Part};

/// Puts letters that stand in a hole of another piece there.
pub(super) fn fill(drafts: &mut [Draft<'_>]) {
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    let base = |drafts: &[Draft<'_>], at: usize| drafts.get(at).map_or(f32::MAX, |d| d.base);
    order.sort_by(|a, b| base(drafts, *a).total_cmp(&base(drafts, *b)));
    let mut rest = order.as_mut_slice();
    while let Some(first) = rest.first().and_then(|at| drafts.get(*at)) {
        let level = first.base + LEVEL * first.size;
        let end = rest.partition_point(|at| base(drafts, *at) <= level).max(1);
        let (row, below) = rest.split_at_mut(end);
        row.sort_by(|a, b| left(drafts, *a).total_cmp(&left(drafts, *b)));
        fill_row(drafts, row);
        rest = below;
    }
}

/// The same for pieces at one height, which are named from left to right.
fn fill_row(drafts: &mut [Draft<'_>], row: &[usize]) {
    /// Pieces in one hole that are looked at.
    const MOST: usize = 16;
    for whole in row {
        let holes = drafts.get(*whole).map(Draft::holes).unwrap_or_default();
        // From the right, so that the places of the others stay as they are.
        for (at, from, to) in holes.into_iter().rev() {
            let begin = row.partition_point(|other| left(drafts, *other) < from);
            let end = row.partition_point(|other| left(drafts, *other) < to).min(begin + MOST);
            for other in row.get(begin..end).into_iter().flatten().rev() {
                let Ok([whole, other]) = drafts.get_disjoint_mut([*whole, *other]) else {
                    continue;
                };
                if other.right <= to && !other.parts.is_empty() && whole.artifact == other.artifact
                {
                    whole.take(at, other);
                }
            }
        }
    }
}

fn left(drafts: &[Draft<'_>], at: usize) -> f32 {
    drafts.get(at).map_or(f32::MAX, |draft| draft.first.along)
}

impl Draft<'_> {
    /// Where letters are missing: before which one, and from where to where.
    fn holes(&self) -> Vec<(usize, f32, f32)> {
        /// The narrowest hole, as a share of the font size, and how far into its neighbors a letter may reach.
        const HOLE: f32 = 0.3;
        const ROOM: f32 = 0.15;
        /// No printed line has as many.
        const MOST: usize = 256;
        let room = ROOM * self.size;
        let hole = |(at, pair): (usize, &[Part<'_>])| {
            let [before, after] = pair else { return None };
            // A space is drawn behind what is missing.
            let end =
                if after.space { before.right + after.apart * self.size } else { after.along };
            let is_hole = end - before.right >= HOLE * self.size;
            is_hole.then_some((at + 1, before.right - room, end + room))
        };
        self.parts.windows(2).enumerate().filter_map(hole).take(MOST).collect()
    }

    /// Takes the letters of another piece, which stand before the letter at `at`.
    fn take(&mut self, at: usize, other: &mut Self) {
        let size = self.size.min(other.size);
        if let (Some(first), Some(before)) =
            (other.parts.first_mut(), at.checked_sub(1).and_then(|before| self.parts.get(before)))
        {
            first.gap = (first.along - before.right) / size;
        }
        if let Some(after) = self.parts.get_mut(at) {
            after.gap = (after.along - other.right) / size;
        }
        self.bold += other.bold;
        self.mono += other.mono;
        self.order = self.order.min(other.order);
        self.parts.splice(at..at, other.parts.drain(..));
    }
}
