//! How alike two texts are, and whether what they share stands in the same order.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

/// Characters that are compared together: enough to notice a wrong order.
const GRAM: usize = 5;
/// Characters of a piece whose place is compared: enough to be there once.
const PIECE: usize = 24;
/// A file on which we are no more than this below the best peer is read as well.
pub(crate) const AS_WELL: f64 = 0.002;

/// NFKC, without white space, hyphens, and the bars between the cells of tables.
pub(crate) fn normal(text: &str) -> String {
    let dropped = |c: &char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '-' | '|' | '\u{AD}' | '\u{2010}' | '\u{FFFE}')
    };
    text.nfkc().filter(|c| !dropped(c)).collect()
}

pub(crate) fn grams(text: &str) -> HashMap<String, usize> {
    let letters: Vec<char> = text.chars().collect();
    let mut grams = HashMap::new();
    for window in letters.windows(GRAM) {
        *grams.entry(window.iter().collect()).or_default() += 1;
    }
    grams
}

/// What at least two readers say, as often as the second of them says it.
pub(crate) fn agreed(all: &[HashMap<String, usize>]) -> HashMap<String, usize> {
    let mut agreed = HashMap::new();
    for gram in all.iter().flat_map(HashMap::keys) {
        if agreed.contains_key(gram) {
            continue;
        }
        let mut counts: Vec<usize> =
            all.iter().map(|own| own.get(gram).copied().unwrap_or(0)).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        agreed.insert(gram.clone(), counts[1]);
    }
    agreed.retain(|_, count| *count > 0);
    agreed
}

pub(crate) fn score(own: &HashMap<String, usize>, right: &HashMap<String, usize>) -> (f64, f64) {
    let common: usize =
        own.iter().map(|(gram, n)| (*n).min(right.get(gram).copied().unwrap_or(0))).sum();
    let share = |all: usize| if all == 0 { 0.0 } else { common as f64 / all as f64 };
    (share(right.values().sum()), share(own.values().sum()))
}

/// The share of pieces that are once in either text and stand in the same order in both: the longest
/// increasing sequence of their places. 1.0 where no piece is shared.
pub(crate) fn order(own: &str, right: &str) -> f64 {
    let (own, right) = (once(own), once(right));
    let mut shared: Vec<(usize, usize)> =
        own.iter().filter_map(|(piece, at)| Some((*at, *right.get(piece)?))).collect();
    shared.sort_unstable();
    // The smallest last place of an increasing sequence, by its length.
    let mut ends: Vec<usize> = Vec::new();
    for (_, at) in &shared {
        let place = ends.partition_point(|end| end < at);
        match ends.get_mut(place) {
            Some(end) => *end = *at,
            None => ends.push(*at),
        }
    }
    if shared.is_empty() { 1.0 } else { ends.len() as f64 / shared.len() as f64 }
}

/// The places of the pieces that are there once.
fn once(text: &str) -> HashMap<String, usize> {
    let letters: Vec<char> = text.chars().collect();
    let mut places: HashMap<String, Option<usize>> = HashMap::new();
    for (at, window) in letters.windows(PIECE).enumerate() {
        places.entry(window.iter().collect()).and_modify(|place| *place = None).or_insert(Some(at));
    }
    places.into_iter().filter_map(|(piece, place)| Some((piece, place?))).collect()
}
