//! How good a ranking is for one question.

use std::collections::BTreeMap;
use std::fmt;

use rag_core::Passage;
use serde::{Deserialize, Serialize};

use crate::place::Granularity;
use crate::question_set::Question;

/// A measure of one question, 0.0–1.0, higher is better; over a set, its mean.
///
/// Recall and precision at a rank: Manning, Raghavan and Schütze, "Introduction to Information
/// Retrieval", 2008, chapter 8. Reciprocal rank: Voorhees, "The TREC-8 Question Answering Track
/// Report", 1999. Discounted cumulative gain: Järvelin and Kekäläinen, "Cumulated gain-based
/// evaluation of IR techniques", ACM TOIS 20(4), 2002, with the discount log₂(rank + 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// The share of gold found by the first passage.
    #[serde(rename = "recall@1")]
    RecallAt1,
    /// The share of gold found by the first 5 passages.
    #[serde(rename = "recall@5")]
    RecallAt5,
    /// The share of gold found by the first 10 passages.
    #[serde(rename = "recall@10")]
    RecallAt10,
    /// 1 / the rank of the first passage that finds gold; 0 when none of the first 10 does. Its mean
    /// is the MRR.
    #[serde(rename = "MRR")]
    ReciprocalRank,
    /// DCG / ideal DCG over the first 10 passages; DCG = Σ gain / log₂(rank + 1), and a passage
    /// gains 1 for each gold that it is the first to find.
    #[serde(rename = "nDCG@10")]
    NdcgAt10,
    /// 1 when an answerable question was answered, 0 when it was refused.
    #[serde(rename = "answered")]
    Answered,
    /// 1 when an unanswerable question was refused, 0 when it was answered.
    #[serde(rename = "refused")]
    Refused,
}

impl Measure {
    /// All, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::RecallAt1,
        Self::RecallAt5,
        Self::RecallAt10,
        Self::ReciprocalRank,
        Self::NdcgAt10,
        Self::Answered,
        Self::Refused,
    ];

    /// Its usual name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RecallAt1 => "recall@1",
            Self::RecallAt5 => "recall@5",
            Self::RecallAt10 => "recall@10",
            Self::ReciprocalRank => "MRR",
            Self::NdcgAt10 => "nDCG@10",
            Self::Answered => "answered",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many passages of a ranking are looked at: more of them change no measure.
pub const DEPTH: usize = 10;

/// The measures that apply to a question: the ranking's for an answerable one, and whether it was
/// rightly answered or refused where `refused` says which. `passages` is ordered best first.
pub fn measure(
    question: &Question,
    passages: &[Passage],
    refused: Option<bool>,
    granularity: Granularity,
) -> BTreeMap<Measure, f64> {
    let as_value = |yes: bool| if yes { 1.0 } else { 0.0 };
    let mut values = BTreeMap::new();
    if !question.is_answerable() {
        values.extend(refused.map(|refused| (Measure::Refused, as_value(refused))));
        return values;
    }
    values.extend(refused.map(|refused| (Measure::Answered, as_value(!refused))));
    let ranks = first_ranks(question, passages, granularity);
    let gold = question.gold.len();
    let within = |k| ranks.iter().flatten().copied().filter(move |rank| *rank <= k);
    let recall = |k| within(k).count() as f64 / gold as f64;
    let discounted = |rank: usize| 1.0 / (rank as f64 + 1.0).log2();
    // From 0.0, since the sum of nothing is −0.0.
    let gain = within(DEPTH).map(discounted).fold(0.0, |sum, gain| sum + gain);
    // Several gold places may be found by one passage, while the ideal finds one with each: a gain
    // above it is cut to 1.
    let ideal: f64 = (1..=gold.min(DEPTH)).map(discounted).sum();
    let first = within(DEPTH).min();
    values.extend([
        (Measure::RecallAt1, recall(1)),
        (Measure::RecallAt5, recall(5)),
        (Measure::RecallAt10, recall(10)),
        (Measure::ReciprocalRank, first.map_or(0.0, |rank| 1.0 / rank as f64)),
        (Measure::NdcgAt10, (gain / ideal).min(1.0)),
    ]);
    values
}

/// For each gold of the question the rank, counted from 1, of the first passage that finds it.
pub fn first_ranks(
    question: &Question,
    passages: &[Passage],
    granularity: Granularity,
) -> Vec<Option<usize>> {
    let found = |passage: &Passage, places: &[crate::Place]| {
        places.iter().any(|place| place.holds(passage, granularity))
    };
    question
        .gold
        .iter()
        .map(|gold| passages.iter().position(|p| found(p, &gold.places)).map(|i| i + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::question_set::QuestionSet;

    fn question(pages: &[u32]) -> Question {
        let gold: Vec<String> =
            pages.iter().map(|page| format!(r#"{{"file":"a.pdf","page":{page}}}"#)).collect();
        let rest = if pages.is_empty() {
            r#""answerable":false"#.to_owned()
        } else {
            format!(r#""gold":[{}]"#, gold.join(","))
        };
        let line = format!(r#"{{"id":"q","question":"?","language":"en",{rest}}}"#);
        QuestionSet::parse(&line).unwrap().questions()[0].clone()
    }

    fn ranking(pages: &[u32]) -> Vec<Passage> {
        pages
            .iter()
            .map(|page| Passage {
                file: "a.pdf".into(),
                page: Some(*page),
                heading: None,
                text: "x".into(),
            })
            .collect()
    }

    /// Recall at 1, 5 and 10, reciprocal rank, nDCG.
    fn check(gold: &[u32], found: &[u32], expected: [f64; 5]) {
        let values = measure(&question(gold), &ranking(found), None, Granularity::Page);
        let found: Vec<f64> = Measure::ALL[..5].iter().map(|measure| values[measure]).collect();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} instead of {expected} in {values:?}");
        }
        assert_eq!(values.len(), 5);
    }

    #[test]
    fn one_gold_page() {
        check(&[7], &[7, 1, 2], [1.0, 1.0, 1.0, 1.0, 1.0]);
        // 1 / log2(3 + 1) = 0.5.
        check(&[7], &[1, 2, 7], [0.0, 1.0, 1.0, 1.0 / 3.0, 0.5]);
        check(&[7], &[1, 2, 3, 4, 5, 7], [0.0, 0.0, 1.0, 1.0 / 6.0, 1.0 / 7_f64.log2()]);
        check(&[7], &[1; 12], [0.0; 5]);
        check(&[7], &[], [0.0; 5]);
    }

    #[test]
    fn passages_of_one_page_gain_once() {
        check(&[7], &[7, 7, 7], [1.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn two_gold_pages_are_both_wanted() {
        // DCG = 1 + 1/log2(4) = 1.5, ideal = 1 + 1/log2(3).
        check(&[7, 8], &[7, 1, 8], [0.5, 1.0, 1.0, 1.0, 1.5 / (1.0 + 1.0 / 3_f64.log2())]);
        check(&[7, 8], &[8], [0.5, 0.5, 0.5, 1.0, 1.0 / (1.0 + 1.0 / 3_f64.log2())]);
    }

    #[test]
    fn what_is_found_after_the_tenth_does_not_count() {
        let mut found = vec![1; 10];
        found.push(7);
        check(&[7], &found, [0.0; 5]);
    }

    #[test]
    fn refusing_is_right_only_when_the_documents_do_not_answer() {
        let of = |gold: &[u32], refused| {
            measure(&question(gold), &ranking(&[7]), Some(refused), Granularity::Page)
        };
        assert_eq!(of(&[], true), BTreeMap::from([(Measure::Refused, 1.0)]));
        assert_eq!(of(&[], false), BTreeMap::from([(Measure::Refused, 0.0)]));
        assert_eq!(of(&[7], true)[&Measure::Answered], 0.0);
        assert_eq!(of(&[7], false)[&Measure::Answered], 1.0);
        assert!(measure(&question(&[]), &[], None, Granularity::Page).is_empty());
    }

    proptest! {
        #[test]
        fn measures_stay_in_range_and_rise_with_depth(
            gold in prop::collection::btree_set(1_u32..8, 1..5),
            found in prop::collection::vec(1_u32..12, 0..15),
        ) {
            let gold: Vec<u32> = gold.into_iter().collect();
            let values = measure(&question(&gold), &ranking(&found), Some(false), Granularity::Page);
            prop_assert!(values.values().all(|value| (0.0..=1.0).contains(value)), "{values:?}");
            prop_assert!(values[&Measure::RecallAt1] <= values[&Measure::RecallAt5]);
            prop_assert!(values[&Measure::RecallAt5] <= values[&Measure::RecallAt10]);
            // The gold pages first is the best there is.
            let best = measure(&question(&gold), &ranking(&gold), None, Granularity::Page);
            prop_assert!((best[&Measure::NdcgAt10] - 1.0).abs() < 1e-12);
        }
    }
}
