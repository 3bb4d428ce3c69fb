//! From a question to the passages that may answer it.

use std::sync::Arc;

use rag_core::duplicates::Shingles;
use rag_core::fusion::{BadWeight, RANK_CONSTANT};
use rag_core::{
    Chosen, Evidence, Filter, Hit, Index, IndexError, Metadata, PassageSet, Ranking,
    RetrievalSettings, maximal_marginal_relevance, reciprocal_rank_fusion, without_near_duplicates,
};

use crate::error::KnowledgeError;
use crate::knowledge_base::KnowledgeBase;

/// Choosing passages failed.
#[derive(Debug, thiserror::Error)]
pub enum RetrieveError {
    /// An index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A passage could not be read.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// A setting cannot be.
    #[error(transparent)]
    Weight(#[from] BadWeight),
}

impl KnowledgeBase {
    /// Up to `k` passages for a question whose vector is `vector`, best first: the rankings by meaning
    /// and by words are fused by reciprocal rank, passages that repeat a better one are left out, and
    /// where the settings say so, passages that say something new are preferred.
    ///
    /// # Errors
    /// When the vector has another width than the index, a weight is negative, or a file cannot be
    /// read.
    pub fn retrieve(
        &self,
        question: &str,
        vector: &[f32],
        k: usize,
        settings: &RetrievalSettings,
        filter: &Filter,
    ) -> Result<Vec<Chosen>, RetrieveError> {
        let among = self.among(filter);
        if among.as_ref().is_some_and(|among| among.is_empty()) || k == 0 {
            return Ok(Vec::new());
        }
        let candidates = settings.candidates.max(k);
        let dense = match &among {
            _ if settings.dense_weight == 0.0 => Vec::new(),
            None => self.index().search(vector, candidates)?,
            Some(among) => self.index().search_among(vector, candidates, among)?,
        };
        let lexical = if settings.lexical_weight == 0.0 {
            Vec::new()
        } else {
            self.lexical().search(question, candidates, among.as_ref())?
        };
        let positions =
            |hits: &[Hit]| -> Vec<usize> { hits.iter().map(|hit| hit.passage).collect() };
        let (dense, lexical) = (positions(&dense), positions(&lexical));
        let fused = reciprocal_rank_fusion(
            &[
                Ranking::new(&dense, settings.dense_weight)?,
                Ranking::new(&lexical, settings.lexical_weight)?,
            ],
            RANK_CONSTANT,
        );
        // Enough for the choices below to choose from.
        let pool = fused.iter().take(k.saturating_mul(3).max(20)).map(|fused| fused.passage);
        let words = self.lexical().weigh(question)?;
        let mut chosen = Vec::new();
        for position in pool {
            let passage = self.passage(position)?;
            let indexed = rag_core::with_context(passage.heading.as_deref(), &passage.text);
            let evidence = Evidence {
                cosine: self.index().cosine(vector, position)?,
                words: words.covered_by(&indexed) as f32,
            };
            chosen.push(Chosen { position, passage, evidence });
        }
        if let Some(threshold) = settings.near_equal {
            let shingles = |chosen: &Chosen| Shingles::of(&chosen.passage.text);
            chosen = without_near_duplicates(chosen, shingles, threshold).kept;
        }
        if let Some(lambda) = settings.diversity {
            chosen = self.diverse(chosen, lambda, k)?;
        }
        chosen.truncate(k);
        Ok(chosen)
    }

    /// The passages of the documents a filter lets through; nothing when it lets all through.
    fn among(&self, filter: &Filter) -> Option<Arc<PassageSet>> {
        if filter.is_empty() {
            return None;
        }
        let mut next = 0;
        let ranges = self.manifest().documents.iter().filter_map(|document| {
            let range = next..next + document.passages;
            next = range.end;
            let date = document.date.as_deref().and_then(|date| date.parse().ok());
            filter.matches(&Metadata { file: &document.file, date }).then_some(range)
        });
        Some(Arc::new(PassageSet::from_ranges(ranges)))
    }

    fn diverse(
        &self,
        chosen: Vec<Chosen>,
        lambda: rag_core::diversity::Lambda,
        k: usize,
    ) -> Result<Vec<Chosen>, RetrieveError> {
        let vectors = chosen
            .iter()
            .map(|chosen| self.index().vector(chosen.position))
            .collect::<Result<Vec<_>, _>>()?;
        let relevance: Vec<f32> = chosen.iter().map(|chosen| chosen.evidence.cosine).collect();
        let similarity = |a: usize, b: usize| rag_index::cosine(&vectors[a], &vectors[b]);
        let order = maximal_marginal_relevance(&relevance, similarity, lambda, k);
        let mut left: Vec<Option<Chosen>> = chosen.into_iter().map(Some).collect();
        Ok(order.into_iter().filter_map(|at| left.get_mut(at).and_then(Option::take)).collect())
    }
}
