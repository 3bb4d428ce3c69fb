//! Asking a knowledge base: what search, evaluate and calibrate have in common.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rag_core::{Chosen, Embedder, Filter, RetrievalSettings};
use rag_knowledge::KnowledgeBase;
use rag_knowledge::embedding::{self, ModelCache, OnnxEmbedder};

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

impl Options {
    /// The usual way: by meaning and by words alike.
    pub(crate) fn usual() -> Self {
        Self { retrieval: Way::Hybrid, dense_weight: 1.0, lexical_weight: 1.0, embedding: None }
    }

    /// The same way of looking in a knowledge base that may have another embedding.
    pub(crate) fn for_baseline(&self) -> Self {
        Self { embedding: None, ..self.clone() }
    }

    fn settings(&self) -> RetrievalSettings {
        match self.retrieval {
            Way::Dense => RetrievalSettings::dense(),
            Way::Lexical => RetrievalSettings::lexical(),
            Way::Hybrid => RetrievalSettings {
                dense_weight: self.dense_weight,
                lexical_weight: self.lexical_weight,
                ..RetrievalSettings::default()
            },
        }
    }
}

/// A knowledge base with the embedding it was built with.
pub(crate) struct Opened {
    pub(crate) knowledge: KnowledgeBase,
    pub(crate) embedder: OnnxEmbedder,
    settings: RetrievalSettings,
}

impl Opened {
    /// Opens the tag in `folder` after checking it.
    pub(crate) fn open(folder: &Path, options: &Options) -> Result<Self, Failure> {
        let knowledge = rag_knowledge::open_verified(folder, 1)?;
        let built_with = knowledge.embedding();
        let name = options.embedding.as_ref().unwrap_or(&built_with.name);
        let model: PathBuf = ModelCache::from_environment().resolve(name);
        let embedder = embedding::open(&model, 1)?;
        knowledge.check_embedding(embedder.identity())?;
        Ok(Self { knowledge, embedder, settings: options.settings() })
    }

    /// How likely a passage answers the question, 0.0–1.0.
    pub(crate) fn relevance(&self, chosen: &Chosen) -> f32 {
        self.embedder.calibration().probability(chosen.evidence) as f32
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
        self.knowledge
            .retrieve(question, &vector, k, &self.settings, filter)
            .map_err(|e| failed(&e))
    }
}
