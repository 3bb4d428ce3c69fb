//! Scores that mean the same for every embedding: how likely the documents answer a question of which
//! this is the best passage.
//!
//! A cosine of 0.8 is near for one embedding and far for another, and the words that question and passage
//! share tell as much again. A logistic curve per embedding, fitted on questions of which it is known
//! whether the documents answer them, turns both into one probability, so that one threshold can say
//! "not in the documents" for all of them.

mod likelihood;

use crate::retrieval::Evidence;
pub(crate) use likelihood::logistic;
use likelihood::{Best, best, dot, softplus};

/// A logistic curve from what is known of a passage to a probability:
/// 1 / (1 + e^−(cosine · c + words · w + intercept)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    cosine: f64,
    words: f64,
    intercept: f64,
}

/// The probability from which on a passage counts as answering the question, when nothing else was
/// decided: more likely than not.
pub const MIN_SCORE: f32 = 0.5;

/// How steep the curve of an embedding is that only names a threshold: between those measured for
/// multilingual-e5-small and all-MiniLM-L6-v2.
const USUAL_STEEPNESS: f64 = 20.0;

/// A question of which somebody knows whether the documents answer it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// How near the passages are that were found for it, at least one.
    pub found: Vec<Evidence>,
    /// Whether the documents answer it.
    pub answerable: bool,
}

/// A fitted curve, and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit<Curve = Calibration> {
    /// The curve.
    pub calibration: Curve,
    /// Questions it was fitted on that the documents answer.
    pub answerable: usize,
    /// Questions it was fitted on that they do not.
    pub unanswerable: usize,
    /// Mean negative log-likelihood of the judgments, natural logarithm, both kinds weighing alike; a
    /// coin has 0.693.
    pub log_loss: f64,
    /// The share of answerable questions at 0.5 or above.
    pub answered: f64,
    /// The share of the others below 0.5.
    pub refused: f64,
}

/// Why there is no curve.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// A curve between two kinds needs both.
    #[error(
        "{answerable} questions with an answer in the documents and {unanswerable} without are too few \
         to calibrate on: at least {FEWEST} of each are needed"
    )]
    TooFew {
        /// Questions with an answer.
        answerable: usize,
        /// Questions without.
        unanswerable: usize,
    },
    /// A score that is not a number, or no score.
    #[error("a score of question {0} is not a number, or nothing was found for it")]
    NotANumber(usize),
    /// Questions without an answer find passages that score as high as those with one.
    #[error(
        "higher scores do not mean an answer here (factor {0}): these scores tell nothing apart"
    )]
    TellsNothing(f64),
    /// Coefficients that make no rising curve.
    #[error(
        "a calibration needs a positive factor of the cosine, none below 0 of the words, and finite numbers, not cosine {cosine}, words {words} and intercept {intercept}"
    )]
    BadCoefficients {
        /// The factor of the cosine.
        cosine: f64,
        /// The factor of the words.
        words: f64,
        /// What is added.
        intercept: f64,
    },
}

/// The fewest questions of each kind: with fewer, the curve is a guess.
pub const FEWEST: usize = 10;

impl Calibration {
    /// A curve with known coefficients, such as those an embedding's description declares.
    ///
    /// # Errors
    /// When the factor of the cosine is not positive, that of the words is negative, or a number is not
    /// finite.
    pub fn new(cosine: f64, words: f64, intercept: f64) -> Result<Self, CalibrationError> {
        let finite = [cosine, words, intercept].iter().all(|number| number.is_finite());
        if finite && cosine > 0.0 && words >= 0.0 {
            Ok(Self { cosine, words, intercept })
        } else {
            Err(CalibrationError::BadCoefficients { cosine, words, intercept })
        }
    }

    /// The curve of an embedding of which only a threshold is known: the cosine at which a passage
    /// answers as likely as not.
    pub fn from_threshold(cosine: f32) -> Self {
        let threshold = f64::from(cosine);
        Self { cosine: USUAL_STEEPNESS, words: 0.0, intercept: -USUAL_STEEPNESS * threshold }
    }

    /// The factor of the cosine; always positive.
    pub fn cosine(&self) -> f64 {
        self.cosine
    }

    /// The factor of the share of words; never negative.
    pub fn words(&self) -> f64 {
        self.words
    }

    /// What is added.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// How likely the documents answer a question whose best passage this is, when as many questions have
    /// an answer as have none, 0.0–1.0. Rises with the cosine and with the words.
    pub fn probability(&self, evidence: Evidence) -> f64 {
        let (cosine, words) = (f64::from(evidence.cosine), f64::from(evidence.words));
        logistic(self.cosine * cosine + self.words * words + self.intercept)
    }

    /// Fits the curve to the best passages of judged questions by maximum likelihood, with the two kinds'
    /// targets drawn in from 1 and 0 so that separable ones give finite factors: (n₊ + 1) / (n₊ + 2) and
    /// 1 / (n₋ + 2). Platt, "Probabilistic Outputs for Support Vector Machines", 1999; by Newton's
    /// method with backtracking, as in Lin, Lin and Weng, "A note on Platt's probabilistic outputs
    /// for support vector machines", Machine Learning 68, 2007, here with two scores. Both kinds weigh
    /// alike, so that 0.5 does not depend on how many questions of each a set has. Which passage of a
    /// question is the best is decided by the curve itself, in turns. Where more words would speak
    /// against an answer, words are left out.
    ///
    /// The order of questions does not matter beyond rounding, and nothing is drawn at random.
    ///
    /// # Errors
    /// When a kind has too few questions, a score is not a number, or nearer passages do not mean an
    /// answer.
    pub fn fit(questions: &[Judged]) -> Result<Fit, CalibrationError> {
        let finite =
            |evidence: &Evidence| evidence.cosine.is_finite() && evidence.words.is_finite();
        let good =
            |question: &Judged| !question.found.is_empty() && question.found.iter().all(finite);
        if let Some(position) = questions.iter().position(|question| !good(question)) {
            return Err(CalibrationError::NotANumber(position));
        }
        let answerable = questions.iter().filter(|question| question.answerable).count();
        let unanswerable = questions.len() - answerable;
        if answerable < FEWEST || unanswerable < FEWEST {
            return Err(CalibrationError::TooFew { answerable, unanswerable });
        }
        let factors = likelihood::fit(questions);
        let [cosine, words, intercept] = factors;
        let calibration = Self::new(cosine, words, intercept)
            .map_err(|_| CalibrationError::TellsNothing(cosine))?;
        let best: Vec<Best> = questions.iter().map(|question| best(question, &factors)).collect();
        let (mut log_loss, mut answered, mut refused) = (0.0, 0, 0);
        for Best { row, answerable: yes } in &best {
            let margin = dot(row, &factors);
            let kind = if *yes { answerable } else { unanswerable };
            log_loss += softplus(if *yes { -margin } else { margin }) / (2 * kind) as f64;
            answered += usize::from(*yes && margin >= 0.0);
            refused += usize::from(!*yes && margin < 0.0);
        }
        Ok(Fit {
            calibration,
            answerable,
            unanswerable,
            log_loss,
            answered: answered as f64 / answerable as f64,
            refused: refused as f64 / unanswerable as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(cosine: f64, words: f64) -> Evidence {
        Evidence { cosine: cosine as f32, words: words as f32 }
    }

    /// Questions whose answerability follows a known curve: at each point, the share that it says.
    fn questions(truth: (f64, f64, f64), low: f64, high: f64) -> Vec<Judged> {
        let truth = Calibration::new(truth.0, truth.1, truth.2).unwrap();
        let mut questions = Vec::new();
        for i in 0..40 {
            for words in [0.0, 0.25, 0.5, 1.0] {
                let evidence = at(low + (high - low) * f64::from(i) / 39.0, words);
                let share = (truth.probability(evidence) * 100.0).round() as usize;
                // A worse passage was found besides, which must not count.
                let found = vec![at(low - 1.0, 0.0), evidence];
                questions.extend(
                    (0..100).map(|j| Judged { found: found.clone(), answerable: j < share }),
                );
            }
        }
        questions
    }

    fn close(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() <= within, "{found} is not within {within} of {expected}");
    }

    /// Like multilingual-e5-small, whose cosines crowd between 0.7 and 0.95, and like MiniLM.
    const CURVES: [((f64, f64, f64), f64, f64); 2] =
        [((60.0, 3.0, -50.8), 0.70, 0.95), ((12.0, 2.0, -5.7), -0.1, 0.9)];

    #[test]
    fn a_known_curve_is_found_again() {
        for (truth, low, high) in CURVES {
            let curve = Calibration::fit(&questions(truth, low, high)).unwrap().calibration;
            close(curve.cosine(), truth.0, 0.05 * truth.0);
            close(curve.words(), truth.1, 0.05 * truth.1);
            // Both kinds weigh alike, which moves nothing but the intercept, and here hardly that: about
            // as many questions have an answer as have none.
            close(curve.intercept(), truth.2, 0.05 * truth.2.abs());
        }
    }

    #[test]
    fn one_threshold_means_the_same_for_two_embeddings() {
        let [e5, minilm] = CURVES.map(|(truth, low, high)| {
            Calibration::fit(&questions(truth, low, high)).unwrap().calibration
        });
        // The same cosine is far for one and near for the other.
        let passage = at(0.75, 0.3);
        assert!(e5.probability(passage) < 0.05 && minilm.probability(passage) > 0.95);
    }

    #[test]
    fn words_that_speak_against_an_answer_are_left_out() {
        let questions: Vec<Judged> = (0..400)
            .map(|i| {
                let cosine = f64::from(i) / 400.0;
                let answerable = (i * 7) % 400 < i;
                let words = if answerable { 0.1 } else { 0.9 };
                Judged { found: vec![at(cosine, words)], answerable }
            })
            .collect();
        let curve = Calibration::fit(&questions).unwrap().calibration;
        assert_eq!(curve.words(), 0.0);
        assert!(curve.cosine() > 0.0);
    }

    #[test]
    fn how_many_questions_there_are_of_each_kind_does_not_move_the_middle() {
        let few: Vec<Judged> = (0..200)
            .map(|i| Judged {
                found: vec![at(f64::from(i) / 200.0, 0.0)],
                answerable: (i * 7) % 200 < i,
            })
            .collect();
        let mut many = few.clone();
        for _ in 0..9 {
            many.extend(few.iter().filter(|question| question.answerable).cloned());
        }
        let middle = |questions: &[Judged]| {
            let curve = Calibration::fit(questions).unwrap().calibration;
            -curve.intercept() / curve.cosine()
        };
        close(middle(&few), middle(&many), 0.02);
    }

    #[test]
    fn a_threshold_alone_makes_a_curve_that_crosses_one_half_there() {
        let curve = Calibration::from_threshold(0.855);
        close(curve.probability(at(0.855, 1.0)), 0.5, 1e-5);
        assert!(curve.probability(at(0.9, 0.0)) > 0.6 && curve.probability(at(0.8, 0.0)) < 0.4);
    }

    #[test]
    fn separable_pairs_give_a_finite_curve() {
        let questions: Vec<Judged> = (0..40)
            .map(|i| Judged { found: vec![at(f64::from(i) / 40.0, 0.0)], answerable: i >= 20 })
            .collect();
        let fit = Calibration::fit(&questions).unwrap();
        let curve = fit.calibration;
        assert!(curve.cosine().is_finite());
        close(curve.probability(at(19.5 / 40.0, 0.0)), 0.5, 0.2);
        assert!(fit.log_loss < 0.2 && fit.answered == 1.0 && fit.refused == 1.0, "{fit:?}");
    }

    #[test]
    fn the_order_of_questions_does_not_matter() {
        let mut questions = questions(CURVES[1].0, -0.1, 0.9);
        let forwards = Calibration::fit(&questions).unwrap().calibration;
        questions.reverse();
        let backwards = Calibration::fit(&questions).unwrap().calibration;
        close(forwards.cosine(), backwards.cosine(), 1e-6);
        close(forwards.intercept(), backwards.intercept(), 1e-6);
    }

    #[test]
    fn questions_that_cannot_be_fitted_on_are_refused_with_the_reason() {
        let question = |score: f64, answerable| Judged { found: vec![at(score, 0.5)], answerable };
        let few = vec![question(0.5, true); 40];
        assert_eq!(
            Calibration::fit(&few).unwrap_err().to_string(),
            "40 questions with an answer in the documents and 0 without are too few to calibrate on: at least 10 of each are needed"
        );
        let mut broken = vec![question(0.5, true); 20];
        broken[3].found[0].cosine = f32::NAN;
        assert_eq!(Calibration::fit(&broken), Err(CalibrationError::NotANumber(3)));
        broken[3].found.clear();
        assert_eq!(Calibration::fit(&broken), Err(CalibrationError::NotANumber(3)));
        let reversed: Vec<Judged> =
            (0..40).map(|i| question(f64::from(i) / 40.0, i < 20)).collect();
        assert!(
            matches!(Calibration::fit(&reversed), Err(CalibrationError::TellsNothing(slope)) if slope < 0.0)
        );
        let equal: Vec<Judged> = (0..40).map(|i| question(0.5, i < 20)).collect();
        assert!(matches!(Calibration::fit(&equal), Err(CalibrationError::TellsNothing(_))));
        assert!(Calibration::new(-1.0, 0.0, 0.0).is_err());
        assert!(Calibration::new(1.0, -1.0, 0.0).is_err());
        assert!(Calibration::new(1.0, 0.0, f64::NAN).is_err());
    }

    #[test]
    fn extreme_scores_stay_between_0_and_1() {
        let curve = Calibration::new(1e6, 0.0, -5e5).unwrap();
        assert_eq!(curve.probability(at(1.0, 0.0)), 1.0);
        assert_eq!(curve.probability(at(-1.0, 0.0)), 0.0);
    }
}
