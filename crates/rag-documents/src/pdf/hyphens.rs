//! Hyphens at the ends of lines: a broken word loses its own, a compound keeps it.
//!
//! "user-" and "defined" may be either, and only the document can say: where it writes "user-defined" within its lines more
//! often than "userdefined", the hyphen stays.

use std::collections::HashMap;

use crate::script::is_wide;

/// Stands for the hyphen between lines that were joined, until the whole document is read. Text has none of its own: a
/// soft hyphen that is drawn is a hyphen.
pub(crate) const AT_LINE_END: char = '\u{AD}';

/// Decides about every hyphen at a line's end in the texts of a document.
pub(crate) fn settle(texts: &mut [&mut String]) {
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
    for text in texts.iter_mut().filter(|text| text.contains(AT_LINE_END)) {
        let mut settled = String::with_capacity(text.len());
        // Each word with what stands behind it.
        for part in text.split_inclusive(is_between) {
            if part.contains(AT_LINE_END) {
                let word = words(part).next().unwrap_or_default();
                let stays = uses.get(&written(word, "-")) > uses.get(&written(word, ""));
                settled.push_str(&part.replace(AT_LINE_END, if stays { "-" } else { "" }));
            } else {
                settled.push_str(part);
            }
        }
        **text = settled;
    }
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

    fn settled(texts: [&str; 2]) -> [String; 2] {
        let mut texts = texts.map(|text| text.replace('~', "\u{AD}"));
        let [a, b] = &mut texts;
        settle(&mut [a, b]);
        texts
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
