//! Passages that answer the question without all saying the same.

/// How much relevance weighs against novelty, 0.0–1.0: at 1 only relevance counts, at 0 only that
/// passages differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lambda(f64);

/// A number that is no share.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the weight of relevance must be between 0 and 1, not {0}")]
pub struct BadLambda(pub f64);

impl Lambda {
    /// A checked weight.
    ///
    /// # Errors
    /// When it is not between 0 and 1.
    pub fn new(value: f64) -> Result<Self, BadLambda> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(BadLambda(value)) }
    }
}

/// Up to `k` positions into `relevance`, in the order of choice, by maximal marginal relevance:
/// each choice is the passage with the largest λ · relevance − (1 − λ) · (its similarity to the most
/// similar passage already chosen). Carbonell and Goldstein, "The Use of MMR, Diversity-Based
/// Reranking for Reordering Documents and Producing Summaries", SIGIR 1998.
///
/// `relevance` holds each passage's similarity to the question, `similarity` gives that of two
/// passages by their positions; both on one scale, such as the cosine. Ties go to the earlier
/// position, and a relevance that is not a number comes last. `similarity` is asked k · n times.
pub fn maximal_marginal_relevance(
    relevance: &[f32],
    similarity: impl Fn(usize, usize) -> f32,
    lambda: Lambda,
    k: usize,
) -> Vec<usize> {
    let Lambda(lambda) = lambda;
    let mut left: Vec<Candidate> = relevance
        .iter()
        .enumerate()
        .map(|(position, relevance)| Candidate {
            position,
            relevance: f64::from(*relevance),
            nearest: None,
        })
        .collect();
    let mut chosen = Vec::with_capacity(k.min(left.len()));
    while chosen.len() < k {
        let value = |candidate: &Candidate| {
            let value =
                lambda * candidate.relevance - (1.0 - lambda) * candidate.nearest.unwrap_or(0.0);
            if value.is_nan() { f64::NEG_INFINITY } else { value }
        };
        // The last of equal maxima, so the search runs backwards.
        let best =
            left.iter().enumerate().rev().max_by(|(_, a), (_, b)| value(a).total_cmp(&value(b)));
        let Some((best, _)) = best else { break };
        let Candidate { position, .. } = left.remove(best);
        chosen.push(position);
        for candidate in &mut left {
            let near = f64::from(similarity(candidate.position, position));
            candidate.nearest = Some(candidate.nearest.map_or(near, |nearest| nearest.max(near)));
        }
    }
    chosen
}

struct Candidate {
    position: usize,
    relevance: f64,
    /// Similarity to the most similar passage chosen so far; before the first choice there is none.
    nearest: Option<f64>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cosine(a: &[f32; 2], b: &[f32; 2]) -> f32 {
        let dot = a[0] * b[0] + a[1] * b[1];
        let norm = |v: &[f32; 2]| (v[0] * v[0] + v[1] * v[1]).sqrt();
        dot / (norm(a) * norm(b))
    }

    fn choose(lambda: f64, k: usize) -> Vec<usize> {
        // Two passages that say the same, nearest to the question, and one that says something else.
        let passages = [[1.0, 0.10], [1.0, 0.11], [0.6, 0.8]];
        let question = [1.0, 0.0];
        let relevance: Vec<f32> = passages.iter().map(|p| cosine(p, &question)).collect();
        let similarity = |a: usize, b: usize| cosine(&passages[a], &passages[b]);
        maximal_marginal_relevance(&relevance, similarity, Lambda::new(lambda).unwrap(), k)
    }

    #[test]
    fn relevance_alone_keeps_the_order_and_novelty_brings_the_other_passage_forward() {
        assert_eq!(choose(1.0, 3), [0, 1, 2]);
        assert_eq!(choose(0.3, 3), [0, 2, 1]);
        assert_eq!(choose(0.3, 2), [0, 2]);
        assert_eq!(choose(0.3, 0), Vec::<usize>::new());
        assert_eq!(choose(0.3, 99).len(), 3);
    }

    #[test]
    fn ties_go_to_the_earlier_and_no_number_comes_last() {
        let all = |relevance: &[f32]| {
            maximal_marginal_relevance(relevance, |_, _| 0.0, Lambda::new(0.7).unwrap(), 9)
        };
        assert_eq!(all(&[0.5, 0.5, 0.5]), [0, 1, 2]);
        assert_eq!(all(&[f32::NAN, 0.1]), [1, 0]);
        assert_eq!(all(&[]), Vec::<usize>::new());
    }

    #[test]
    fn a_weight_outside_its_range_is_refused() {
        for value in [-0.1, 1.1, f64::NAN] {
            assert!(Lambda::new(value).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn each_choice_is_the_best_by_the_published_formula(
            passages in prop::collection::vec(prop::array::uniform2(0.1_f32..1.0), 1..12),
            share in 0.0_f64..=1.0, k in 0_usize..14,
        ) {
            let relevance: Vec<f32> = passages.iter().map(|p| cosine(p, &[1.0, 0.0])).collect();
            let similarity = |a: usize, b: usize| cosine(&passages[a], &passages[b]);
            let chosen = maximal_marginal_relevance(&relevance, similarity, Lambda::new(share).unwrap(), k);
            prop_assert_eq!(chosen.len(), k.min(passages.len()));
            for (i, choice) in chosen.iter().enumerate() {
                let value = |p: usize| {
                    let nearest = chosen[..i].iter().map(|s| f64::from(similarity(p, *s))).reduce(f64::max);
                    share * f64::from(relevance[p]) - (1.0 - share) * nearest.unwrap_or(0.0)
                };
                for other in (0..passages.len()).filter(|p| !chosen[..i].contains(p)) {
                    prop_assert!(value(*choice) >= value(other));
                }
            }
        }
    }
}
