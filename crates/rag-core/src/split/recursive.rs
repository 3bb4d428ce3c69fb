//! Recursive splitting by the separators of Chinese and English.

use std::ops::Range;

use super::separators::Separator;
use crate::passage::{Passage, Section};

/// Cuts documents into passages. Sizes are counted in characters (Unicode scalar values), which
/// weighs the two languages alike where bytes would not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Splitter {
    size: usize,
    overlap: usize,
    rules: SentenceRules,
}

/// How the ends of sentences are told, for cutting after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SentenceRules {
    /// A sentence ends at every mark that usually ends one, `Dr.` included. So the first knowledge
    /// bases were split, and so the default splits on, for their fingerprints' sake.
    #[default]
    Marks,
    /// A sentence ends where [`sentences`](super::sentences) says: abbreviations, initials, list
    /// numbers and quotations are known.
    Language,
}

impl SentenceRules {
    /// The word used in settings and manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Marks => "marks",
            Self::Language => "language",
        }
    }

    fn levels(self) -> &'static [Separator] {
        match self {
            Self::Marks => Separator::BY_MARKS,
            Self::Language => Separator::BY_SENTENCES,
        }
    }
}

/// Splitter settings that cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitterError {
    /// A passage needs a character.
    #[error("the passage size must be at least 1 character")]
    NoSize,
    /// Each passage would repeat the one before it whole.
    #[error("the overlap ({overlap}) must be smaller than the passage size ({size})")]
    OverlapTooLarge {
        /// The size asked for, in characters.
        size: usize,
        /// The overlap asked for, in characters.
        overlap: usize,
    },
}

impl Default for Splitter {
    /// 600 characters with an overlap of 80: about a paragraph of Chinese.
    fn default() -> Self {
        Self { size: 600, overlap: 80, rules: SentenceRules::Marks }
    }
}

impl Splitter {
    /// Passages of at most `size` characters, each repeating up to `overlap` characters of the
    /// one before it.
    ///
    /// # Errors
    /// When `size` is 0, or `overlap` is not smaller than `size`.
    pub fn new(size: usize, overlap: usize) -> Result<Self, SplitterError> {
        if size == 0 {
            Err(SplitterError::NoSize)
        } else if overlap >= size {
            Err(SplitterError::OverlapTooLarge { size, overlap })
        } else {
            Ok(Self { size, overlap, rules: SentenceRules::Marks })
        }
    }

    /// The same with other numbers, which the caller has checked.
    pub(super) fn resized(self, size: usize, overlap: usize) -> Self {
        debug_assert!(overlap < size);
        Self { size, overlap, ..self }
    }

    /// The same with other rules about sentences.
    #[must_use]
    pub fn with_sentence_rules(self, rules: SentenceRules) -> Self {
        Self { rules, ..self }
    }

    /// How the ends of sentences are told.
    pub fn sentence_rules(&self) -> SentenceRules {
        self.rules
    }

    /// The most characters in a passage.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The most characters repeated from the passage before.
    pub fn overlap(&self) -> usize {
        self.overlap
    }

    /// The passages of a document, in order. A passage never reaches across two sections, so that
    /// its page and heading are true of all of it.
    pub fn split(&self, file: &str, sections: &[Section]) -> Vec<Passage> {
        let mut passages = Vec::new();
        for section in sections {
            for text in self.split_text(&section.text) {
                passages.push(Passage {
                    file: file.to_owned(),
                    page: section.page,
                    heading: section.heading.clone(),
                    text: text.to_owned(),
                });
            }
        }
        passages
    }

    /// The passages of one text, without the white space around each.
    pub fn split_text<'a>(&self, text: &'a str) -> Vec<&'a str> {
        self.ranges(text, 0..text.len()).into_iter().map(|range| &text[range]).collect()
    }

    /// The byte ranges of the passages of `text[within]`, without the white space around each.
    pub(super) fn ranges(&self, text: &str, within: Range<usize>) -> Vec<Range<usize>> {
        let within = trimmed(text, within);
        let offset = within.start;
        let body = &text[within];
        let mut pieces = Vec::new();
        self.cut(body, 0..body.len(), self.rules.levels(), &mut pieces);
        let mut ranges = self.merge(body, &pieces);
        for range in &mut ranges {
            *range = range.start + offset..range.end + offset;
        }
        ranges
    }

    /// Cuts a range into pieces of at most `size` characters at the first separator that helps,
    /// and what is still too long at the next one.
    fn cut(&self, text: &str, range: Range<usize>, by: &[Separator], out: &mut Vec<Range<usize>>) {
        let piece = &text[range.clone()];
        if piece.chars().count() <= self.size {
            if !piece.is_empty() {
                out.push(range);
            }
            return;
        }
        let Some((separator, finer)) = by.split_first() else {
            let mut start = range.start;
            while start < range.end {
                let end = start + last_cut(&text[start..range.end], self.size);
                out.push(start..end);
                start = end;
            }
            return;
        };
        let mut start = range.start;
        for end in separator.ends(piece) {
            let end = range.start + end;
            self.cut(text, start..end, finer, out);
            start = end;
        }
        self.cut(text, start..range.end, finer, out);
    }

    /// Joins neighboring pieces while they fit, and begins each passage with the end of the one
    /// before.
    fn merge(&self, text: &str, pieces: &[Range<usize>]) -> Vec<Range<usize>> {
        let mut passages = Vec::new();
        let mut emit = |range: Range<usize>| {
            let passage = trimmed(text, range);
            if !passage.is_empty() {
                passages.push(passage);
            }
        };
        let length = |range: &Range<usize>| text[range.clone()].chars().count();
        let mut current: Option<Range<usize>> = None;
        // White space alone brings nothing; what comes after it joins across it.
        for piece in pieces.iter().filter(|piece| !text[(*piece).clone()].trim().is_empty()) {
            current = Some(match current {
                None => piece.clone(),
                Some(range) if length(&(range.start..piece.end)) <= self.size => {
                    range.start..piece.end
                }
                Some(range) => {
                    let room = self.overlap.min(self.size.saturating_sub(length(piece)));
                    let start = overlap_start(text, &range, room, self.rules);
                    emit(range);
                    // What was skipped in between may have made it too long.
                    if length(&(start..piece.end)) <= self.size {
                        start..piece.end
                    } else {
                        piece.clone()
                    }
                }
            });
        }
        if let Some(range) = current {
            emit(range);
        }
        passages
    }
}

/// The range without the white space at both its ends; empty when there is nothing else.
pub(super) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let piece = &text[range.clone()];
    let start = range.start + (piece.len() - piece.trim_start().len());
    start..start + piece.trim().len()
}

/// Where the repeated end of a passage begins: at most `room` characters before its end, at the
/// start of a sentence if there is one, else of a clause, else of a word.
fn overlap_start(text: &str, passage: &Range<usize>, room: usize, rules: SentenceRules) -> usize {
    let body = &text[passage.clone()];
    let Some((earliest, _)) = room.checked_sub(1).and_then(|n| body.char_indices().nth_back(n))
    else {
        return passage.end;
    };
    if earliest == 0 {
        return passage.end;
    }
    // The whole passage is not repeated, not even without the white space before it.
    let first = match rules {
        SentenceRules::Marks => earliest,
        SentenceRules::Language => earliest.max(body.len() - body.trim_start().len() + 1),
    };
    let (sentences, inside_sentences) = rules.levels().split_at(3);
    for group in std::iter::once(sentences).chain(inside_sentences.chunks(1)) {
        let starts = group.iter().flat_map(|separator| separator.ends(body));
        if let Some(start) = starts.filter(|start| *start >= first).min() {
            return passage.start + start;
        }
    }
    // No separator at all: any character will do, as long as it does not lose its accent.
    let inside = body[earliest..].char_indices().map(|(i, _)| earliest + i);
    inside
        .into_iter()
        .find(|i| *i >= first && may_cut(body, *i))
        .map_or(passage.end, |i| passage.start + i)
}

/// The byte length of the longest beginning of at most `size` characters that does not part a
/// character from its accents; of `size` characters when there is none.
fn last_cut(text: &str, size: usize) -> usize {
    let Some((end, _)) = text.char_indices().nth(size) else {
        return text.len();
    };
    // More marks than this on one character are noise, and looking further would be slow.
    const MOST_MARKS: usize = 32;
    let candidates = text[..end].char_indices().rev().map(|(i, _)| i).take(MOST_MARKS);
    std::iter::once(end).chain(candidates).find(|i| *i > 0 && may_cut(text, *i)).unwrap_or(end)
}

/// Whether a cut at `position` keeps what a reader sees as one character together.
fn may_cut(text: &str, position: usize) -> bool {
    const JOINER: char = '\u{200D}';
    let before = text[..position].chars().next_back();
    let after = text[position..].chars().next();
    before != Some(JOINER) && !after.is_some_and(is_mark)
}

/// Combining marks, variation selectors and emoji modifiers (Unicode blocks of these names).
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{200D}' | '\u{20D0}'..='\u{20FF}' | '\u{3099}' | '\u{309A}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}'
        | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0100}'..='\u{E01EF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(size: usize, overlap: usize, text: &str, expected: &[&str]) {
        assert_eq!(Splitter::new(size, overlap).unwrap().split_text(text), expected, "{text:?}");
    }

    #[test]
    fn chinese_is_cut_after_its_sentence_ends() {
        check(8, 0, "年假十五天。病假十天！事假呢？", &["年假十五天。", "病假十天！", "事假呢？"]);
        check(12, 0, "他说：“可以。”然后走了。", &["他说：“可以。”", "然后走了。"]);
        check(8, 0, "真的吗？！当然……再见。", &["真的吗？！", "当然……再见。"]);
    }

    #[test]
    fn english_is_cut_after_its_sentence_ends_but_not_inside_numbers() {
        check(
            20,
            0,
            "It costs 3.5 euros. Pay now! Why?",
            &["It costs 3.5 euros.", "Pay now! Why?"],
        );
        check(12, 0, "See www.example.org for more", &["See", "www.example.", "org for more"]);
    }

    #[test]
    fn paragraphs_come_before_lines_and_lines_before_sentences() {
        check(12, 0, "one. two.\n\nthree. four.", &["one. two.", "three. four."]);
        check(12, 0, "one. two.\nthree. four.", &["one. two.", "three. four."]);
    }

    #[test]
    fn long_sentences_are_cut_after_commas_then_spaces_then_anywhere() {
        check(5, 0, "甲乙丙，丁戊己，庚辛", &["甲乙丙，", "丁戊己，", "庚辛"]);
        check(9, 0, "alpha beta gamma", &["alpha", "beta", "gamma"]);
        check(4, 0, "甲乙丙丁戊己庚", &["甲乙丙丁", "戊己庚"]);
    }

    #[test]
    fn a_passage_begins_with_the_last_sentence_of_the_one_before() {
        check(
            14,
            7,
            "第一句话。第二句话。第三句话。第四句话。",
            &["第一句话。第二句话。", "第二句话。第三句话。", "第三句话。第四句话。"],
        );
        check(
            16,
            6,
            "one two three four five six",
            &["one two three", "three four five", "five six"],
        );
        check(6, 2, "甲乙丙丁戊己庚辛", &["甲乙丙丁戊己", "戊己庚辛"]);
    }

    #[test]
    fn by_language_abbreviations_are_not_cut_and_semicolons_come_before_commas() {
        let check = |size, text: &str, expected: &[&str]| {
            let splitter =
                Splitter::new(size, 0).unwrap().with_sentence_rules(SentenceRules::Language);
            assert_eq!(splitter.split_text(text), expected, "{text:?}");
        };
        check(22, "Ask Dr. Okafor. See Fig. 3.", &["Ask Dr. Okafor.", "See Fig. 3."]);
        check(10, "先停机；再断电，等五分钟。", &["先停机；", "再断电，等五分钟。"]);
        check(10, "先断电，再等五分钟；然后开门。", &["先断电，再等五分钟；", "然后开门。"]);
    }

    #[test]
    fn a_letter_keeps_its_accent() {
        check(3, 0, "abe\u{301}cd", &["ab", "e\u{301}c", "d"]);
    }

    #[test]
    fn a_passage_never_reaches_across_pages() {
        let page = |n, text: &str| Section { page: Some(n), heading: None, text: text.to_owned() };
        let sections = [page(1, "第一页。"), page(2, "  \n "), page(3, "第三页。")];
        let passages = Splitter::default().split("a.pdf", &sections);
        let found: Vec<_> = passages.iter().map(|p| (p.page, p.text.as_str())).collect();
        assert_eq!(found, [(Some(1), "第一页。"), (Some(3), "第三页。")]);
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        assert_eq!(Splitter::new(0, 0), Err(SplitterError::NoSize));
        let error = Splitter::new(80, 80).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the overlap (80) must be smaller than the passage size (80)"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_covered_in_order_by_passages_that_fit(
            text in "([a-c]{1,9}|[甲乙丙]{1,9}|[。，.,;!?… \n”e\u{301}\u{200D}]){0,60}",
            size in 1_usize..40,
            overlap in 0_usize..40,
            rules in prop_oneof![Just(SentenceRules::Marks), Just(SentenceRules::Language)],
        ) {
            let overlap = overlap.min(size - 1);
            let splitter = Splitter::new(size, overlap).unwrap().with_sentence_rules(rules);
            let passages = splitter.split_text(&text);
            prop_assert_eq!(&passages, &splitter.split_text(&text));
            let mut covered = 0;
            let base = text.as_ptr() as usize;
            let mut last_start = None;
            for passage in passages {
                prop_assert!(!passage.trim().is_empty());
                prop_assert!(passage.chars().count() <= size);
                let start = passage.as_ptr() as usize - base;
                // By marks, a passage shorter than the overlap may be repeated whole; mending that
                // would change the fingerprints of knowledge bases that exist.
                let forward = match rules {
                    SentenceRules::Marks => last_start <= Some(start),
                    SentenceRules::Language => last_start < Some(start),
                };
                prop_assert!(forward, "passages are in order");
                last_start = Some(start);
                if start > covered {
                    prop_assert!(text[covered..start].trim().is_empty(), "text is lost");
                } else {
                    prop_assert!(text[start..covered].chars().count() <= overlap);
                }
                prop_assert!(start + passage.len() > covered, "a passage brings something new");
                covered = start + passage.len();
            }
            prop_assert!(text[covered..].trim().is_empty(), "text is lost at the end");
        }
    }
}
