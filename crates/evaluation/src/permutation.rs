//! Whether a difference could well be chance.

use crate::bootstrap::Resampling;
use crate::random::Random;

/// Up to this many topics that differ, all 2³⁰ ways of exchanging the two runs are counted.
pub const EXACT_UP_TO: usize = 30;

/// A two-sided p-value.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PValue {
    /// How likely a mean difference at least this far from 0 is when the two runs are equally good,
    /// 0.0–1.0.
    pub p: f64,
    /// Whether all exchanges were counted, or some were drawn at random.
    pub exact: bool,
}

/// The paired randomization test (Fisher 1935; for retrieval, Smucker, Allan and Carterette, "A
/// Comparison of Statistical Significance Tests for Information Retrieval Evaluation", CIKM 2007):
/// if the runs are equally good, each difference could as well have had the other sign. `differences`
/// holds one for each topic, the sum over its questions.
///
/// Topics without a difference change nothing. With at most [`EXACT_UP_TO`] others every pattern
/// of signs is counted; with more, `resampling.resamples` patterns are drawn and p = (b + 1) / (m + 1),
/// which is never 0 (Phipson and Smyth, "Permutation P-values Should Never Be Zero", 2010).
pub fn paired_randomization(differences: &[f64], resampling: Resampling) -> PValue {
    let differing: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let observed = differing.iter().sum::<f64>().abs();
    // Sums that are equal on paper differ in their last bits.
    let reach = observed - 1e-9 * observed;
    if differing.len() <= EXACT_UP_TO {
        return PValue { p: exact(&differing, reach), exact: true };
    }
    let mut random = Random::new(resampling.seed);
    let resamples = resampling.resamples.max(1);
    let reached = (0..resamples)
        .filter(|_| with_random_signs(&differing, &mut random).abs() >= reach)
        .count();
    PValue { p: (reached as f64 + 1.0) / (f64::from(resamples) + 1.0), exact: false }
}

/// The share of sign patterns whose sum is at least `reach` from 0. The sums of all patterns are
/// those of one half of the questions added to those of the other, so sorting one half is enough to
/// count them without forming them.
fn exact(differing: &[f64], reach: f64) -> f64 {
    let (left, right) = differing.split_at(differing.len() / 2);
    let (left, mut right) = (signed_sums(left), signed_sums(right));
    right.sort_by(f64::total_cmp);
    let reached: usize = left
        .iter()
        .map(|sum| {
            let below = right.partition_point(|other| sum + other <= -reach);
            let not_above = right.partition_point(|other| sum + other < reach);
            // Both ends meet where the reach is 0.
            below + right.len() - not_above.max(below)
        })
        .sum();
    reached as f64 / (left.len() as f64 * right.len() as f64)
}

/// The sums of a few differences with every pattern of signs.
fn signed_sums(differing: &[f64]) -> Vec<f64> {
    differing
        .iter()
        .fold(vec![0.0], |sums, d| sums.iter().flat_map(|sum| [sum + d, sum - d]).collect())
}

fn with_random_signs(differing: &[f64], random: &mut Random) -> f64 {
    let signs = |chunk: &[f64], bits: u64| -> f64 {
        chunk.iter().enumerate().map(|(i, d)| if bits >> i & 1 == 1 { -d } else { *d }).sum()
    };
    differing.chunks(64).map(|chunk| signs(chunk, random.bits())).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn p(differences: &[f64]) -> PValue {
        paired_randomization(differences, Resampling::default())
    }

    #[test]
    fn few_differences_are_counted_exactly() {
        // All five in favor: only two of 32 patterns are as far.
        assert_eq!(p(&[1.0; 5]), PValue { p: 2.0 / 32.0, exact: true });
        // Four for, one against: |sum| ≥ 3 holds for 2 · (1 + 5) of 32 patterns.
        assert_eq!(p(&[1.0, 1.0, 1.0, 1.0, -1.0]).p, 12.0 / 32.0);
        assert_eq!(p(&[1.0, -1.0]).p, 1.0);
        assert_eq!(p(&[0.1, 0.2, 0.3]).p, 2.0 / 8.0);
    }

    #[test]
    fn questions_without_a_difference_change_nothing() {
        assert_eq!(p(&[]), PValue { p: 1.0, exact: true });
        assert_eq!(p(&[0.0; 50]), PValue { p: 1.0, exact: true });
        let mut many = vec![0.0; 200];
        many.extend([1.0; 5]);
        assert_eq!(p(&many), p(&[1.0; 5]));
    }

    #[test]
    fn many_differences_are_drawn_and_come_near_the_exact_value() {
        // 15 for and 6 against: the sign test gives 2 · P(X ≥ 15) = 0.0784 of 21.
        let few = p(&[vec![1.0; 15], vec![-1.0; 6]].concat());
        assert!(few.exact && (few.p - 0.078_35).abs() < 1e-5, "{few:?}");
        // 26 for and 14 against: 2 · P(X ≥ 26) = 0.0807 of 40.
        let many = p(&[vec![1.0; 26], vec![-1.0; 14]].concat());
        assert!(!many.exact && (many.p - 0.080_7).abs() < 0.008, "{many:?}");
        let overwhelming = p(&[0.5; 100]);
        assert_eq!(overwhelming.p, 1.0 / 10_001.0, "never 0");
    }

    #[test]
    fn the_same_seed_gives_the_same_value() {
        let differences: Vec<f64> = (0..50).map(|i| f64::from(i % 7) - 2.8).collect();
        assert_eq!(p(&differences), p(&differences));
    }

    #[test]
    fn equal_runs_are_called_different_as_rarely_as_promised() {
        let mut random = Random::new(3);
        let mut called = 0;
        for seed in 0..400 {
            let differences: Vec<f64> =
                (0..40).map(|_| [-1.0, 0.0, 0.0, 1.0][random.below(4)]).collect();
            let resampling = Resampling { seed, resamples: 400, confidence: 0.95 };
            called += usize::from(paired_randomization(&differences, resampling).p <= 0.05);
        }
        // 5 % of 400 is 20, and the test is a little shy.
        assert!(called <= 34, "{called} of 400");
    }

    proptest! {
        #[test]
        fn turning_all_signs_changes_nothing(differences in prop::collection::vec(-1.0_f64..1.0, 0..12)) {
            let turned: Vec<f64> = differences.iter().map(|d| -d).collect();
            let found = p(&differences);
            prop_assert!(found.p > 0.0 && found.p <= 1.0);
            prop_assert_eq!(found, p(&turned));
        }
    }
}
