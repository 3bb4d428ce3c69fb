//! Hyphens at the ends of lines: a broken word loses its own, a compound keeps it.
//!
//! "user-" and "defined" may be either, and only the document can say: where it writes "user-defined" within its lines more
//! often than "userdefined", the hyphen stays. Of words that it writes nowhere else, its others tell: where no broken word is one, or
//! lines hardly ever end with a hyphen, whoever wrote it does not hyphenate, and all that end lines are of compounds.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::script::is_wide;

/// Stands for the hyphen between lines that were joined, until the whole document is read. Text has none of its own: a
/// soft hyphen that is drawn is a hyphen.
pub(crate) const AT_LINE_END: char = '\u{AD}';

/// Whether lines end with hyphens that are no part of their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hyphenation {
    Never,
    Usual,
    /// Only the document can tell.
    Unknown,
}

/// A text of so many words shows whether it is hyphenated.
const TELLING: usize = 1_000;
/// One known compound speaks for so many words of which nothing is known.
const KNOWN: usize = 4;
/// Lines that end with compounds, in so many words, at most: of 1,100 documents, those that hyphenate and show it nowhere else have more.
const COMPOUNDS: f64 = 1.3 / 1_000.0;

/// Decides about every hyphen at a line's end in the texts of a document.
pub(crate) fn settle(texts: &mut [&mut String], hyphenation: Hyphenation) {
    // How often each of the two ways to write a broken word is seen within a line.
    let mut uses: HashMap<String, usize> = HashMap::new();
    for word in texts.iter().flat_map(|text| words(text)).filter(|w| w.contains(AT_LINE_END)) {
        uses.insert(written(word, ""), 0);
        uses.insert(written(word, "-"), 0);
    }
    if uses.is_empty() {
        return;
    }
    for word in texts.iter().flat_map(|text| words(text)).filter(|w| !w.contains(AT_LINE_END)) {
        if let Some(uses) = uses.get_mut(&written(word, "")) {
            *uses += 1;
        }
    }
    let kept = |word: &str| {
        let [joined, kept] = ["", "-"].map(|hyphen| uses.get(&written(word, hyphen)).copied());
        kept.cmp(&joined)
    };
    let of_compounds =
        hyphenation != Hyphenation::Usual && are_of_compounds(texts, hyphenation, kept);
    for text in texts.iter_mut().filter(|text| text.contains(AT_LINE_END)) {
        let mut settled = String::with_capacity(text.len());
        // Each word with what stands behind it.
        for part in text.split_inclusive(is_between) {
            if part.contains(AT_LINE_END) {
                let word = words(part).next().unwrap_or_default();
                let stays = match kept(word) {
                    Ordering::Greater => true,
                    Ordering::Equal => of_compounds,
                    Ordering::Less => false,
                };
                settled.push_str(&part.replace(AT_LINE_END, if stays { "-" } else { "" }));
            } else {
                settled.push_str(part);
            }
        }
        **text = settled;
    }
}

/// Whether hyphens at the ends of lines are of compounds where nothing is known of a word; `kept` says what is known of one.
fn are_of_compounds(
    texts: &[&mut String],
    hyphenation: Hyphenation,
    kept: impl Fn(&str) -> Ordering,
) -> bool {
    let (mut all, mut unknown, mut compounds) = (0_usize, 0_usize, 0_usize);
    for word in texts.iter().flat_map(|text| words(text)) {
        all += 1;
        if word.contains(AT_LINE_END) {
            match kept(word) {
                Ordering::Greater => compounds += 1,
                Ordering::Equal => unknown += 1,
                Ordering::Less => return false,
            }
        }
    }
    hyphenation == Hyphenation::Never
        || compounds * KNOWN >= unknown
        || all >= TELLING && (compounds + unknown) as f64 <= COMPOUNDS * all as f64
}

/// The words of a text, hyphens within them and at the ends of lines included.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_between).map(|word| word.trim_matches(is_hyphen)).filter(|word| !word.is_empty())
}

/// A word in small letters, with what is written for hyphens at the ends of lines.
fn written(word: &str, at_line_end: &str) -> String {
    word.to_lowercase().replace('\u{2010}', "-").replace(AT_LINE_END, at_line_end)
}

/// Whether a character stands between words.
fn is_between(c: char) -> bool {
    is_wide(c) || !(c.is_alphanumeric() || is_hyphen(c) || matches!(c, AT_LINE_END | '\'' | '’'))
}

pub(crate) fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled_as(hyphenation: Hyphenation, texts: [&str; 2]) -> [String; 2] {
        let mut texts = texts.map(|text| text.replace('~', "\u{AD}"));
        let [a, b] = &mut texts;
        settle(&mut [a, b], hyphenation);
        texts
    }

    fn settled(texts: [&str; 2]) -> [String; 2] {
        settled_as(Hyphenation::Usual, texts)
    }

    #[test]
    fn a_document_that_does_not_hyphenate_keeps_the_hyphens_of_words_it_has_once() {
        let first = |hyphenation, text: &str, rest: &str| {
            let [first, _] = settled_as(hyphenation, [text, rest]);
            first
        };
        let unknown = |text: &str, rest: &str| first(Hyphenation::Unknown, text, rest);
        let once = "a well~known word";
        assert_eq!(first(Hyphenation::Never, once, ""), "a well-known word");
        assert_eq!(first(Hyphenation::Usual, once, ""), "a wellknown word");
        // A short text shows nothing, a long one does.
        assert_eq!(unknown(once, ""), "a wellknown word");
        assert_eq!(unknown(once, &"more of it ".repeat(400)), "a well-known word");
        assert_eq!(
            unknown(&"a well~known word ".repeat(9), &"more of it ".repeat(400))[..11],
            *"a wellknown"
        );
        // So does another compound, and a broken word shows the contrary.
        assert_eq!(unknown("well~known, user~defined", "user-defined"), "well-known, user-defined");
        let both = "well~known, user~defined, infor~mation";
        assert_eq!(
            unknown(both, "user-defined information"),
            "wellknown, user-defined, information"
        );
    }

    #[test]
    fn the_document_says_which_hyphens_are_of_compounds() {
        let [first, second] = settled([
            "(User~defined) types, and infor~mation, and data~base, and well~known.",
            "All user-defined types. A data-base, no: a database, a database. It is well\u{2010}known.",
        ]);
        assert_eq!(first, "(User-defined) types, and information, and database, and well-known.");
        assert!(second.starts_with("All user-defined types."));
    }

    #[test]
    fn a_hyphen_is_kept_where_the_compound_has_one() {
        let [first, _] = settled(["re~lease-note and release~note", "A release-note."]);
        assert_eq!(first, "release-note and release-note");
    }

    #[test]
    fn a_word_that_is_nowhere_else_is_joined() {
        let [first, _] = settled(["Donau~dampf~schiff and 中~文 and ~ and x~", ""]);
        assert_eq!(first, "Donaudampfschiff and 中文 and  and x");
    }
}
