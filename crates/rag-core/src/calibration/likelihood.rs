//! Fitting a calibration: which factors make what was judged most likely.

use super::Judged;
use crate::retrieval::Evidence;

/// The factors with the greatest likelihood; which passage of a question is the best is decided by the
/// factors themselves, in turns.
pub(super) fn fit(questions: &[Judged]) -> Factors {
    let mut factors: Factors = [1.0, 0.0, 0.0];
    for _ in 0..TURNS {
        let best: Vec<Best> = questions.iter().map(|question| best(question, &factors)).collect();
        let next = match maximize(&Points::new(&best, true)) {
            [_, words, _] if words < 0.0 => maximize(&Points::new(&best, false)),
            both => both,
        };
        let settled = next.iter().zip(&factors).all(|(a, b)| (a - b).abs() < 1e-9);
        factors = next;
        // A falling curve would choose the worst passages from here on.
        if settled || factors[0] <= 0.0 {
            break;
        }
    }
    factors
}

/// How often the best passages are chosen anew; they settle after a few turns.
const TURNS: usize = 20;

/// The best passage of a question: its cosine, its words and the constant 1.
pub(super) struct Best {
    pub(super) row: [f64; 3],
    pub(super) answerable: bool,
}

pub(super) fn best(question: &Judged, factors: &Factors) -> Best {
    let row = |evidence: &Evidence| [f64::from(evidence.cosine), f64::from(evidence.words), 1.0];
    let rows = question.found.iter().map(row);
    let best = rows.max_by(|a, b| dot(a, factors).total_cmp(&dot(b, factors)));
    // Checked before: there is one.
    Best { row: best.unwrap_or([0.0, 0.0, 1.0]), answerable: question.answerable }
}

/// What is fitted: the factors of cosine and words, and the intercept.
pub(super) type Factors = [f64; 3];

/// The best passages as numbers: scores moved and scaled to mean 0 and deviation 1, since cosines that all
/// lie between 0.7 and 0.9 would make factor and intercept nearly the same direction.
struct Points {
    /// Cosine, words and the constant 1.
    rows: Vec<[f64; 3]>,
    /// What each is to come out as, and how much it weighs.
    targets: Vec<(f64, f64)>,
    means: [f64; 2],
    deviations: [f64; 2],
}

impl Points {
    fn new(best: &[Best], with_words: bool) -> Self {
        let n = best.len() as f64;
        let yes = best.iter().filter(|best| best.answerable).count() as f64;
        let no = n - yes;
        let raw = |best: &Best| [best.row[0], if with_words { best.row[1] } else { 0.0 }];
        let (mut means, mut deviations) = ([0.0; 2], [0.0; 2]);
        for at in 0..2 {
            means[at] = best.iter().map(|best| raw(best)[at]).sum::<f64>() / n;
            let squares = best.iter().map(|best| (raw(best)[at] - means[at]).powi(2));
            let deviation = (squares.sum::<f64>() / n).sqrt();
            // Scores that are all equal: their factor comes out as 0.
            deviations[at] = if deviation > 0.0 { deviation } else { 1.0 };
        }
        let row = |best: &Best| {
            let scaled = |at: usize| (raw(best)[at] - means[at]) / deviations[at];
            [scaled(0), scaled(1), 1.0]
        };
        let target = |best: &Best| {
            if best.answerable {
                ((yes + 1.0) / (yes + 2.0), n / (2.0 * yes))
            } else {
                (1.0 / (no + 2.0), n / (2.0 * no))
            }
        };
        Self {
            rows: best.iter().map(row).collect(),
            targets: best.iter().map(target).collect(),
            means,
            deviations,
        }
    }

    /// The negative log-likelihood: Σ weight · (softplus(m) − t · m).
    fn loss(&self, factors: &Factors) -> f64 {
        self.each()
            .map(|(row, (target, weight))| {
                let margin = dot(row, factors);
                weight * (softplus(margin) - target * margin)
            })
            .sum()
    }

    fn each(&self) -> impl Iterator<Item = (&[f64; 3], (f64, f64))> {
        self.rows.iter().zip(self.targets.iter().copied())
    }
}

pub(super) fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The factors with the greatest likelihood, on the scale of the scores as given.
fn maximize(points: &Points) -> Factors {
    const STEPS: usize = 100;
    const SMALL_GRADIENT: f64 = 1e-9;
    // Keeps the Hessian invertible where all probabilities are 0 or 1, or a score tells nothing.
    const RIDGE: f64 = 1e-9;
    let mut factors: Factors = [0.0; 3];
    let mut loss = points.loss(&factors);
    for _ in 0..STEPS {
        let mut gradient = [0.0; 3];
        let mut hessian = [[RIDGE, 0.0, 0.0], [0.0, RIDGE, 0.0], [0.0, 0.0, RIDGE]];
        for (row, (target, weight)) in points.each() {
            let probability = logistic(dot(row, &factors));
            let (error, weight) =
                (weight * (probability - target), weight * probability * (1.0 - probability));
            for i in 0..3 {
                gradient[i] += error * row[i];
                for j in 0..3 {
                    hessian[i][j] += weight * row[i] * row[j];
                }
            }
        }
        if gradient.iter().all(|part| part.abs() < SMALL_GRADIENT) {
            break;
        }
        let step = solve(hessian, gradient);
        let descent = dot(&gradient, &step);
        // Halves the step until it gains what the gradient promises a small part of (Armijo).
        let mut length = 1.0;
        let next = loop {
            let next: Factors = std::array::from_fn(|i| factors[i] - length * step[i]);
            let next_loss = points.loss(&next);
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
        (factors, loss) = (next, next_loss);
    }
    let [cosine, words] = [factors[0] / points.deviations[0], factors[1] / points.deviations[1]];
    [cosine, words, factors[2] - cosine * points.means[0] - words * points.means[1]]
}

/// Solves a positive definite system of three equations by elimination.
fn solve(mut matrix: [[f64; 3]; 3], mut right: [f64; 3]) -> [f64; 3] {
    for pivot in 0..3 {
        for below in pivot + 1..3 {
            let factor = matrix[below][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot];
            for (number, over) in matrix[below].iter_mut().zip(above).skip(pivot) {
                *number -= factor * over;
            }
            right[below] -= factor * right[pivot];
        }
    }
    let mut solution = [0.0; 3];
    for at in (0..3).rev() {
        let known: f64 = (at + 1..3).map(|column| matrix[at][column] * solution[column]).sum();
        solution[at] = (right[at] - known) / matrix[at][at];
    }
    solution
}

/// 1 / (1 + e^−x), without overflow.
pub(crate) fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// ln(1 + e^x), without overflow.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_factors_are_more_likely() {
        let question = |i: u32| {
            let (cosine, words) = (f64::from(i % 40) / 40.0, f64::from(i % 7) / 7.0);
            Judged {
                found: vec![Evidence { cosine: cosine as f32, words: words as f32 }],
                answerable: f64::from(i * 7 % 100) / 100.0 < 0.6 * cosine + 0.4 * words,
            }
        };
        let questions: Vec<Judged> = (0..400).map(question).collect();
        let best: Vec<Best> = questions.iter().map(|q| best(q, &[1.0, 0.0, 0.0])).collect();
        let points = Points::new(&best, true);
        let [cosine, words, intercept] = maximize(&points);
        let ([a, b], [x, y]) = (points.deviations, points.means);
        let optimum = [cosine * a, words * b, intercept + cosine * x + words * y];
        for at in 0..3 {
            for by in [0.01, -0.01] {
                let mut other = optimum;
                other[at] += by;
                assert!(points.loss(&other) > points.loss(&optimum));
            }
        }
    }
}
