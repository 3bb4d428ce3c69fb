//! `kbctl search`: the passages that may answer a question.

use std::path::PathBuf;

use clap::Args;
use rag_core::{Chosen, Filter, MIN_SCORE, Passage};
use serde::Serialize;
use serde_json::json;

use crate::render::{self, Failure, Output};
use crate::retrieval::{Opened, Options, Reranking};

/// Finds the passages that may answer a question, best first.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  kbctl search data/green/v20261123 \"年假有几天？\" --top-k 3 --output json\n  kbctl search data/green/v20261123 \"VPN password\" --path-prefix it --from 2026-01-01\n  kbctl search data/green/v20261123 \"VPN password\" --retrieval lexical\n  kbctl search data/green/v20261123 \"VPN password\" --reranker bge-reranker-base"
)]
pub(crate) struct Arguments {
    /// The tag's folder.
    knowledge: PathBuf,
    /// The question.
    question: String,
    /// How many passages.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    top_k: u16,
    #[command(flatten)]
    retrieval: Options,
    #[command(flatten)]
    reranking: Reranking,
    /// Only this document; may be given more than once.
    #[arg(long, value_name = "PATH")]
    file: Vec<String>,
    /// Only documents under this folder; may be given more than once.
    #[arg(long, value_name = "PATH")]
    path_prefix: Vec<String>,
    /// Only documents last changed on this day or later, as they say themselves.
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Only documents last changed on this day or earlier.
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Serialize)]
struct Found {
    passages: Vec<Ranked>,
    /// Where "not in the documents" begins.
    min_score: f32,
}

#[derive(Serialize)]
struct Ranked {
    rank: usize,
    /// How likely it answers the question, 0.0–1.0.
    score: f32,
    file: String,
    page: Option<u32>,
    /// What is printed on the page, where that is not its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    page_label: Option<String>,
    heading: Option<String>,
    text: String,
    cosine: f32,
    /// The share of the question's words it holds, 0.0–1.0.
    words: f32,
    /// What the reranker says of it; absent where it was not reranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    logit: Option<f32>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.question.trim().is_empty() {
        return Err(Failure::usage("the question is empty"));
    }
    let filter = filter(arguments)?;
    let opened = Opened::open(&arguments.knowledge, &arguments.retrieval, &arguments.reranking)?;
    let chosen = opened.ask(&arguments.question, usize::from(arguments.top_k), &filter)?;
    let passages: Vec<Ranked> =
        (1..).zip(chosen).map(|(rank, chosen)| ranked(rank, chosen, &opened)).collect();
    if arguments.output == Output::Json {
        return render::print_json(&Found { passages, min_score: MIN_SCORE });
    }
    for passage in &passages {
        let place = match (passage.page, &passage.heading) {
            (Some(page), _) => match &passage.page_label {
                Some(label) => format!(", page {label} (page {page} of the file)"),
                None => format!(", page {page}"),
            },
            (None, Some(heading)) => format!(", {heading}"),
            (None, None) => String::new(),
        };
        let weak = if passage.score < MIN_SCORE { ", below the threshold" } else { "" };
        let logit = passage.logit.map_or_else(String::new, |logit| format!(", logit {logit:.3}"));
        render::print(&render::plain(&format!(
            "{}. {}{place} (score {:.3}{weak}{logit})\n{}\n",
            passage.rank, passage.file, passage.score, passage.text
        )))?;
    }
    Ok(())
}

fn ranked(rank: usize, chosen: Chosen, opened: &Opened) -> Ranked {
    let score = opened.relevance(&chosen);
    let page_label = opened.knowledge.page_label(&chosen.passage).map(str::to_owned);
    let Chosen { passage: Passage { file, page, heading, text }, evidence, logit, .. } = chosen;
    let (cosine, words) = (evidence.cosine, evidence.words);
    Ranked { rank, score, file, page, page_label, heading, text, cosine, words, logit }
}

/// The filter in the form that `/v1/search` takes, so that both say the same of a wrong one.
fn filter(arguments: &Arguments) -> Result<Filter, Failure> {
    let mut keys = serde_json::Map::new();
    if !arguments.file.is_empty() {
        keys.insert("file".to_owned(), json!(arguments.file));
    }
    if !arguments.path_prefix.is_empty() {
        keys.insert("path_prefix".to_owned(), json!(arguments.path_prefix));
    }
    if arguments.from.is_some() || arguments.to.is_some() {
        keys.insert("date".to_owned(), json!({ "from": arguments.from, "to": arguments.to }));
    }
    Filter::from_json(&keys.into()).map_err(Failure::usage)
}
