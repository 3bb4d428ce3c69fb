//! `kbctl calibrate`: what an embedding's scores mean, measured on question sets.

use std::path::PathBuf;

use clap::Args;
use rag_core::{Calibration, Filter, Judged, TOP_K};
use serde::Serialize;

use super::evaluate::question_set;
use crate::render::{self, Failure, Output};
use crate::retrieval::{Opened, Options, Reranking};

/// Fits the curve that turns an embedding's scores into probabilities, so that one threshold means
/// "not in the documents" whatever the embedding.
///
/// The question sets need questions that the documents do not answer, too. What is printed goes into the
/// embedding's embedding.json.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  kbctl calibrate data/green/v20261123=questions.jsonl\n  kbctl calibrate data/a/v1=questions/sample-handbook.jsonl data/b/v1=questions/debian-manuals.jsonl"
)]
pub(crate) struct Arguments {
    /// A tag's folder and the question set about its documents; several are taken together.
    #[arg(value_name = "KB=QUESTIONS", required = true, value_parser = pair)]
    sets: Vec<(PathBuf, PathBuf)>,
    /// Only questions in this language: what an embedding of one language is used for.
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
    #[command(flatten)]
    retrieval: Options,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

fn pair(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.rsplit_once('=') {
        Some((knowledge, questions)) if !knowledge.is_empty() && !questions.is_empty() => {
            Ok((knowledge.into(), questions.into()))
        }
        _ => Err("write KB=QUESTIONS, a tag's folder and a question set".to_owned()),
    }
}

#[derive(Serialize)]
struct Fitted {
    calibration: Coefficients,
    answerable: usize,
    unanswerable: usize,
    answered: f64,
    refused: f64,
    log_loss: f64,
}

#[derive(Serialize)]
struct Coefficients {
    cosine: f64,
    words: f64,
    intercept: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut judged = Vec::new();
    let mut embedding = None;
    for (knowledge, questions) in &arguments.sets {
        let set = question_set(questions)?;
        let opened = Opened::open(knowledge, &arguments.retrieval, &Reranking::default())?;
        let identity = opened.knowledge.embedding();
        if embedding.replace(identity.clone()).is_some_and(|other| other != identity) {
            let cause = format!("{}: it has another embedding than the first", knowledge.display());
            return Err(Failure::new(
                cause,
                Some("a curve is fitted for one embedding".to_owned()),
            ));
        }
        let asked = |language: &str| arguments.language.as_deref().is_none_or(|l| l == language);
        for question in set.questions().iter().filter(|question| asked(&question.language)) {
            let chosen = opened.ask(&question.question, TOP_K, &Filter::default())?;
            let found: Vec<_> = chosen.iter().map(|chosen| chosen.evidence).collect();
            if !found.is_empty() {
                judged.push(Judged { found, answerable: question.is_answerable() });
            }
        }
    }
    let fit = Calibration::fit(&judged).map_err(|e| {
        let hint = "a larger question set, with questions of both kinds".to_owned();
        Failure::new(e, Some(hint))
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
            answerable: fit.answerable,
            unanswerable: fit.unanswerable,
            answered: round(fit.answered),
            refused: round(fit.refused),
            log_loss: round(fit.log_loss),
        });
    }
    let calibration = serde_json::to_string(&calibration).map_err(|e| Failure::new(e, None))?;
    render::print(&format!(
        "\"calibration\": {calibration}\nat 0.5, {:.0} % of {} questions with an answer are answered and {:.0} % of {} others refused",
        fit.answered * 100.0,
        fit.answerable,
        fit.refused * 100.0,
        fit.unanswerable
    ))
}
