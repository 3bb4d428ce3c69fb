//! Scores that mean the same for every embedding: how likely a passage answers the question.
//!
//! A cosine of 0.8 is near for one embedding and far for another. A logistic curve per embedding,
//! fitted on pairs whose relevance is known, turns both into probabilities, so that one threshold
//! can say "not in the documents" for all of them.

/// A logistic curve from an embedding's scores to probabilities: 1 / (1 + e^−(slope · score +
/// intercept)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    slope: f64,
    intercept: f64,
}

/// A score whose relevance somebody has judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// What the embedding, or a reranker, gave the question and the passage.
    pub score: f32,
    /// Whether the passage answers the question.
    pub relevant: bool,
}

/// A fitted curve, and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// The curve.
    pub calibration: Calibration,
    /// Pairs it was fitted on that are relevant.
    pub relevant: usize,
    /// Pairs it was fitted on that are not.
    pub irrelevant: usize,
    /// Mean negative log-likelihood of the judgments, natural logarithm; a coin has 0.693.
    pub log_loss: f64,
    /// Mean squared distance of the probabilities from the judgments (Brier 1950); a coin has 0.25.
    pub brier: f64,
}

/// Why there is no curve.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// A curve between two kinds needs both.
    #[error(
        "{relevant} relevant and {irrelevant} irrelevant pairs are too few to calibrate on: at least \
         {FEWEST} of each are needed"
    )]
    TooFew {
        /// Relevant pairs.
        relevant: usize,
        /// Irrelevant pairs.
        irrelevant: usize,
    },
    /// A score that is not a number.
    #[error("the score of pair {0} is not a number")]
    NotANumber(usize),
    /// Irrelevant pairs score as high as relevant ones.
    #[error(
        "higher scores are not more often relevant here (slope {0}): these scores tell nothing apart"
    )]
    TellsNothing(f64),
    /// Coefficients that make no rising curve.
    #[error(
        "a calibration needs a positive slope and finite numbers, not slope {slope} and intercept {intercept}"
    )]
    BadCoefficients {
        /// The slope given.
        slope: f64,
        /// The intercept given.
        intercept: f64,
    },
}

/// The fewest pairs of each kind: with fewer, the curve is a guess.
pub const FEWEST: usize = 10;

impl Calibration {
    /// A curve with known coefficients, such as those an embedding's description declares.
    ///
    /// # Errors
    /// When the slope is not positive, or a number is not finite.
    pub fn new(slope: f64, intercept: f64) -> Result<Self, CalibrationError> {
        if slope > 0.0 && slope.is_finite() && intercept.is_finite() {
            Ok(Self { slope, intercept })
        } else {
            Err(CalibrationError::BadCoefficients { slope, intercept })
        }
    }

    /// The factor of the score; always positive.
    pub fn slope(&self) -> f64 {
        self.slope
    }

    /// What is added.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// How likely a passage with this score answers the question, 0.0–1.0. Rises with the score.
    pub fn probability(&self, score: f32) -> f64 {
        logistic(self.slope * f64::from(score) + self.intercept)
    }

    /// The score at which the probability is reached: what a threshold of `probability` (above 0.0,
    /// below 1.0) means in this embedding's own scores. Outside of it, an infinity.
    pub fn score_at(&self, probability: f64) -> f64 {
        ((probability / (1.0 - probability)).ln() - self.intercept) / self.slope
    }

    /// Fits the curve to judged pairs by maximum likelihood, with the two kinds' targets drawn in
    /// from 1 and 0 so that separable pairs give a finite slope: (n₊ + 1) / (n₊ + 2) and
    /// 1 / (n₋ + 2). Platt, "Probabilistic Outputs for Support Vector Machines", 1999; by Newton's
    /// method with backtracking, as in Lin, Lin and Weng, "A note on Platt's probabilistic outputs
    /// for support vector machines", Machine Learning 68, 2007.
    ///
    /// The order of pairs does not matter beyond rounding, and nothing is drawn at random.
    ///
    /// # Errors
    /// When a kind has too few pairs, a score is not a number, or higher scores are not more often
    /// relevant.
    pub fn fit(pairs: &[Judged]) -> Result<Fit, CalibrationError> {
        if let Some(position) = pairs.iter().position(|pair| !pair.score.is_finite()) {
            return Err(CalibrationError::NotANumber(position));
        }
        let relevant = pairs.iter().filter(|pair| pair.relevant).count();
        let irrelevant = pairs.len() - relevant;
        if relevant < FEWEST || irrelevant < FEWEST {
            return Err(CalibrationError::TooFew { relevant, irrelevant });
        }
        let (slope, intercept) = maximize(&Points::new(pairs, relevant, irrelevant));
        let calibration =
            Self::new(slope, intercept).map_err(|_| CalibrationError::TellsNothing(slope))?;
        let mean = |loss: &dyn Fn(&Judged) -> f64| {
            pairs.iter().map(loss).sum::<f64>() / pairs.len() as f64
        };
        let log_loss = mean(&|pair| {
            let margin = slope * f64::from(pair.score) + intercept;
            softplus(if pair.relevant { -margin } else { margin })
        });
        let brier = mean(&|pair| {
            let judgment = if pair.relevant { 1.0 } else { 0.0 };
            (calibration.probability(pair.score) - judgment).powi(2)
        });
        Ok(Fit { calibration, relevant, irrelevant, log_loss, brier })
    }
}

/// The pairs as numbers: scores moved and scaled to mean 0 and deviation 1, since cosines that all
/// lie between 0.7 and 0.9 would make slope and intercept nearly the same direction.
struct Points {
    scores: Vec<f64>,
    targets: Vec<f64>,
    mean: f64,
    deviation: f64,
}

impl Points {
    fn new(pairs: &[Judged], relevant: usize, irrelevant: usize) -> Self {
        let n = pairs.len() as f64;
        let raw = || pairs.iter().map(|pair| f64::from(pair.score));
        let mean = raw().sum::<f64>() / n;
        let deviation = (raw().map(|score| (score - mean).powi(2)).sum::<f64>() / n).sqrt();
        // Scores that are all equal: the slope comes out as 0, which is refused.
        let deviation = if deviation > 0.0 { deviation } else { 1.0 };
        let (yes, no) = (relevant as f64, irrelevant as f64);
        let target = |pair: &Judged| {
            if pair.relevant { (yes + 1.0) / (yes + 2.0) } else { 1.0 / (no + 2.0) }
        };
        Self {
            scores: raw().map(|score| (score - mean) / deviation).collect(),
            targets: pairs.iter().map(target).collect(),
            mean,
            deviation,
        }
    }

    /// The negative log-likelihood: Σ softplus(m) − t · m.
    fn loss(&self, slope: f64, intercept: f64) -> f64 {
        self.each()
            .map(|(score, target)| {
                let margin = slope * score + intercept;
                softplus(margin) - target * margin
            })
            .sum()
    }

    fn each(&self) -> impl Iterator<Item = (f64, f64)> {
        self.scores.iter().copied().zip(self.targets.iter().copied())
    }
}

/// Slope and intercept with the greatest likelihood, on the scale of the scores as given.
fn maximize(points: &Points) -> (f64, f64) {
    const STEPS: usize = 100;
    const SMALL_GRADIENT: f64 = 1e-9;
    // Keeps the Hessian invertible where all probabilities are 0 or 1.
    const RIDGE: f64 = 1e-12;
    let (mut slope, mut intercept) = (0.0, 0.0);
    let mut loss = points.loss(slope, intercept);
    for _ in 0..STEPS {
        let (mut g1, mut g2) = (0.0, 0.0);
        let (mut h11, mut h12, mut h22) = (RIDGE, 0.0, RIDGE);
        for (score, target) in points.each() {
            let probability = logistic(slope * score + intercept);
            let (error, weight) = (probability - target, probability * (1.0 - probability));
            g1 += error * score;
            g2 += error;
            h11 += weight * score * score;
            h12 += weight * score;
            h22 += weight;
        }
        if g1.abs() < SMALL_GRADIENT && g2.abs() < SMALL_GRADIENT {
            break;
        }
        let determinant = h11 * h22 - h12 * h12;
        let step = ((h22 * g1 - h12 * g2) / determinant, (h11 * g2 - h12 * g1) / determinant);
        let descent = g1 * step.0 + g2 * step.1;
        // Halves the step until it gains what the gradient promises a small part of (Armijo).
        let mut length = 1.0;
        let next = loop {
            let next = (slope - length * step.0, intercept - length * step.1);
            let next_loss = points.loss(next.0, next.1);
            if next_loss <= loss - 1e-4 * length * descent {
                break Some((next, next_loss));
            }
            length /= 2.0;
            if length < 1e-10 {
                break None;
            }
        };
        // No step gains anything beyond rounding: this is the optimum.
        let Some((next, next_loss)) = next else { break };
        ((slope, intercept), loss) = (next, next_loss);
    }
    let slope = slope / points.deviation;
    (slope, intercept - slope * points.mean)
}

/// 1 / (1 + e^−x), without overflow.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// ln(1 + e^x), without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs whose relevance follows a known curve: at each score, the share that it says.
    fn pairs(slope: f64, intercept: f64, low: f64, high: f64) -> Vec<Judged> {
        let truth = Calibration::new(slope, intercept).unwrap();
        let mut pairs = Vec::new();
        for i in 0..100 {
            let score = (low + (high - low) * f64::from(i) / 99.0) as f32;
            let share = (truth.probability(score) * 200.0).round() as usize;
            pairs.extend((0..200).map(|j| Judged { score, relevant: j < share }));
        }
        pairs
    }

    fn close(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() <= within, "{found} is not within {within} of {expected}");
    }

    #[test]
    fn a_known_curve_is_found_again() {
        // Like multilingual-e5-small, whose cosines crowd between 0.7 and 0.95, and like MiniLM.
        for (slope, intercept, low, high) in [(60.0, -50.0, 0.70, 0.95), (12.0, -5.0, -0.1, 0.9)] {
            let fit = Calibration::fit(&pairs(slope, intercept, low, high)).unwrap();
            close(fit.calibration.slope(), slope, 0.02 * slope);
            close(fit.calibration.intercept(), intercept, 0.02 * intercept.abs());
            close(fit.calibration.score_at(0.5), -intercept / slope, 0.002);
        }
    }

    #[test]
    fn one_threshold_means_the_same_for_two_embeddings() {
        let e5 = Calibration::fit(&pairs(60.0, -50.0, 0.70, 0.95)).unwrap().calibration;
        let minilm = Calibration::fit(&pairs(12.0, -5.0, -0.1, 0.9)).unwrap().calibration;
        // The same cosine is far for one and near for the other.
        assert!(e5.probability(0.75) < 0.05 && minilm.probability(0.75) > 0.95);
        for threshold in [0.1, 0.5, 0.9] {
            close(e5.probability(e5.score_at(threshold) as f32), threshold, 1e-5);
            close(minilm.probability(minilm.score_at(threshold) as f32), threshold, 1e-5);
        }
    }

    #[test]
    fn separable_pairs_give_a_finite_curve() {
        let pairs: Vec<Judged> =
            (0..40).map(|i| Judged { score: i as f32 / 40.0, relevant: i >= 20 }).collect();
        let fit = Calibration::fit(&pairs).unwrap();
        assert!(fit.calibration.slope().is_finite());
        close(fit.calibration.score_at(0.5), 19.5 / 40.0, 0.01);
        assert!(fit.log_loss < 0.2 && fit.brier < 0.05, "{fit:?}");
    }

    #[test]
    fn the_order_of_pairs_does_not_matter() {
        let mut pairs = pairs(12.0, -5.0, -0.1, 0.9);
        let forwards = Calibration::fit(&pairs).unwrap().calibration;
        pairs.reverse();
        let backwards = Calibration::fit(&pairs).unwrap().calibration;
        close(forwards.slope(), backwards.slope(), 1e-6);
        close(forwards.intercept(), backwards.intercept(), 1e-6);
    }

    #[test]
    fn the_fit_has_the_greatest_likelihood_there_is() {
        let pairs = pairs(12.0, -5.0, -0.1, 0.9);
        let relevant = pairs.iter().filter(|pair| pair.relevant).count();
        let points = Points::new(&pairs, relevant, pairs.len() - relevant);
        let (slope, intercept) = maximize(&points);
        let on_scale = (slope * points.deviation, intercept + slope * points.mean);
        let best = points.loss(on_scale.0, on_scale.1);
        for (ds, di) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01)] {
            assert!(points.loss(on_scale.0 + ds, on_scale.1 + di) > best);
        }
    }

    #[test]
    fn pairs_that_cannot_be_fitted_are_refused_with_the_reason() {
        let pair = |score, relevant| Judged { score, relevant };
        let few = vec![pair(0.5, true); 40];
        assert_eq!(
            Calibration::fit(&few).unwrap_err().to_string(),
            "40 relevant and 0 irrelevant pairs are too few to calibrate on: at least 10 of each are needed"
        );
        let mut broken = vec![pair(0.5, true); 20];
        broken[3].score = f32::NAN;
        assert_eq!(Calibration::fit(&broken), Err(CalibrationError::NotANumber(3)));
        let reversed: Vec<Judged> = (0..40).map(|i| pair(i as f32 / 40.0, i < 20)).collect();
        assert!(
            matches!(Calibration::fit(&reversed), Err(CalibrationError::TellsNothing(slope)) if slope < 0.0)
        );
        let equal: Vec<Judged> = (0..40).map(|i| pair(0.5, i < 20)).collect();
        assert!(matches!(Calibration::fit(&equal), Err(CalibrationError::TellsNothing(_))));
        assert!(Calibration::new(-1.0, 0.0).is_err());
        assert!(Calibration::new(1.0, f64::NAN).is_err());
    }

    #[test]
    fn extreme_scores_stay_between_0_and_1() {
        let curve = Calibration::new(1e6, -5e5).unwrap();
        assert_eq!(curve.probability(1.0), 1.0);
        assert_eq!(curve.probability(-1.0), 0.0);
        assert_eq!(curve.score_at(1.0), f64::INFINITY);
        assert_eq!(curve.score_at(0.0), f64::NEG_INFINITY);
    }
}
