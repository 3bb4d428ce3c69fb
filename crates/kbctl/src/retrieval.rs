//! Asking a knowledge base: what search, evaluate and calibrate have in common.

use std::path::Path;

use clap::{Args, ValueEnum};
use rag_core::{Chosen, Embedder, Filter, RERANKED, Reranker, RetrievalSettings};
use rag_knowledge::KnowledgeBase;
use rag_knowledge::embedding::{self, ModelCache, OnnxEmbedder, OnnxReranker};

use crate::render::Failure;

/// How passages are looked for.
#[derive(Args, Debug, Clone)]
pub(crate) struct Options {
    /// By what passages are found: hybrid (meaning and words), dense (meaning) or lexical (words).
    #[arg(long, value_enum, default_value = "hybrid")]
    retrieval: Way,
    /// How much the ranking by meaning weighs in hybrid retrieval.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, value_parser = weight)]
    dense_weight: f64,
    /// How much the ranking by words weighs in hybrid retrieval.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, value_parser = weight)]
    lexical_weight: f64,
    /// The embedding, when it is not in the model cache under the name the knowledge base was built with.
    #[arg(long, value_name = "MODEL")]
    embedding: Option<String>,
}

/// Which passages a second model puts in order.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Reranking {
    /// The reranker that puts the best passages in order: a name in the model cache, or a path that begins
    /// with / or a dot.
    #[arg(long, value_name = "MODEL")]
    reranker: Option<String>,
    /// How many of the best passages it puts in order (20 when not given).
    #[arg(long, value_name = "N", requires = "reranker", value_parser = clap::value_parser!(u16).range(1..=1000))]
    reranked: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    /// By meaning and by words.
    Hybrid,
    /// By meaning.
    Dense,
    /// By words.
    Lexical,
}

fn weight(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(weight) if weight.is_finite() && weight >= 0.0 => Ok(weight),
        _ => Err("a weight is 0 or a positive number".to_owned()),
    }
}

impl Reranking {
    /// By this model, or none, as many passages as is usual.
    pub(crate) fn by(reranker: Option<&str>) -> Self {
        Self { reranker: reranker.map(str::to_owned), reranked: None }
    }

    /// Whether a reranker was named.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.reranker.is_some()
    }
}

impl Options {
    /// The usual way: by meaning and by words alike.
    pub(crate) fn usual() -> Self {
        Self { retrieval: Way::Hybrid, dense_weight: 1.0, lexical_weight: 1.0, embedding: None }
    }

    /// The same way of looking in a knowledge base that may have another embedding.
    pub(crate) fn for_baseline(&self) -> Self {
        Self { embedding: None, ..self.clone() }
    }

    fn settings(&self, reranking: &Reranking) -> RetrievalSettings {
        let settings = match self.retrieval {
            Way::Dense => RetrievalSettings::dense(),
            Way::Lexical => RetrievalSettings::lexical(),
            Way::Hybrid => RetrievalSettings {
                dense_weight: self.dense_weight,
                lexical_weight: self.lexical_weight,
                ..RetrievalSettings::default()
            },
        };
        RetrievalSettings { reranked: reranking.reranked.map_or(RERANKED, usize::from), ..settings }
    }
}

/// A knowledge base with the embedding it was built with, and a reranker if one was named.
pub(crate) struct Opened {
    pub(crate) knowledge: KnowledgeBase,
    embedder: OnnxEmbedder,
    reranker: Option<OnnxReranker>,
    settings: RetrievalSettings,
}

impl Opened {
    /// Opens the tag in `folder` after checking it.
    pub(crate) fn open(
        folder: &Path,
        options: &Options,
        reranking: &Reranking,
    ) -> Result<Self, Failure> {
        let models = ModelCache::from_environment();
        let knowledge = rag_knowledge::open_verified(folder, 1)?;
        let built_with = knowledge.embedding();
        let name = options.embedding.as_ref().unwrap_or(&built_with.name);
        let embedder = embedding::open(&models.resolve(name), 1)?;
        knowledge.check_embedding(embedder.identity())?;
        let reranker = match &reranking.reranker {
            Some(name) => Some(embedding::open_reranker(&models.resolve(name), 1)?),
            None => None,
        };
        Ok(Self { knowledge, embedder, reranker, settings: options.settings(reranking) })
    }

    /// The paths of the documents, below the folder that was built.
    pub(crate) fn documents(&self) -> Vec<&str> {
        self.knowledge.manifest().documents.iter().map(|document| document.file.as_str()).collect()
    }

    /// How likely a passage answers the question, 0.0–1.0.
    pub(crate) fn relevance(&self, chosen: &Chosen) -> f32 {
        let reranker = self.reranker.as_ref().and_then(OnnxReranker::calibration);
        chosen.probability(self.embedder.calibration(), reranker) as f32
    }

    /// Up to `k` passages for a question, best first.
    pub(crate) fn ask(
        &self,
        question: &str,
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Chosen>, Failure> {
        let failed = |e: &dyn std::fmt::Display| Failure::new(e, None);
        let vector = self.embedder.embed_query(question).map_err(|e| failed(&e))?;
        let reranker = self.reranker.as_ref().map(|reranker| reranker as &dyn Reranker);
        self.knowledge
            .retrieve(question, &vector, k, &self.settings, filter, reranker)
            .map_err(|e| failed(&e))
    }
}
