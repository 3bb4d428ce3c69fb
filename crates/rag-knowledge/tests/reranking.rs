//! What a reranker is asked by a knowledge base, and what becomes of what it says.
#![cfg(feature = "build")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Mutex;

use rag_core::diversity::Lambda;
use rag_core::{
    Chosen, Embedder, Filter, LogitCurve, RerankError, Reranker, RerankerIdentity,
    RetrievalSettings,
};
use rag_knowledge::{KnowledgeBase, RetrieveError, open_verified};

#[path = "made/builds.rs"]
mod made;

use made::{Letters, documents, request, run};

/// Prefers short passages, in steps of ten characters; remembers what it was asked.
struct Short {
    identity: RerankerIdentity,
    asked: Mutex<Vec<String>>,
}

impl Short {
    fn new() -> Self {
        let identity = RerankerIdentity {
            name: "short".to_owned(),
            version: "1".to_owned(),
            max_tokens: 512,
            model_sha256: "0".repeat(64),
        };
        Self { identity, asked: Mutex::default() }
    }
}

fn steps(text: &str) -> f32 {
    -((text.len() / 10) as f32)
}

impl Reranker for Short {
    fn identity(&self) -> &RerankerIdentity {
        &self.identity
    }

    fn score(&self, question: &str, passages: &[&str]) -> Result<Vec<f32>, RerankError> {
        if question == "fail" {
            let (model, cause) = ("short".to_owned(), "it was asked to".to_owned());
            return Err(RerankError { model, cause });
        }
        *self.asked.lock().unwrap() = passages.iter().map(|text| (*text).to_owned()).collect();
        Ok(passages.iter().map(|text| steps(text)).collect())
    }

    fn calibration(&self) -> Option<LogitCurve> {
        None
    }
}

const ALL: usize = 100;

fn retrieve(
    knowledge: &KnowledgeBase,
    question: &str,
    settings: &RetrievalSettings,
    reranker: Option<&dyn Reranker>,
) -> Result<Vec<Chosen>, RetrieveError> {
    let vector = Letters::new().embed_query(question).unwrap();
    knowledge.retrieve(question, &vector, ALL, settings, &Filter::default(), reranker)
}

fn positions(chosen: &[Chosen]) -> Vec<usize> {
    chosen.iter().map(|chosen| chosen.position).collect()
}

#[test]
fn the_best_are_reordered_and_the_others_stay_behind_them() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let built = run(&request(folder.path(), "v1")).unwrap();
    let knowledge = open_verified(&built.folder, 1).unwrap();
    let question = "How many days of annual leave are there?";
    let fused = retrieve(&knowledge, question, &RetrievalSettings::default(), None).unwrap();
    assert!(fused.len() > 8 && fused.iter().all(|chosen| chosen.logit.is_none()));

    let short = Short::new();
    let settings = RetrievalSettings { reranked: 6, ..RetrievalSettings::default() };
    let reranked = retrieve(&knowledge, question, &settings, Some(&short)).unwrap();
    let (best, others) = fused.split_at(6);
    // It reads the heading path with the text.
    let indexed: Vec<_> = best.iter().map(|chosen| chosen.passage.embedded_text()).collect();
    assert_eq!(*short.asked.lock().unwrap(), indexed);
    assert!(best.iter().any(|chosen| chosen.passage.heading.is_some()));
    // Equal ones keep their order.
    let mut expected = best.to_vec();
    expected.sort_by_key(|chosen| chosen.passage.embedded_text().len() / 10);
    assert_eq!(positions(&reranked[..6]), positions(&expected));
    assert_ne!(positions(&expected), positions(best));
    for chosen in &reranked[..6] {
        assert_eq!(chosen.logit, Some(steps(&chosen.passage.embedded_text())));
    }
    assert_eq!(reranked[6..], *others);

    // Diversity begins from the reranker's order, and changes nothing where only relevance counts.
    let only_relevance = Some(Lambda::new(1.0).unwrap());
    let diverse = RetrievalSettings { diversity: only_relevance, ..settings };
    let diverse = retrieve(&knowledge, question, &diverse, Some(&short)).unwrap();
    assert_eq!(diverse, reranked);

    let failed = retrieve(&knowledge, "fail", &settings, Some(&short)).unwrap_err();
    assert_eq!(failed.to_string(), "reranking with short: it was asked to");
}
