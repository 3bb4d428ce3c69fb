//! Where words end: at spaces that are drawn, and at gaps that are as wide as spaces are.

use super::super::{is_wide, without_space};
use super::{Draft, Part};

/// A gap wider than this share of the font size parts two words.
pub(super) const WORD_GAP: f32 = 0.12;
/// The same where spaces are drawn, so that gaps are only spacing, at most; and as a share of the spaces themselves.
const DRAWN_WORD_GAP: f32 = 0.25;
const NEARLY: f32 = 0.75;
/// The same behind a stop and before a letter, which are never that far apart in one word.
const BEHIND_STOP: f32 = 0.15;
/// Chinese is set in a grid and stretched to fill a line: only a gap of this share parts it.
const WIDE_GAP: f32 = 0.8;
/// Between Chinese and Latin, typesetters leave a quarter.
const MIXED_GAP: f32 = 0.4;

/// Whether a word ends before a part, which stands behind a `gap`; `word` is the gap that parts words there.
pub(super) fn are_apart(
    part: &Part<'_>,
    gap: f32,
    (before, after): (Option<char>, Option<char>),
    word: f32,
) -> bool {
    part.space && !(without_space(before, after) && gap < WIDE_GAP)
        || spaced(gap, before, after, word)
        || gap > BEHIND_STOP && word <= DRAWN_WORD_GAP && is_behind_stop(before, after)
}

/// Whether a gap, as a share of the font size, parts words.
pub(super) fn spaced(gap: f32, before: Option<char>, after: Option<char>, word: f32) -> bool {
    let wide = |c: Option<char>| c.is_some_and(is_wide);
    let needed = if without_space(before, after) {
        WIDE_GAP
    } else if wide(before) || wide(after) {
        MIXED_GAP
    } else {
        word
    };
    gap > needed
}

/// Whether a sentence or a part of it ends between two characters.
fn is_behind_stop(before: Option<char>, after: Option<char>) -> bool {
    let is_stop = |c: char| matches!(c, ',' | '.' | ';' | ':' | '!' | '?');
    before.is_some_and(is_stop) && after.is_some_and(|c| c.is_alphabetic() && !is_wide(c))
}

impl Draft<'_> {
    /// The gap that parts words here: wider where the letters themselves are spaced out.
    pub(super) fn word_gap(&self) -> f32 {
        let word = self.drawn_word_gap();
        // Between letters only: the dots of a table of contents are far apart in any font, and a word whose text is said whole is none.
        let letter = |part: &Part<'_>| {
            let mut chars = part.text.chars();
            chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
        };
        let mut gaps: Vec<f32> = self
            .parts
            .windows(2)
            .filter_map(|pair| match pair {
                [before, after] if letter(before) && letter(after) && !after.space => {
                    Some(after.gap)
                }
                _ => None,
            })
            .collect();
        if gaps.len() < 4 {
            return word;
        }
        gaps.sort_by(f32::total_cmp);
        let (low, middle) = (gaps.get(gaps.len() / 4), gaps.get(gaps.len() / 2));
        match (low, middle) {
            (Some(low), Some(middle)) if *low > 0.07 => word.max(middle * 1.6 + 0.02),
            _ => word,
        }
    }

    /// The gap that parts words where spaces are drawn: one that is nearly as wide as those of the spaces.
    fn drawn_word_gap(&self) -> f32 {
        let others = self.parts.iter().skip(1);
        let (drawn, left): (Vec<&Part<'_>>, Vec<&Part<'_>>) = others.partition(|part| part.space);
        // A few spaces, such as those beside a link, say nothing of the others.
        let gaps = left.iter().filter(|part| part.gap > WORD_GAP).count();
        let mut drawn: Vec<f32> = drawn.iter().map(|part| part.gap).collect();
        drawn.sort_by(f32::total_cmp);
        match drawn.get(drawn.len() / 2) {
            Some(usual) if gaps <= drawn.len() => (NEARLY * usual).clamp(WORD_GAP, DRAWN_WORD_GAP),
            _ => WORD_GAP,
        }
    }
}
