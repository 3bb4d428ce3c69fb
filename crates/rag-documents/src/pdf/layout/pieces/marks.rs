//! Vowel signs of Arabic and Hebrew: characters of their own that are drawn over or under a letter, before it or after it.

use super::super::super::direction;
use super::{LINE_SHIFT, Set};

/// How far, in font sizes, the letter of a mark may be from it.
const REACH: f32 = 2.0;
/// Marks of one letter; no letter has as many.
const MOST: usize = 16;

/// Puts each mark behind its letter: the one drawn before it where letters are drawn as they are read, from right to left, and the
/// one drawn after it where they are drawn from left to right.
pub(super) fn on_letters(sets: Vec<Set<'_>>) -> Vec<Set<'_>> {
    if !sets.iter().any(is_mark) {
        return sets;
    }
    let mut kept: Vec<Set<'_>> = Vec::with_capacity(sets.len());
    let mut letter = None;
    let mut waiting: Vec<Set<'_>> = Vec::new();
    for mut set in sets {
        if is_mark(&set) && waiting.len() < MOST {
            waiting.push(set);
            continue;
        }
        if !set.text.trim().is_empty() {
            let before = letter.and_then(|at: usize| kept.get(at));
            let as_read =
                before.is_some_and(|before| near(before, &set) && set.along < before.along);
            if !as_read && waiting.first().is_some_and(|mark| near(mark, &set)) {
                // The last one drawn is the first one read.
                waiting.drain(..).rev().for_each(|mark| put_on(&mut set, &mark));
            }
            put_behind(letter, &mut kept, &mut waiting);
            letter = Some(kept.len());
        }
        kept.push(set);
    }
    put_behind(letter, &mut kept, &mut waiting);
    kept
}

/// Puts marks behind a letter that was drawn before them, or where they are if it is not near.
fn put_behind<'a>(letter: Option<usize>, kept: &mut Vec<Set<'a>>, marks: &mut Vec<Set<'a>>) {
    for mark in marks.drain(..) {
        let takes = |letter: &&mut Set<'_>| {
            near(&mark, letter) && letter.text.chars().take(2 * MOST + 1).count() <= 2 * MOST
        };
        match letter.and_then(|at| kept.get_mut(at)).filter(takes) {
            Some(letter) => put_on(letter, &mark),
            None => kept.push(mark),
        }
    }
}

/// Puts a mark behind the letter that it stands at, of which a ligature has several, in the order of the eye.
fn put_on(letter: &mut Set<'_>, mark: &Set<'_>) {
    let letters = letter.text.char_indices().filter(|(_, c)| !direction::is_mark(*c));
    let letters: Vec<usize> = letters.map(|(at, _)| at).collect();
    let share = (mark.along - letter.along) / letter.letter.width.max(0.1);
    let own = (share * letters.len() as f32).max(0.0) as usize;
    let end = letters.get(own.saturating_add(1)).copied().unwrap_or(letter.text.len());
    letter.text.to_mut().insert_str(end, &mark.text);
}

fn is_mark(set: &Set<'_>) -> bool {
    !set.text.is_empty() && set.text.chars().all(direction::is_mark)
}

fn near(one: &Set<'_>, other: &Set<'_>) -> bool {
    let size = one.letter.size.max(other.letter.size).max(0.1);
    (one.down - other.down).abs() <= LINE_SHIFT * size
        && (one.along - other.along).abs() <= REACH * size
}
