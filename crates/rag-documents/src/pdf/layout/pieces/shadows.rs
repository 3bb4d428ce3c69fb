//! Words that are drawn once more in the same place, over their shadows.

use super::super::super::direction;
use super::{Draft, Set};

/// Pieces drawn before a word that may be its shadow: each word has its own before it.
pub(super) const SHADOWS: usize = 3;
/// Letters of a shadow.
const LONGEST: usize = 200;
/// Letters of a page that are compared with others, so that a page of nothing else takes no longer.
pub(super) const MOST_COMPARED: usize = 20_000_000;

pub(super) struct Shadows {
    pub(super) left: usize,
}

impl Shadows {
    /// How many of the letters that are drawn next are the same as others in the same place; 0 when the word they begin is another.
    pub(super) fn end(&mut self, letters: &[Set<'_>], drawn: &[&Draft<'_>]) -> usize {
        let (mut end, mut whole) = (0_usize, false);
        for (at, set) in letters.iter().enumerate().take(LONGEST) {
            if set.text.trim().is_empty() {
                continue;
            }
            // Arabic letters are drawn over each other.
            if set.text.chars().any(direction::is_backwards) {
                return 0;
            }
            match drawn.iter().find_map(|draft| self.shows(draft, set)) {
                Some(is_last) => (end, whole) = (at + 1, is_last),
                None => {
                    let last = end.checked_sub(1).and_then(|last| letters.get(last));
                    whole &= !last.is_some_and(|last| goes_on(last, set));
                    break;
                }
            }
        }
        if whole { end } else { 0 }
    }

    /// Whether the letter that a piece shows in the same place is its last one.
    fn shows(&mut self, draft: &Draft<'_>, set: &Set<'_>) -> Option<bool> {
        let size = set.letter.size.max(0.1);
        if !(draft.first.along - 0.1 * size..=draft.right).contains(&set.along) {
            return None;
        }
        self.left = self.left.checked_sub(draft.parts.len())?;
        let found = draft.parts.iter().rposition(|part| draft.has_at(part, set, size))?;
        Some(found + 1 == draft.parts.len())
    }
}

/// Whether a letter goes on with the word that another is of.
fn goes_on(last: &Set<'_>, next: &Set<'_>) -> bool {
    let size = last.letter.size.max(0.1);
    let gap = next.along - last.along - last.letter.width;
    (next.down - last.down).abs() < 0.01 * size && gap.abs() < 0.5 * size
}
