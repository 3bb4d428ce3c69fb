//! How well a score tells questions that the documents answer from those they do not, and where a
//! threshold between them lies.

use serde::{Deserialize, Serialize};

/// The best score that was found for a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// The score of the best passage: a cosine, a reranker's score or a probability. Negative
    /// infinity when nothing was found.
    pub score: f32,
    /// Whether the documents answer the question.
    pub answerable: bool,
}

/// How well scores separate the two kinds of questions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Separation {
    /// How many questions the documents answer.
    pub answerable: usize,
    /// How many they do not.
    pub unanswerable: usize,
    /// How often an answerable question scores higher than an unanswerable one, ties counted half:
    /// the area under the ROC curve, 0.5 for a coin, 1.0 for a perfect score. Hanley and McNeil,
    /// "The Meaning and Use of the Area under a ROC Curve", Radiology 143, 1982.
    pub area: f64,
    /// The threshold with the largest answered + refused (Youden, "Index for rating diagnostic
    /// tests", Cancer 3, 1950), halfway between two scores; of equal ones the lowest, which refuses
    /// least.
    pub threshold: f32,
    /// The share of answerable questions answered at that threshold.
    pub answered: f64,
    /// The share of unanswerable questions refused at that threshold.
    pub refused: f64,
}

/// How well the best scores separate answerable from unanswerable questions. `None` when there is
/// none of one kind, or a score is not a number.
///
/// The threshold is fitted to these questions: on others it does a little worse.
pub fn separate(found: &[Best]) -> Option<Separation> {
    if found.iter().any(|best| best.score.is_nan()) {
        return None;
    }
    let answerable = found.iter().filter(|best| best.answerable).count();
    let unanswerable = found.len() - answerable;
    if answerable == 0 || unanswerable == 0 {
        return None;
    }
    let mut sorted = found.to_vec();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    // Going up, a threshold just below each score refuses what has been passed.
    let (mut lost, mut refused) = (0_usize, 0_usize);
    let mut wins = 0.0;
    let mut best: Option<(f64, f32, usize, usize)> = None;
    let mut below = None;
    for group in sorted.chunk_by(|a, b| a.score == b.score) {
        let score = group[0].score;
        let index = refused as f64 / unanswerable as f64 - lost as f64 / answerable as f64;
        if best.is_none_or(|(highest, ..)| index > highest) {
            best = Some((index, between(below, score), lost, refused));
        }
        let yes = group.iter().filter(|best| best.answerable).count();
        let no = group.len() - yes;
        wins += yes as f64 * (refused as f64 + no as f64 / 2.0);
        lost += yes;
        refused += no;
        below = Some(score);
    }
    let (_, threshold, lost, refused) = best?;
    Some(Separation {
        answerable,
        unanswerable,
        area: wins / (answerable as f64 * unanswerable as f64),
        threshold,
        answered: 1.0 - lost as f64 / answerable as f64,
        refused: refused as f64 / unanswerable as f64,
    })
}

/// A threshold that the upper score reaches and the lower one does not.
fn between(below: Option<f32>, above: f32) -> f32 {
    match below {
        Some(below) if below.is_finite() => {
            let middle = below + (above - below) / 2.0;
            // Neighboring numbers have nothing between them.
            if middle > below { middle } else { above }
        }
        Some(_) | None => above,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn best(score: f32, answerable: bool) -> Best {
        Best { score, answerable }
    }

    #[test]
    fn scores_that_separate_have_an_area_of_1_and_a_threshold_between() {
        let found = separate(&[best(0.9, true), best(0.8, true), best(0.6, false)]).unwrap();
        assert_eq!((found.area, found.answered, found.refused), (1.0, 1.0, 1.0));
        assert!((found.threshold - 0.7).abs() < 1e-6);
        assert_eq!((found.answerable, found.unanswerable), (2, 1));
    }

    #[test]
    fn scores_that_overlap_have_their_pairs_counted() {
        // Pairs: 0.9 > 0.7, 0.9 > 0.5, 0.6 < 0.7, 0.6 > 0.5: three of four.
        let found =
            separate(&[best(0.9, true), best(0.6, true), best(0.7, false), best(0.5, false)])
                .unwrap();
        assert_eq!(found.area, 0.75);
        // At 0.55 all are answered and half refused; at 0.8 half are answered and all refused.
        assert!((found.threshold - 0.55).abs() < 1e-6);
        assert_eq!((found.answered, found.refused), (1.0, 0.5));
    }

    #[test]
    fn equal_scores_are_a_coin_and_refuse_nothing() {
        let found = separate(&[best(0.5, true), best(0.5, false)]).unwrap();
        assert_eq!((found.area, found.answered, found.refused), (0.5, 1.0, 0.0));
        assert_eq!(found.threshold, 0.5);
    }

    #[test]
    fn finding_nothing_is_below_every_score() {
        let found = separate(&[best(0.1, true), best(f32::NEG_INFINITY, false)]).unwrap();
        assert_eq!((found.area, found.threshold, found.refused), (1.0, 0.1, 1.0));
    }

    #[test]
    fn one_kind_alone_says_nothing() {
        assert_eq!(separate(&[best(0.5, true)]), None);
        assert_eq!(separate(&[]), None);
        assert_eq!(separate(&[best(f32::NAN, true), best(0.5, false)]), None);
    }

    proptest! {
        #[test]
        fn the_threshold_does_what_it_says_and_no_score_does_better(
            questions in prop::collection::vec((0_u8..20, any::<bool>()), 2..30),
        ) {
            let found: Vec<Best> =
                questions.iter().map(|(s, a)| best(f32::from(*s) / 20.0, *a)).collect();
            let Some(separation) = separate(&found) else { return Ok(()) };
            let at = |threshold: f32| {
                let share = |answerable, reached: bool| {
                    let of: Vec<_> = found.iter().filter(|b| b.answerable == answerable).collect();
                    let hits = of.iter().filter(|b| (b.score >= threshold) == reached).count();
                    hits as f64 / of.len() as f64
                };
                (share(true, true), share(false, false))
            };
            let (answered, refused) = at(separation.threshold);
            prop_assert!((answered - separation.answered).abs() < 1e-9);
            prop_assert!((refused - separation.refused).abs() < 1e-9);
            for other in &found {
                let (a, r) = at(other.score);
                prop_assert!(a + r <= answered + refused + 1e-9);
            }
        }
    }
}
