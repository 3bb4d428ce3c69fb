//! Letters and signs that are drawn in two parts: TeX's older fonts have no "é", but an accent and an "e", and no "≠", but a slash and
//! an "=".

use unicode_normalization::char::compose;

use super::super::first;
use super::Part;

/// Parts of one sign are no further apart than this share of the font size, and overlap no more.
const TOUCHING: f32 = 0.2;

/// The letter or sign that two parts make.
pub(super) fn joined(one: &Part<'_>, other: &Part<'_>) -> Option<char> {
    accented(one, other).or_else(|| sign(one, other))
}

/// The letter that an accent and the part beside it make, when one is drawn over the other. Either may come first.
fn accented(one: &Part<'_>, other: &Part<'_>) -> Option<char> {
    let (accent, letter) = match (accent(one.text), accent(other.text)) {
        (Some(accent), None) => (over(one, other).then_some(accent)?, other),
        (None, Some(accent)) => ((follows(other, one) || over(other, one)).then_some(accent)?, one),
        _ => return None,
    };
    let mut chars = letter.text.chars();
    let (letter, None) = (chars.next()?, chars.next()) else { return None };
    // A letter that has a dot is drawn without it under an accent.
    let letter = match letter {
        'ı' => 'i',
        'ȷ' => 'j',
        letter => letter,
    };
    compose(letter, accent).filter(|_| letter.is_alphabetic())
}

/// The sign that two parts make, one drawn over the other or right behind it: an arrow and its hook or bar, a slash and what it
/// negates, or a letter and the circle around it.
fn sign(one: &Part<'_>, other: &Part<'_>) -> Option<char> {
    match (one.text, other.text) {
        ("c", sign @ "©") | ("R", sign @ "®") if over(one, other) => return first(sign),
        _ => {}
    }
    if other.space || other.gap.abs() > TOUCHING {
        return None;
    }
    match (one.text, other.text) {
        (end @ ("↦" | "↪"), "→") | ("←", end @ "↩") => first(end),
        ("\u{338}", negated) => {
            let mut chars = negated.chars();
            let (negated, None) = (chars.next()?, chars.next()) else { return None };
            compose(negated, '\u{338}')
        }
        _ => None,
    }
}

/// Whether an accent is one that follows its letter, and begins where that ends.
fn follows(accent: &Part<'_>, letter: &Part<'_>) -> bool {
    let combining = accent.text.starts_with(|c| matches!(c, '\u{300}'..='\u{36F}'));
    let room = 0.1 * (letter.right - letter.along);
    combining && (letter.along..=letter.right + room).contains(&accent.along)
}

/// Whether the middle of an accent stands over a letter.
fn over(accent: &Part<'_>, letter: &Part<'_>) -> bool {
    let middle = (accent.along + accent.right) / 2.0;
    let edge = 0.2 * (letter.right - letter.along);
    (letter.along + edge..=letter.right - edge).contains(&middle)
}

/// The combining form of an accent that stands alone.
pub(super) fn accent(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let (accent, None) = (chars.next()?, chars.next()) else { return None };
    Some(match accent {
        '`' | 'ˋ' => '\u{300}',
        '´' | 'ˊ' => '\u{301}',
        '^' | 'ˆ' => '\u{302}',
        '~' | '˜' => '\u{303}',
        '¯' | 'ˉ' => '\u{304}',
        '˘' => '\u{306}',
        '˙' => '\u{307}',
        '¨' => '\u{308}',
        '˚' => '\u{30A}',
        '˝' => '\u{30B}',
        'ˇ' => '\u{30C}',
        '¸' => '\u{327}',
        '˛' => '\u{328}',
        '\u{300}'..='\u{36F}' => accent,
        _ => return None,
    })
}
