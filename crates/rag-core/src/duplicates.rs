//! Passages that repeat a better one nearly word for word: copies of a page, editions of a form.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

/// Words in a shingle: enough that the same words in another order are another text.
const SHINGLE: usize = 3;

/// The share of shingles from which two passages count as the same by default: a few changed words
/// in a paragraph stay above it, overlapping neighbors of a split stay far below.
pub const NEAR_EQUAL: f64 = 0.8;

/// The distinct runs of three words of a text, in lower case and without punctuation. A Han
/// character counts as a word, since Chinese sets no spaces. Broder, "On the resemblance and
/// containment of documents", 1997, section 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shingles(HashSet<u64>);

impl Shingles {
    /// The shingles of a text; a text of fewer words than a shingle has one.
    pub fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        let words: Vec<&str> = text.unicode_words().collect();
        let size = SHINGLE.min(words.len()).max(1);
        Self(words.windows(size).map(hash).collect())
    }

    /// The Jaccard similarity, 0.0–1.0: shingles in both / shingles in either. Two texts without a
    /// word are equal.
    pub fn similarity(&self, other: &Self) -> f64 {
        let both = self.0.intersection(&other.0).count();
        let either = self.0.len() + other.0.len() - both;
        if either == 0 { 1.0 } else { both as f64 / either as f64 }
    }
}

/// FNV-1a, 64 bits (Fowler, Noll and Vo): stable over runs and versions, unlike the standard library's hasher.
fn hash(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A ranking without its near-duplicates.
#[derive(Debug, Clone, PartialEq)]
pub struct Distinct<T> {
    /// What is kept, in the order it had.
    pub kept: Vec<T>,
    /// What is left out, in the order it had.
    pub left_out: Vec<Duplicate<T>>,
}

/// Something left out because it repeats something better.
#[derive(Debug, Clone, PartialEq)]
pub struct Duplicate<T> {
    /// What is left out.
    pub item: T,
    /// The position in [`Distinct::kept`] of what it repeats.
    pub repeats: usize,
    /// Their Jaccard similarity, 0.0–1.0.
    pub similarity: f64,
}

/// Leaves out what is at least `threshold` similar (Jaccard over shingles, 0.0–1.0) to something
/// before it; `ranked` is ordered best first, and `shingles` gives those of each text. Compares each with all that are kept, which is for
/// the tens of passages a search gives, not for a whole knowledge base.
pub fn without_near_duplicates<T>(
    ranked: Vec<T>,
    shingles: impl Fn(&T) -> Shingles,
    threshold: f64,
) -> Distinct<T> {
    let mut of_kept: Vec<Shingles> = Vec::new();
    let mut distinct = Distinct { kept: Vec::new(), left_out: Vec::new() };
    for item in ranked {
        let of_item = shingles(&item);
        let repeated = of_kept
            .iter()
            .map(|kept| kept.similarity(&of_item))
            .enumerate()
            .find(|(_, similarity)| *similarity >= threshold);
        match repeated {
            Some((repeats, similarity)) => {
                distinct.left_out.push(Duplicate { item, repeats, similarity });
            }
            None => {
                of_kept.push(of_item);
                distinct.kept.push(item);
            }
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::split::Splitter;

    fn similarity(a: &str, b: &str) -> f64 {
        Shingles::of(a).similarity(&Shingles::of(b))
    }

    #[test]
    fn case_space_and_punctuation_do_not_tell_texts_apart() {
        assert_eq!(
            similarity("The door, is CLOSED at night!", "the door is\nclosed at night"),
            1.0
        );
        assert_eq!(similarity("年假十五天。", "年假 十五天"), 1.0);
        assert_eq!(similarity("", " …"), 1.0);
        assert_eq!(similarity("", "a"), 0.0);
    }

    #[test]
    fn the_formula_is_shingles_in_both_over_shingles_in_either() {
        // abc bcd cde against abc bcd cdf: two of four.
        assert_eq!(similarity("a b c d e", "a b c d f"), 0.5);
        // 年假十 假十五 十五天 against 病假十 假十五 十五天.
        assert_eq!(similarity("年假十五天", "病假十五天"), 0.5);
    }

    #[test]
    fn a_copy_is_left_out_with_its_reason_and_the_better_one_is_kept() {
        let long = "Annual leave is requested in the leave calendar at least two weeks before it starts; for more \
                    than ten consecutive working days the request must be made two months ahead.";
        let edited = long.replace("two months", "three months");
        let ranked = vec![
            ("new", long.to_owned()),
            ("other", "Salaries are paid monthly.".into()),
            ("old", edited),
        ];
        let distinct = without_near_duplicates(ranked, |(_, text)| Shingles::of(text), NEAR_EQUAL);
        assert_eq!(
            distinct.kept.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["new", "other"]
        );
        assert_eq!(distinct.left_out.len(), 1);
        let Duplicate { item, repeats, similarity } = &distinct.left_out[0];
        assert_eq!((item.0, *repeats), ("old", 0));
        assert!((0.8..1.0).contains(similarity), "{similarity}");
    }

    #[test]
    fn overlapping_neighbors_of_a_split_are_not_duplicates() {
        let text = include_str!("../../../docs/sample/sources/员工手册.md");
        let passages = Splitter::new(200, 60).unwrap().split_text(text);
        let count = passages.len();
        let distinct = without_near_duplicates(passages, |text| Shingles::of(text), NEAR_EQUAL);
        assert_eq!(distinct.kept.len(), count);
    }

    proptest! {
        #[test]
        fn nothing_kept_is_near_anything_kept_and_nothing_vanishes(
            texts in prop::collection::vec("([ab] ){0,8}", 0..12), threshold in 0.1_f64..=1.0,
        ) {
            let Distinct { kept, left_out } =
                without_near_duplicates(texts.clone(), |text| Shingles::of(text), threshold);
            prop_assert_eq!(kept.len() + left_out.len(), texts.len());
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(kept[..i].iter().all(|b| similarity(a, b) < threshold));
            }
            for duplicate in left_out {
                prop_assert_eq!(similarity(&duplicate.item, &kept[duplicate.repeats]), duplicate.similarity);
                prop_assert!(duplicate.similarity >= threshold);
            }
        }
    }
}
