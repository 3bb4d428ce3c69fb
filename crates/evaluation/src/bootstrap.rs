//! How sure a mean is, given how few questions there are.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// How means and differences are resampled. The same settings give the same intervals and p-values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Resampling {
    /// Where the random numbers begin.
    pub seed: u64,
    /// How many times a sample is drawn again, or differences are turned around.
    pub resamples: u32,
    /// The share of intervals that would hold the true mean, 0.0–1.0.
    pub confidence: f64,
}

impl Default for Resampling {
    /// 10,000 resamples and 95 % intervals: the ends are then sure to about the second digit.
    fn default() -> Self {
        Self { seed: 1, resamples: 10_000, confidence: 0.95 }
    }
}

/// A mean and its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// How many values the mean is of.
    pub n: usize,
    /// The mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The values of one topic. Questions that ask the same are drawn together, because they succeed
/// and fail together: taken one by one, they would make a mean look surer than it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cluster {
    /// The sum of its values.
    pub sum: f64,
    /// How many there are, at least 1.
    pub n: usize,
}

/// The clusters of values with their topics, in the order in which topics appear.
pub fn by_topic<'a>(values: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<Cluster> {
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut clusters: Vec<Cluster> = Vec::new();
    for (topic, value) in values {
        let position = *positions.entry(topic).or_insert(clusters.len());
        match clusters.get_mut(position) {
            Some(cluster) => *cluster = Cluster { sum: cluster.sum + value, n: cluster.n + 1 },
            None => clusters.push(Cluster { sum: value, n: 1 }),
        }
    }
    clusters
}

/// The mean of the values with a percentile bootstrap interval: the clusters are drawn again with
/// repetition `resamples` times, and the interval leaves out (1 − confidence) / 2 of the means on
/// either side. Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; by
/// clusters, Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8.
///
/// `None` without values. When all clusters have the same mean, the interval has no width: a
/// bootstrap knows nothing beyond its sample.
pub fn mean_interval(clusters: &[Cluster], resampling: Resampling) -> Option<Interval> {
    let mean = mean(clusters.iter().copied())?;
    let n = clusters.iter().map(|cluster| cluster.n).sum();
    // Equal values need no chance, and rounding must not give them an interval.
    let first = clusters[0].sum / clusters[0].n as f64;
    if clusters.iter().all(|cluster| cluster.sum / cluster.n as f64 == first) {
        return Some(Interval { n, mean: first, low: first, high: first });
    }
    let mut random = Random::new(resampling.seed);
    let mut means: Vec<f64> = (0..resampling.resamples.max(1))
        .filter_map(|_| {
            let drawn = (0..clusters.len()).map(|_| clusters[random.below(clusters.len())]);
            self::mean(drawn)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let tail = (1.0 - resampling.confidence.clamp(0.0, 1.0)) / 2.0;
    Some(Interval { n, mean, low: quantile(&means, tail), high: quantile(&means, 1.0 - tail) })
}

/// The mean of the values in clusters; `None` without values.
pub fn mean(clusters: impl IntoIterator<Item = Cluster>) -> Option<f64> {
    let (sum, n) = clusters.into_iter().fold((0.0, 0), |(sum, n), c| (sum + c.sum, n + c.n));
    (n > 0).then(|| sum / n as f64)
}

/// The quantile of sorted values, between neighbors in proportion (Hyndman and Fan, "Sample
/// Quantiles in Statistical Packages", 1996, type 7). `sorted` must not be empty.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    below + (above - below) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(value: f64) -> Cluster {
        Cluster { sum: value, n: 1 }
    }

    fn values(ones: usize, zeros: usize) -> Vec<Cluster> {
        [vec![single(1.0); ones], vec![single(0.0); zeros]].concat()
    }

    #[test]
    fn the_interval_of_a_share_is_near_the_normal_one() {
        // 80 of 200: 0.4 ± 1.96 · √(0.4 · 0.6 / 200) = 0.4 ± 0.068.
        let found = mean_interval(&values(80, 120), Resampling::default()).unwrap();
        assert_eq!((found.n, found.mean), (200, 0.4));
        assert!(
            (found.low - 0.332).abs() < 0.006 && (found.high - 0.468).abs() < 0.006,
            "{found:?}"
        );
    }

    #[test]
    fn more_confidence_is_wider_and_more_questions_are_narrower() {
        let width = |values: &[Cluster], confidence| {
            let found =
                mean_interval(values, Resampling { confidence, ..Resampling::default() }).unwrap();
            found.high - found.low
        };
        let few = values(10, 10);
        assert!(width(&few, 0.99) > width(&few, 0.9));
        assert!(width(&values(100, 100), 0.95) < width(&few, 0.95) / 2.0);
    }

    #[test]
    fn the_true_mean_is_in_about_as_many_intervals_as_promised() {
        // 400 samples of 60 from a coin of 0.7, each with its interval.
        let mut random = Random::new(42);
        let mut inside = 0;
        for seed in 0..400 {
            let sample: Vec<Cluster> =
                (0..60).map(|_| single(if random.below(10) < 7 { 1.0 } else { 0.0 })).collect();
            let resampling = Resampling { seed, resamples: 500, confidence: 0.95 };
            let found = mean_interval(&sample, resampling).unwrap();
            inside += usize::from(found.low <= 0.7 && 0.7 <= found.high);
        }
        assert!((360..=395).contains(&inside), "{inside} of 400");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_another_seed_nearly() {
        let sample = values(13, 29);
        let with =
            |seed| mean_interval(&sample, Resampling { seed, ..Resampling::default() }).unwrap();
        assert_eq!(with(5), with(5));
        assert!((with(5).low - with(6).low).abs() < 0.03);
    }

    #[test]
    fn no_values_have_no_mean_and_equal_ones_no_width() {
        assert_eq!(mean_interval(&[], Resampling::default()), None);
        let all = mean_interval(&[single(0.1); 30], Resampling::default()).unwrap();
        assert_eq!((all.mean, all.low, all.high), (0.1, 0.1, 0.1));
    }

    #[test]
    fn questions_of_one_topic_make_a_mean_no_surer() {
        // Each question asked twice with the same outcome: twice the values, the same knowledge.
        let twice: Vec<Cluster> =
            values(20, 20).iter().map(|c| Cluster { sum: 2.0 * c.sum, n: 2 }).collect();
        let once = mean_interval(&values(20, 20), Resampling::default()).unwrap();
        let found = mean_interval(&twice, Resampling::default()).unwrap();
        assert_eq!((found.n, found.mean, found.low, found.high), (80, 0.5, once.low, once.high));
        let apart = mean_interval(&values(40, 40), Resampling::default()).unwrap();
        assert!(apart.high - apart.low < 0.8 * (found.high - found.low));
    }

    #[test]
    fn values_are_gathered_by_topic() {
        let found = by_topic([("a", 1.0), ("b", 0.5), ("a", 0.0)]);
        assert_eq!(found, [Cluster { sum: 1.0, n: 2 }, Cluster { sum: 0.5, n: 1 }]);
    }

    #[test]
    fn a_quantile_lies_between_its_neighbors() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[1.0], 0.975), 1.0);
    }
}
