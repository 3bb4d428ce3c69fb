//! `kbctl calibrate`: what an embedding's scores mean, measured on a question set.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use evaluation::{Granularity, Question};
use rag_core::{Calibration, Chosen, Filter, Judged};
use serde::Serialize;

use super::evaluate::question_set;
use crate::render::{self, Failure, Output};
use crate::retrieval::{Opened, Options};

/// The passages judged for each question.
const DEPTH: usize = 10;

/// Fits the curve that turns an embedding's scores into probabilities, so that one threshold means
/// "not in the documents" whatever the embedding.
///
/// The question set needs questions that the documents do not answer, too. What is printed goes into the
/// embedding's embedding.json as `calibration`.
#[derive(Args)]
#[command(
    after_help = "Example:\n  kbctl calibrate data/green/v20261123 questions/debian-manuals.jsonl"
)]
pub(crate) struct Arguments {
    /// The tag's folder.
    knowledge: PathBuf,
    /// The question set: JSON Lines.
    questions: PathBuf,
    #[command(flatten)]
    retrieval: Options,
    /// Write the judged passages to a file: JSON Lines.
    #[arg(long, value_name = "FILE")]
    pairs: Option<PathBuf>,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Serialize)]
struct Pair<'a> {
    question: &'a str,
    language: &'a str,
    answerable: bool,
    rank: usize,
    cosine: f32,
    words: f32,
    relevant: bool,
}

#[derive(Serialize)]
struct Fitted {
    calibration: Coefficients,
    relevant: usize,
    irrelevant: usize,
    log_loss: f64,
    brier: f64,
}

#[derive(Serialize)]
struct Coefficients {
    cosine: f64,
    words: f64,
    intercept: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let set = question_set(&arguments.questions)?;
    let opened = Opened::open(&arguments.knowledge, &arguments.retrieval)?;
    let (mut judged, mut lines) = (Vec::new(), Vec::new());
    for question in set.questions() {
        let chosen = opened.ask(&question.question, DEPTH, &Filter::default())?;
        for (rank, chosen) in (1..).zip(&chosen) {
            let relevant = is_relevant(question, chosen);
            judged.push(Judged { evidence: chosen.evidence, relevant });
            let pair = Pair {
                question: &question.id,
                language: &question.language,
                answerable: question.is_answerable(),
                rank,
                cosine: chosen.evidence.cosine,
                words: chosen.evidence.words,
                relevant,
            };
            serde_json::to_writer(&mut lines, &pair).map_err(|e| Failure::new(e, None))?;
            lines.push(b'\n');
        }
    }
    if let Some(file) = &arguments.pairs {
        std::fs::File::create(file)
            .and_then(|mut file| file.write_all(&lines))
            .map_err(|e| Failure::new(format!("{}: {e}", file.display()), None))?;
    }
    let fit = Calibration::fit(&judged).map_err(|e| {
        Failure::new(e, Some("a larger question set, with questions of both kinds".to_owned()))
    })?;
    let round = |number: f64| (number * 1000.0).round() / 1000.0;
    let curve = fit.calibration;
    let calibration = Coefficients {
        cosine: round(curve.cosine()),
        words: round(curve.words()),
        intercept: round(curve.intercept()),
    };
    if arguments.output == Output::Json {
        return render::print_json(&Fitted {
            calibration,
            relevant: fit.relevant,
            irrelevant: fit.irrelevant,
            log_loss: round(fit.log_loss),
            brier: round(fit.brier),
        });
    }
    let calibration = serde_json::to_string(&calibration).map_err(|e| Failure::new(e, None))?;
    render::print(&format!(
        "\"calibration\": {calibration}\n{} relevant and {} other passages; log loss {:.3}, Brier score {:.3}",
        fit.relevant, fit.irrelevant, fit.log_loss, fit.brier
    ))
}

/// Whether the passage stands where an answer stands, and holds its words where the set gives them.
fn is_relevant(question: &Question, chosen: &Chosen) -> bool {
    let places = question.gold.iter().flat_map(|gold| &gold.places);
    places.into_iter().any(|place| place.holds(&chosen.passage, Granularity::Passage))
}
