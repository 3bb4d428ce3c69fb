//! From a question to the passages that may answer it.

use std::sync::Arc;

use rag_core::diversity::Lambda;
use rag_core::duplicates::Shingles;
use rag_core::fusion::{BadWeight, RANK_CONSTANT};
use rag_core::{
    Chosen, Evidence, Filter, Hit, Index, IndexError, Metadata, Passage, PassageSet, Ranking,
    RerankError, Reranker, RetrievalSettings, by_logit, maximal_marginal_relevance,
    reciprocal_rank_fusion, without_near_duplicates,
};
use rag_index::{WeighedWords, cosine};
use tracing::info_span;

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
    /// The reranker failed.
    #[error(transparent)]
    Rerank(#[from] RerankError),
}

impl KnowledgeBase {
    /// Up to `k` passages for a question whose vector is `vector`, best first: the rankings by meaning
    /// and by words are fused by reciprocal rank, passages that repeat a better one are left out, a
    /// reranker puts the best ones in order where there is one, and where the settings say so, passages
    /// that say something new are preferred.
    ///
    /// # Errors
    /// When the vector has another width than the index, a weight is negative, a file cannot be read, or
    /// the reranker fails.
    pub fn retrieve(
        &self,
        question: &str,
        vector: &[f32],
        k: usize,
        settings: &RetrievalSettings,
        filter: &Filter,
        reranker: Option<&dyn Reranker>,
    ) -> Result<Vec<Chosen>, RetrieveError> {
        let among = self.among(filter);
        if among.as_ref().is_some_and(|among| among.is_empty()) || k == 0 {
            return Ok(Vec::new());
        }
        let reranked = reranker.map_or(0, |_| settings.reranked);
        let candidates = settings.candidates.max(k).max(reranked);
        let dense =
            info_span!("dense", switchyard.candidates = candidates).in_scope(|| match &among {
                _ if settings.dense_weight == 0.0 => Ok(Vec::new()),
                None => self.index().search(vector, candidates),
                Some(among) => self.index().search_among(vector, candidates, among),
            })?;
        let lexical = info_span!("lexical", switchyard.candidates = candidates).in_scope(|| {
            if settings.lexical_weight == 0.0 {
                return Ok(Vec::new());
            }
            self.lexical().search(question, candidates, among.as_ref())
        })?;
        let fuse = info_span!("fuse").entered();
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
        let mut pool = Vec::new();
        for fused in fused.iter().take(k.max(reranked).saturating_mul(3).max(20)) {
            let (passage, parent) = self.passage_with_parent(fused.passage)?;
            pool.push(Candidate { position: fused.passage, passage, parent, logit: None });
        }
        if let Some(threshold) = settings.near_equal {
            let shingles = |candidate: &Candidate| Shingles::of(&candidate.passage.text);
            pool = without_near_duplicates(pool, shingles, threshold).kept;
        }
        drop(fuse);
        if let Some(reranker) = reranker {
            pool = info_span!("rerank", switchyard.candidates = reranked)
                .in_scope(|| rerank(pool, question, reranked, reranker))?;
        }
        if let Some(lambda) = settings.diversity {
            pool = self.diverse(pool, vector, lambda, k)?;
        }
        pool.truncate(k);
        let words = self.lexical().weigh(question)?;
        pool.into_iter().map(|candidate| self.chosen(candidate, vector, &words)).collect()
    }

    /// A candidate with what is known of it.
    fn chosen(
        &self,
        candidate: Candidate,
        vector: &[f32],
        words: &WeighedWords,
    ) -> Result<Chosen, RetrieveError> {
        let Candidate { position, passage, parent, logit } = candidate;
        let evidence = Evidence {
            cosine: self.index().cosine(vector, position)?,
            words: words.covered_by(&passage.embedded_text()) as f32,
        };
        Ok(Chosen { position, passage, parent, evidence, logit })
    }

    /// The passages of the documents a filter lets through; nothing when it lets all through.
    fn among(&self, filter: &Filter) -> Option<Arc<PassageSet>> {
        if filter.is_empty() {
            return None;
        }
        let ranges = self.documents_with_passages().filter_map(|(document, range)| {
            let date = document.date.as_deref().and_then(|date| date.parse().ok());
            filter.matches(&Metadata { file: &document.file, date }).then_some(range)
        });
        Some(Arc::new(PassageSet::from_ranges(ranges)))
    }

    fn diverse(
        &self,
        pool: Vec<Candidate>,
        vector: &[f32],
        lambda: Lambda,
        k: usize,
    ) -> Result<Vec<Candidate>, RetrieveError> {
        let vectors = pool
            .iter()
            .map(|candidate| self.index().vector(candidate.position))
            .collect::<Result<Vec<_>, _>>()?;
        let mut relevance: Vec<f32> = vectors.iter().map(|own| cosine(vector, own)).collect();
        if pool.iter().any(|candidate| candidate.logit.is_some()) {
            // The reranker's order counts, on the scale of the cosines that it is weighed against.
            relevance.sort_by(|a, b| b.total_cmp(a));
        }
        let similarity = |a: usize, b: usize| cosine(vectors[a], vectors[b]);
        let order = maximal_marginal_relevance(&relevance, similarity, lambda, k);
        let mut left: Vec<Option<Candidate>> = pool.into_iter().map(Some).collect();
        Ok(order.into_iter().filter_map(|at| left.get_mut(at).and_then(Option::take)).collect())
    }
}

/// A passage that may be chosen.
struct Candidate {
    position: usize,
    passage: Passage,
    parent: Option<usize>,
    logit: Option<f32>,
}

/// The best `most` candidates in the order of what the reranker says of them, then the others. It reads
/// what the indexes have read: the text with its heading path.
fn rerank(
    pool: Vec<Candidate>,
    question: &str,
    most: usize,
    reranker: &dyn Reranker,
) -> Result<Vec<Candidate>, RerankError> {
    let texts: Vec<_> =
        pool.iter().take(most).map(|candidate| candidate.passage.embedded_text()).collect();
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    let logits = reranker.score(question, &texts)?;
    let with_logit = |(candidate, logit)| Candidate { logit, ..candidate };
    Ok(by_logit(pool, &logits).into_iter().map(with_logit).collect())
}
