//! How alike two texts are, and whether what they share stands in the same order.

use std::collections::HashMap;
use std::iter::Sum;

use rag_core::radicals::ideograph;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::compose;

/// Characters that are compared together: enough to notice a wrong order.
const GRAM: usize = 5;
/// Characters of a piece whose place is compared: enough to be there once.
const PIECE: usize = 24;
/// NFKC, with ideographs for radicals and accents on their letters, without white space, hyphens and dashes, the bars between the cells
/// of tables, the marks of list items, the parts of brackets that are as high as a matrix, characters that show nothing, and those that
/// mean nothing outside their font, as which some readers write the parts of brackets.
pub(crate) fn normal(text: &str) -> String {
    let dropped = |c: &char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '\u{E000}'
                    ..='\u{F8FF}'
                        | '\u{239B}'
                    ..='\u{23AE}'
                        | '-'
                        | '–'
                        | '|'
                        | '•'
                        | '◦'
                        | '▪'
                        | '\u{FE00}'
                    ..='\u{FE0F}'
                        | '\u{200B}'
                    ..='\u{200D}'
                        | '\u{AD}'
                        | '\u{2010}'
                        | '\u{FFFE}'
            )
    };
    accented(text.nfkc().map(ideograph).filter(|c| !dropped(c)))
}

/// With accents on the letters behind them: fonts of TeX's draw "´o" for "ó", and most readers write it so.
fn accented(text: impl Iterator<Item = char>) -> String {
    let mut accented = String::new();
    let mut held: Option<char> = None;
    for c in text {
        let letter = match c {
            'ı' => 'i',
            'ȷ' => 'j',
            c => c,
        };
        let whole = held.and_then(|mark| compose(letter, mark));
        if whole.is_none() {
            accented.extend(held.take());
        }
        // An accent that stands alone is one that combines, behind a space.
        if matches!(c, '\u{300}'..='\u{36F}') && accented.ends_with(' ') {
            accented.pop();
        }
        held = match c {
            'ˆ' => Some('\u{302}'),
            'ˇ' => Some('\u{30C}'),
            '\u{300}'..='\u{36F}' => Some(c),
            _ => None,
        };
        if held.is_none() {
            accented.push(whole.unwrap_or(c));
        }
    }
    accented.extend(held);
    accented
}

/// How often each sequence of [`GRAM`] characters is there.
pub(crate) fn grams(text: &str) -> HashMap<String, usize> {
    sequences(text, GRAM)
}

/// How often each character is there.
pub(crate) fn letters(text: &str) -> HashMap<String, usize> {
    sequences(text, 1)
}

/// How often each word of two letters or more is there, without hyphens: at the end of a line nobody can tell a broken word from a
/// compound by itself. Text that is written without spaces between words has none.
pub(crate) fn words<'t>(texts: impl IntoIterator<Item = &'t str>) -> HashMap<String, usize> {
    let mut words = HashMap::new();
    for text in texts {
        let text = accented(unbroken(text).nfkc().filter(|c| !matches!(c, '-' | '\u{2010}')));
        let runs = text.split(|c: char| !c.is_alphabetic() || is_unspaced(c));
        for word in runs.filter(|run| run.chars().nth(1).is_some()) {
            *words.entry(word.to_owned()).or_default() += 1;
        }
    }
    words
}

/// Letters of the scripts that put no spaces between words: Thai, Lao, Burmese and Khmer, kana and ideographs.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}')
        || matches!(c, '\u{3005}'..='\u{31FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..)
}

/// A text without the hyphens at the ends of its lines, and those that are shown there only.
fn unbroken(text: &str) -> String {
    let mut unbroken = String::with_capacity(text.len());
    for line in text.lines().map(str::trim) {
        let broken = unbroken.strip_suffix(['-', '\u{2010}', '\u{AD}', '\u{FFFE}']);
        let goes_on = line.starts_with(char::is_alphabetic);
        match broken.filter(|above| goes_on && above.ends_with(char::is_alphabetic)) {
            Some(above) => unbroken.truncate(above.len()),
            None => unbroken.push('\n'),
        }
        unbroken.extend(line.chars().filter(|c| !matches!(c, '\u{AD}' | '\u{FFFE}')));
    }
    unbroken
}

fn sequences(text: &str, length: usize) -> HashMap<String, usize> {
    let letters: Vec<char> = text.chars().collect();
    let mut grams = HashMap::new();
    for window in letters.windows(length) {
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

/// Recall and precision.
pub(crate) fn score(own: &HashMap<String, usize>, right: &HashMap<String, usize>) -> (f64, f64) {
    let common: usize =
        own.iter().map(|(gram, n)| (*n).min(right.get(gram).copied().unwrap_or(0))).sum();
    let share = |all: usize| if all == 0 { 0.0 } else { common as f64 / all as f64 };
    (share(right.values().sum()), share(own.values().sum()))
}

/// How many pieces are once in either of two texts, and how many of them stand in the same order in both.
#[derive(Default)]
pub(crate) struct Order {
    shared: usize,
    in_order: usize,
}

impl Order {
    /// 1.0 where no piece is shared.
    pub(crate) fn share(&self) -> f64 {
        if self.shared == 0 { 1.0 } else { self.in_order as f64 / self.shared as f64 }
    }
}

impl Sum for Order {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            shared: sum.shared + one.shared,
            in_order: sum.in_order + one.in_order,
        })
    }
}

/// The order of two texts: the longest increasing sequence of the places of their pieces.
pub(crate) fn order(own: &str, right: &str) -> Order {
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
    Order { shared: shared.len(), in_order: ends.len() }
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
