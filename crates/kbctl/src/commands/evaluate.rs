//! `kbctl evaluate`: how well a knowledge base finds what a question set asks for, alone or beside another.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use evaluation::{
    Best, Found, Granularity, QuestionSet, Resampling, Run, Separation, compare, evaluate,
    separate, table,
};
use rag_core::{Filter, MIN_SCORE, TOP_K};
use serde::Serialize;

use crate::render::{self, Failure, Output};
use crate::replace::replace;
use crate::retrieval::{Opened, Options, Reranking};

/// The passages asked for: no measure looks at more (docs/QUESTIONS.md).
const DEPTH: usize = 10;

/// Asks a knowledge base the questions of a set, and measures what it finds.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kbctl evaluate data/green/v20261123 questions/sample-handbook.jsonl
  kbctl evaluate data/green/v20261123 questions.jsonl --compare data/blue/v20261101
  kbctl evaluate data/green/v20261123 questions.jsonl --retrieval dense --save runs/dense.json
  kbctl evaluate data/green/v20261124 questions.jsonl --compare runs/green.json --output json
  kbctl evaluate data/green/v20261124 questions.jsonl --reranker bge-reranker-base --compare runs/green.json

The format of question sets and the measures are described in docs/QUESTIONS.md.")]
pub(crate) struct Arguments {
    /// The tag's folder.
    knowledge: PathBuf,
    /// The question set: JSON Lines.
    questions: PathBuf,
    /// The baseline: another tag's folder, or a run that was saved.
    #[arg(long, value_name = "KB|RUN")]
    compare: Option<PathBuf>,
    /// How near a passage must come to count.
    #[arg(long, value_enum, default_value = "page")]
    granularity: Near,
    /// Write the run to a file, to be compared with later.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    retrieval: Options,
    #[command(flatten)]
    reranking: Reranking,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Near {
    /// On the page, or under the heading.
    Page,
    /// And holding the words of the place.
    Passage,
}

impl From<Near> for Granularity {
    fn from(near: Near) -> Self {
        match near {
            Near::Page => Self::Page,
            Near::Passage => Self::Passage,
        }
    }
}

#[derive(Serialize)]
struct Evaluated {
    run: Run,
    /// How well the best score tells questions that the documents answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    separation: Option<Separation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<evaluation::Comparison>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let set = question_set(&arguments.questions)?;
    let granularity = arguments.granularity.into();
    // Read before anything takes long.
    let saved = match &arguments.compare {
        Some(path) if path.is_file() => Some(saved_run(path)?),
        Some(_) | None => None,
    };
    let asked = |folder: &Path, options: &Options| {
        let opened = Opened::open(folder, options, &arguments.reranking)?;
        ask(folder, &opened, &set, granularity)
    };
    let (run, separation) = asked(&arguments.knowledge, &arguments.retrieval)?;
    let baseline = match (saved, &arguments.compare) {
        (Some(run), _) => Some(run),
        (None, Some(folder)) => Some(asked(folder, &arguments.retrieval.for_baseline())?.0),
        (None, None) => None,
    };
    let comparison = baseline
        .map(|baseline| compare(&baseline, &run, Resampling::default()))
        .transpose()
        .map_err(|error| Failure::new(error, None))?;
    if let Some(file) = &arguments.save {
        save(file, &run)?;
    }
    if arguments.output == Output::Json {
        return render::print_json(&Evaluated { run, separation, comparison });
    }
    render::print(&render::plain(&table::run(&run)))?;
    if let Some(separation) = separation {
        render::print(&format!(
            "\ntelling unanswerable questions: area {:.3}; at a threshold of {:.3}, {:.0} % of {} are answered and {:.0} % of {} refused\n",
            separation.area,
            separation.threshold,
            separation.answered * 100.0,
            separation.answerable,
            separation.refused * 100.0,
            separation.unanswerable,
        ))?;
    }
    if let Some(comparison) = comparison {
        render::print(&format!("\n{}", render::plain(&table::comparison(&comparison))))?;
    }
    Ok(())
}

pub(crate) fn question_set(file: &Path) -> Result<QuestionSet, Failure> {
    let named = |error: &dyn std::fmt::Display| {
        let hint = "docs/QUESTIONS.md describes the format".to_owned();
        Failure::new(format!("{}: {error}", file.display()), Some(hint))
    };
    let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
    QuestionSet::parse(&text).map_err(|error| named(&error))
}

fn saved_run(file: &Path) -> Result<Run, Failure> {
    let named = |error: &dyn std::fmt::Display| {
        let hint = "--compare takes a tag's folder, or what --save has written".to_owned();
        Failure::new(format!("{}: {error}", file.display()), Some(hint))
    };
    let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
    Run::from_json(&text).map_err(|error| named(&error))
}

/// Asks every question of the set of the knowledge base in `folder`. Those that ask for documents it does not have are asked, too, and
/// named: nothing else says that a file was renamed.
pub(crate) fn ask(
    folder: &Path,
    opened: &Opened,
    set: &QuestionSet,
    granularity: Granularity,
) -> Result<(Run, Option<Separation>), Failure> {
    let called = folder
        .file_name()
        .map_or_else(|| folder.display().to_string(), |name| name.display().to_string());
    for (file, questions) in set.missing_documents(&opened.documents()) {
        render::note(&render::plain(&format!(
            "warning: {called} has no document {file}, in which {questions} of the set's questions are answered: none of its passages counts for them; build it with that document, or correct the set"
        )));
    }
    let (mut found, mut best) = (Vec::new(), Vec::new());
    for question in set.questions() {
        let chosen = opened.ask(&question.question, DEPTH, &Filter::default())?;
        let relevance = chosen.iter().take(TOP_K).map(|chosen| opened.relevance(chosen));
        let score = relevance.fold(f32::NEG_INFINITY, f32::max);
        found.push(Found {
            id: question.id.clone(),
            passages: chosen.into_iter().map(|chosen| chosen.passage).collect(),
            refused: Some(score < MIN_SCORE),
        });
        best.push(Best { score, answerable: question.is_answerable() });
    }
    let run = evaluate(&called, set, found, granularity, Resampling::default());
    Ok((run.map_err(|error| Failure::new(error, None))?, separate(&best)))
}

/// Writes beside and moves: a run that is there is not lost to a full disk.
fn save(file: &Path, run: &Run) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("the run could not be saved as {}: {error}", file.display()), None)
    };
    let text = serde_json::to_string_pretty(run).map_err(|error| failed(&error))?;
    replace(file, (text + "\n").as_bytes()).map_err(|error| failed(&error))
}
