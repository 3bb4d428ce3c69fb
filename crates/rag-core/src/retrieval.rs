//! How passages are chosen for a question: what may be set, and what is known of each that was found.

use crate::calibration::Calibration;
use crate::diversity::Lambda;
use crate::duplicates::NEAR_EQUAL;
use crate::passage::Passage;
use crate::reranker::{LogitCurve, RERANKED};

/// Passages a question gets when nothing else was decided.
pub const TOP_K: usize = 4;

/// How passages are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetrievalSettings {
    /// How much the ranking by meaning weighs; 0.0 leaves it out.
    pub dense_weight: f64,
    /// How much the ranking by words weighs; 0.0 leaves it out.
    pub lexical_weight: f64,
    /// How many passages each ranking gives.
    pub candidates: usize,
    /// Of passages at least so similar (0.0–1.0) only the best is given; `None` gives all.
    pub near_equal: Option<f64>,
    /// How many of the best passages a reranker puts in order, where there is one.
    pub reranked: usize,
    /// How much relevance weighs against novelty; `None` chooses by relevance alone.
    pub diversity: Option<Lambda>,
}

impl Default for RetrievalSettings {
    /// Both rankings alike, 50 passages each, near-equal ones once, no other diversity.
    fn default() -> Self {
        Self {
            dense_weight: 1.0,
            lexical_weight: 1.0,
            candidates: 50,
            near_equal: Some(NEAR_EQUAL),
            reranked: RERANKED,
            diversity: None,
        }
    }
}

impl RetrievalSettings {
    /// By meaning alone, without any further choice.
    pub fn dense() -> Self {
        Self { lexical_weight: 0.0, near_equal: None, ..Self::default() }
    }

    /// By words alone, without any further choice.
    pub fn lexical() -> Self {
        Self { dense_weight: 0.0, near_equal: None, ..Self::default() }
    }
}

/// How near a passage is to a question, by each way of looking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Cosine of the two vectors, −1.0–1.0.
    pub cosine: f32,
    /// The share of the question's words that the passage holds, rare words weighing more, 0.0–1.0.
    pub words: f32,
}

/// A passage that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// Its position in the knowledge base, counted from 0.
    pub position: usize,
    /// The passage.
    pub passage: Passage,
    /// The position of its parent, where the splitter made one.
    pub parent: Option<usize>,
    /// How near it is.
    pub evidence: Evidence,
    /// The reranker's logit, where it was reranked.
    pub logit: Option<f32>,
}

impl Chosen {
    /// How likely it answers the question, 0.0–1.0: by its logit, where it has one and the reranker says
    /// what that means, else by its evidence.
    pub fn probability(&self, embedding: Calibration, reranker: Option<LogitCurve>) -> f64 {
        match (self.logit, reranker) {
            (Some(logit), Some(curve)) => curve.probability(logit),
            (Some(_), None) | (None, _) => embedding.probability(self.evidence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logit_decides_only_where_it_is_known_what_it_means() {
        let embedding = Calibration::from_threshold(0.8);
        let curve = LogitCurve::new(1.0, 0.0).unwrap();
        let evidence = Evidence { cosine: 0.9, words: 0.0 };
        let by_evidence = embedding.probability(evidence);
        for (logit, reranker, expected) in [
            (Some(-3.0), Some(curve), curve.probability(-3.0)),
            (Some(-3.0), None, by_evidence),
            (None, Some(curve), by_evidence),
            (None, None, by_evidence),
        ] {
            let passage = Passage {
                file: "handbook.pdf".into(),
                page: None,
                heading: None,
                text: "text".into(),
            };
            let chosen = Chosen { position: 0, passage, parent: None, evidence, logit };
            assert_eq!(chosen.probability(embedding, reranker), expected, "{logit:?}");
        }
    }
}
