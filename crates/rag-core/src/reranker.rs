//! Question and passage read together: the trait, what its logits mean, and the order they make.

use crate::calibration::{Calibration, CalibrationError, Fit, Judged, logistic};
use crate::retrieval::Evidence;

/// Passages reranked when nothing else was decided.
pub const RERANKED: usize = 20;

/// Everything about a reranker that changes its logits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RerankerIdentity {
    /// The model's name, as in its description file.
    pub name: String,
    /// The version its description file declares.
    pub version: String,
    /// Question and passage together are cut after this many tokens.
    pub max_tokens: usize,
    /// SHA-256 of the model file, 64 lower-case hex digits.
    pub model_sha256: String,
}

/// Reranking failed; the message names the model and the cause.
#[derive(Debug, thiserror::Error)]
#[error("reranking with {model}: {cause}")]
pub struct RerankError {
    /// The model's name.
    pub model: String,
    /// What went wrong, one clause.
    pub cause: String,
}

/// Says of a question and a passage, read together, how well the one answers the other.
///
/// A passage's logit depends on the question and that passage alone, never on what else is scored in
/// the same call.
pub trait Reranker: Send + Sync {
    /// What makes this model's logits what they are.
    fn identity(&self) -> &RerankerIdentity;

    /// One logit per passage, in their order: the higher, the better it answers the question. Finite, and
    /// on no scale that another model shares.
    fn score(&self, question: &str, passages: &[&str]) -> Result<Vec<f32>, RerankError>;

    /// What its logits mean, when its description says so.
    fn calibration(&self) -> Option<LogitCurve>;
}

/// A logistic curve from a reranker's logit to the probability that the passage answers the question:
/// 1 / (1 + e^−(slope · logit + offset)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogitCurve {
    slope: f64,
    offset: f64,
}

/// Coefficients that make no rising curve.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "a reranker's calibration needs a positive slope and finite numbers, not slope {slope} and offset {offset}"
)]
pub struct BadCurve {
    /// The factor of the logit.
    pub slope: f64,
    /// What is added.
    pub offset: f64,
}

impl LogitCurve {
    /// A curve with the coefficients a reranker's description declares.
    ///
    /// # Errors
    /// When the slope is not positive, or a number is not finite.
    pub fn new(slope: f64, offset: f64) -> Result<Self, BadCurve> {
        if slope.is_finite() && offset.is_finite() && slope > 0.0 {
            Ok(Self { slope, offset })
        } else {
            Err(BadCurve { slope, offset })
        }
    }

    /// Fits the curve to the best logits of judged questions, as [`Calibration::fit`] does for what is known of a passage
    /// without a reranker. Of each question: the logits of the passages found for it, at least one, and whether the documents
    /// answer it.
    ///
    /// # Errors
    /// When there are too few questions of either kind, a logit is not a number, or a higher one does not mean an answer.
    pub fn fit(questions: &[(Vec<f32>, bool)]) -> Result<Fit<Self>, CalibrationError> {
        let evidence = |logit: &f32| Evidence { cosine: *logit, words: 0.0 };
        let judged = |(logits, answerable): &(Vec<f32>, bool)| Judged {
            found: logits.iter().map(evidence).collect(),
            answerable: *answerable,
        };
        let fit = Calibration::fit(&questions.iter().map(judged).collect::<Vec<_>>())?;
        let (slope, offset) = (fit.calibration.cosine(), fit.calibration.intercept());
        let Fit { answerable, unanswerable, log_loss, answered, refused, .. } = fit;
        let calibration =
            Self::new(slope, offset).map_err(|_| CalibrationError::TellsNothing(slope))?;
        Ok(Fit { calibration, answerable, unanswerable, log_loss, answered, refused })
    }

    /// The factor of the logit; always positive.
    pub fn slope(&self) -> f64 {
        self.slope
    }

    /// What is added.
    pub fn offset(&self) -> f64 {
        self.offset
    }

    /// How likely a passage with this logit answers the question, 0.0–1.0.
    pub fn probability(&self, logit: f32) -> f64 {
        logistic(self.slope * f64::from(logit) + self.offset)
    }
}

/// The candidates that have a logit, highest first and equal ones in the order they came, each with its
/// own; behind them those past the last logit, as they were.
pub fn by_logit<T>(candidates: Vec<T>, logits: &[f32]) -> Vec<(T, Option<f32>)> {
    let logits = logits.iter().copied().map(Some).chain(std::iter::repeat(None));
    let mut ordered: Vec<(T, Option<f32>)> = candidates.into_iter().zip(logits).collect();
    // Stable, and no logit is below every logit.
    ordered.sort_by(|(_, a), (_, b)| match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_logit_comes_first_and_equal_ones_keep_their_order() {
        for (logits, expected) in [
            (&[0.5, -1.0, 2.0, 0.5][..], "CADBEF"),
            (&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0][..], "ABCDEF"),
            (&[-9.0][..], "ABCDEF"),
            (&[-9.0, -8.0][..], "BACDEF"),
            (&[][..], "ABCDEF"),
        ] {
            let ordered = by_logit("ABCDEF".chars().collect(), logits);
            let order: String = ordered.iter().map(|(letter, _)| *letter).collect();
            assert_eq!(order, expected, "{logits:?}");
            let known = ordered.iter().filter(|(_, logit)| logit.is_some()).count();
            assert_eq!(known, logits.len());
        }
    }

    #[test]
    fn a_curve_rises_and_crosses_one_half_where_its_coefficients_say() {
        let curve = LogitCurve::new(2.0, -3.0).unwrap();
        assert_eq!(curve.probability(1.5), 0.5);
        assert!(curve.probability(1.6) > 0.5 && curve.probability(1.4) < 0.5);
        // Far out it saturates instead of overflowing.
        assert_eq!((curve.probability(f32::MAX), curve.probability(f32::MIN)), (1.0, 0.0));
        assert_eq!((curve.slope(), curve.offset()), (2.0, -3.0));
        for (slope, offset) in [(0.0, 0.0), (-1.0, 0.0), (f64::NAN, 0.0), (1.0, f64::INFINITY)] {
            assert!(LogitCurve::new(slope, offset).is_err(), "{slope} {offset}");
        }
    }
    #[test]
    fn a_curve_is_fitted_to_the_best_logits() {
        let truth = LogitCurve::new(1.5, -3.0).unwrap();
        let mut questions = Vec::new();
        for at in 0..80_u16 {
            let logit = f32::from(at) / 10.0 - 2.0;
            let answered = (truth.probability(logit) * 50.0).round() as usize;
            // A worse passage was found besides, which does not count.
            questions.extend((0..50).map(|n| (vec![logit - 5.0, logit], n < answered)));
        }
        let fit = LogitCurve::fit(&questions).unwrap();
        let curve = fit.calibration;
        assert!(
            (curve.slope() - 1.5).abs() < 0.05 && (curve.offset() + 3.0).abs() < 0.3,
            "{fit:?}"
        );
        assert!(fit.answered > 0.8 && fit.refused > 0.8 && fit.log_loss < 0.4, "{fit:?}");
        questions.iter_mut().for_each(|(_, answerable)| *answerable = !*answerable);
        assert!(matches!(LogitCurve::fit(&questions), Err(CalibrationError::TellsNothing(_))));
        let few = &questions[..12];
        assert!(matches!(LogitCurve::fit(few), Err(CalibrationError::TooFew { .. })));
    }
}
