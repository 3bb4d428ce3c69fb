//! Which passages an answer may rest on, how it cites them, and what is said when there are none.

use crate::passage::Passage;

/// A passage found for a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieved {
    /// The passage.
    pub passage: Passage,
    /// How likely it answers the question, 0.0–1.0 ([`crate::Chosen::probability`]).
    pub score: f32,
}

/// A passage the answer rests on, numbered as the prompt numbers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation {
    /// The number the answer refers to as `[n]`, counted from 1.
    pub n: usize,
    /// The passage and its score.
    pub retrieved: Retrieved,
}

/// Whether the documents can answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answerable {
    /// At least one passage is near enough; best first.
    FromDocuments(Vec<Retrieved>),
    /// No passage reaches the threshold: the answer says so and cites nothing.
    NotInDocuments {
        /// The best score there was; `None` when nothing was found at all.
        best: Option<f32>,
    },
}

/// Keeps the passages whose score reaches `min_score`, a probability. `found` keeps its order.
pub fn judge(found: Vec<Retrieved>, min_score: f32) -> Answerable {
    let best = found.iter().map(|retrieved| retrieved.score).reduce(f32::max);
    let kept: Vec<_> = found.into_iter().filter(|retrieved| retrieved.score >= min_score).collect();
    if kept.is_empty() {
        Answerable::NotInDocuments { best }
    } else {
        Answerable::FromDocuments(kept)
    }
}

/// Numbers passages as the prompt numbers them.
pub fn cite(passages: Vec<Retrieved>) -> Vec<Citation> {
    passages
        .into_iter()
        .enumerate()
        .map(|(i, retrieved)| Citation { n: i + 1, retrieved })
        .collect()
}

/// The languages the product speaks by itself; models may speak more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, and whatever is not Chinese.
    English,
    /// Chinese.
    Chinese,
}

impl Language {
    /// Chinese when a Han character appears: even one in a mostly Latin question ("Wi-Fi 密码?")
    /// means the asker reads Chinese, while Chinese never sneaks into an English question.
    pub fn of(text: &str) -> Self {
        if text.chars().any(is_han) { Self::Chinese } else { Self::English }
    }

    /// What is answered when the documents do not say.
    pub fn not_in_documents(self) -> &'static str {
        match self {
            Self::English => "The documents do not contain the answer to this question.",
            Self::Chinese => "文档中没有这个问题的答案。",
        }
    }
}

/// CJK Unified Ideographs with Extension A and the compatibility block (Unicode 16, chapter 18).
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(scores: &[f32]) -> Vec<Retrieved> {
        scores
            .iter()
            .map(|&score| Retrieved {
                passage: Passage {
                    file: "handbook.pdf".into(),
                    page: Some(1),
                    heading: None,
                    text: format!("scored {score}"),
                },
                score,
            })
            .collect()
    }

    #[test]
    fn passages_below_the_threshold_are_not_given_to_the_model() {
        let Answerable::FromDocuments(kept) = judge(found(&[0.9, 0.8, 0.2]), 0.8) else {
            panic!("two passages reach the threshold")
        };
        assert_eq!(kept.iter().map(|r| r.score).collect::<Vec<_>>(), [0.9, 0.8]);
    }

    #[test]
    fn nothing_near_enough_means_not_in_the_documents() {
        assert_eq!(judge(found(&[0.3]), 0.8), Answerable::NotInDocuments { best: Some(0.3) });
        assert_eq!(judge(vec![], 0.8), Answerable::NotInDocuments { best: None });
    }

    #[test]
    fn one_han_character_makes_a_question_chinese() {
        assert_eq!(Language::of("Wi-Fi 密码是什么？"), Language::Chinese);
        assert_eq!(Language::of("What is the café's naïve password?"), Language::English);
    }
}
