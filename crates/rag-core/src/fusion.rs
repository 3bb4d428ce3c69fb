//! Several rankings of the same passages into one.

use std::collections::{BTreeMap, HashSet};

/// The constant of reciprocal rank fusion: large enough that the first few ranks weigh alike, so
/// that one ranking's favorite cannot outvote agreement. Cormack, Clarke and Büttcher, "Reciprocal
/// Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009, found 60 in
/// a pilot and kept it.
pub const RANK_CONSTANT: u32 = 60;

/// What one way of searching found, best first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranking<'a> {
    passages: &'a [usize],
    weight: f64,
}

/// A passage with its fused score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    /// The passage's position in the knowledge base, counted from 0.
    pub passage: usize,
    /// Σ weight / (k + rank), larger is better. Comparable only within one fusion.
    pub score: f64,
}

/// A weight that cannot weigh.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the weight of a ranking must be 0 or a positive number, not {0}")]
pub struct BadWeight(pub f64);

impl<'a> Ranking<'a> {
    /// A ranking of passages, by their positions in the knowledge base, best first. A weight of 1 is
    /// the published method; 0 leaves the ranking out.
    ///
    /// # Errors
    /// When the weight is negative or not finite.
    pub fn new(passages: &'a [usize], weight: f64) -> Result<Self, BadWeight> {
        if weight.is_finite() && weight >= 0.0 {
            Ok(Self { passages, weight })
        } else {
            Err(BadWeight(weight))
        }
    }
}

/// Reciprocal rank fusion: each passage scores Σ weight / (`k` + rank) over the rankings it is in,
/// ranks counted from 1 (Cormack et al. 2009; weights are the usual extension). Only ranks matter,
/// so a cosine and a BM25 score need no common scale.
///
/// Best first, ties by position in the knowledge base. A passage that a ranking names twice counts
/// with its better rank.
pub fn reciprocal_rank_fusion(rankings: &[Ranking<'_>], k: u32) -> Vec<Fused> {
    let mut scores: BTreeMap<usize, f64> = BTreeMap::new();
    for ranking in rankings.iter().filter(|ranking| ranking.weight > 0.0) {
        let mut seen = HashSet::new();
        let ranked = ranking.passages.iter().filter(|passage| seen.insert(**passage));
        for (i, passage) in ranked.enumerate() {
            let rank = i + 1;
            *scores.entry(*passage).or_default() += ranking.weight / (f64::from(k) + rank as f64);
        }
    }
    let mut fused: Vec<Fused> =
        scores.into_iter().map(|(passage, score)| Fused { passage, score }).collect();
    // Stable, so equal scores stay in the order of their positions.
    fused.sort_by(|a, b| b.score.total_cmp(&a.score));
    fused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(rankings: &[(&[usize], f64)], expected: &[usize]) -> Vec<Fused> {
        let rankings: Vec<_> = rankings
            .iter()
            .map(|(passages, weight)| Ranking::new(passages, *weight).unwrap())
            .collect();
        let fused = reciprocal_rank_fusion(&rankings, RANK_CONSTANT);
        assert_eq!(fused.iter().map(|f| f.passage).collect::<Vec<_>>(), expected);
        fused
    }

    #[test]
    fn what_both_rankings_find_comes_before_what_one_of_them_prefers() {
        let fused = check(&[(&[7, 3], 1.0), (&[5, 3], 1.0)], &[3, 5, 7]);
        assert!((fused[0].score - 2.0 / 62.0).abs() < 1e-12);
        assert!((fused[1].score - 1.0 / 61.0).abs() < 1e-12);
    }

    #[test]
    fn a_weight_decides_between_rankings_and_zero_leaves_one_out() {
        check(&[(&[7], 1.0), (&[5], 1.5)], &[5, 7]);
        check(&[(&[7], 1.0), (&[5], 0.0)], &[7]);
    }

    #[test]
    fn a_passage_named_twice_counts_once() {
        check(&[(&[4, 4, 4, 9], 1.0), (&[9], 1.0)], &[9, 4]);
        check(&[], &[]);
    }

    #[test]
    fn weights_that_cannot_weigh_are_refused() {
        for weight in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(Ranking::new(&[], weight).is_err(), "{weight}");
        }
        assert_eq!(
            Ranking::new(&[], -0.5).unwrap_err().to_string(),
            "the weight of a ranking must be 0 or a positive number, not -0.5"
        );
    }

    proptest! {
        #[test]
        fn one_ranking_keeps_its_order_and_every_passage_is_kept(
            first in prop::collection::vec(0_usize..30, 0..20),
            second in prop::collection::vec(0_usize..30, 0..20),
            k in 0_u32..100,
        ) {
            let rankings = [Ranking::new(&first, 1.0).unwrap(), Ranking::new(&second, 2.0).unwrap()];
            let fused = reciprocal_rank_fusion(&rankings, k);
            prop_assert!(fused.windows(2).all(|w| w[0].score >= w[1].score));
            let found: HashSet<usize> = fused.iter().map(|f| f.passage).collect();
            prop_assert_eq!(found.len(), fused.len());
            prop_assert_eq!(found, first.iter().chain(&second).copied().collect::<HashSet<_>>());
            let alone = reciprocal_rank_fusion(&rankings[..1], k);
            let mut seen = HashSet::new();
            let distinct: Vec<usize> = first.iter().copied().filter(|p| seen.insert(*p)).collect();
            prop_assert_eq!(alone.iter().map(|f| f.passage).collect::<Vec<_>>(), distinct);
        }
    }
}
