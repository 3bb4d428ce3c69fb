//! `kbctl search`: the passages nearest to a question.

use std::path::PathBuf;

use clap::Args;
use rag_core::{Embedder, Index, Passage};
use rag_knowledge::embedding::{self, ModelCache};
use serde::Serialize;

use crate::render::{self, Failure, Output};

/// Finds the passages nearest to a question.
#[derive(Args)]
#[command(
    after_help = "Example:\n  kbctl search data/green/v20261123 \"年假有几天？\" --top-k 3 --output json"
)]
pub(crate) struct Arguments {
    /// The tag's folder.
    knowledge: PathBuf,
    /// The question.
    question: String,
    /// How many passages.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    top_k: u16,
    /// The embedding, when it is not in the model cache under the name it was built with.
    #[arg(long, value_name = "MODEL")]
    embedding: Option<String>,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Serialize)]
struct Found {
    passages: Vec<Ranked>,
}

#[derive(Serialize)]
struct Ranked {
    rank: usize,
    score: f32,
    file: String,
    page: Option<u32>,
    heading: Option<String>,
    text: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.question.trim().is_empty() {
        return Err(Failure::usage("the question is empty"));
    }
    let knowledge = rag_knowledge::open_verified(&arguments.knowledge, 1)?;
    let built_with = knowledge.embedding();
    let name = arguments.embedding.as_ref().unwrap_or(&built_with.name);
    let embedder = embedding::open(&ModelCache::from_environment().resolve(name), 1)?;
    knowledge.check_embedding(embedder.identity())?;
    let failed = |e: &dyn std::fmt::Display| Failure::new(e, None);
    let vector = embedder.embed_query(&arguments.question).map_err(|e| failed(&e))?;
    let hits =
        knowledge.index().search(&vector, usize::from(arguments.top_k)).map_err(|e| failed(&e))?;
    let mut passages = Vec::with_capacity(hits.len());
    for (rank, hit) in (1..).zip(hits) {
        let Passage { file, page, heading, text } = knowledge.passage(hit.passage)?;
        passages.push(Ranked { rank, score: hit.score, file, page, heading, text });
    }
    if arguments.output == Output::Json {
        return render::print_json(&Found { passages });
    }
    for passage in &passages {
        let place = match (passage.page, &passage.heading) {
            (Some(page), _) => format!(", page {page}"),
            (None, Some(heading)) => format!(", {heading}"),
            (None, None) => String::new(),
        };
        let weak = if passage.score < embedder.min_score() { ", below the threshold" } else { "" };
        render::print(&render::plain(&format!(
            "{}. {}{place} (score {:.3}{weak})\n{}\n",
            passage.rank, passage.file, passage.score, passage.text
        )))?;
    }
    Ok(())
}
