//! `kbctl calibrate`: what the scores of an embedding or a reranker mean, measured on question sets.

use std::path::{Path, PathBuf};

use clap::Args;
use rag_core::{Calibration, CalibrationError, Chosen, Filter, Fit, Judged, LogitCurve, TOP_K};
use serde::Serialize;

use super::evaluate::question_set;
use crate::render::{self, Failure, Output};
use crate::retrieval::{Opened, Options, Reranking};

/// Fits the curve that turns the scores of an embedding, or of a reranker, into probabilities, so that one
/// threshold means "not in the documents" whatever the model.
///
/// The question sets need questions that the documents do not answer, too. What is printed goes into the
/// embedding's embedding.json, or with --reranker into the reranker's reranker.json.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  kbctl calibrate data/green/v20261123=questions.jsonl\n  kbctl calibrate data/a/v1=questions/sample-handbook.jsonl data/b/v1=questions/debian-manuals.jsonl\n  kbctl calibrate data/green/v20261123=questions.jsonl --reranker bge-reranker-base"
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
    #[command(flatten)]
    reranking: Reranking,
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
struct Fitted<Coefficients> {
    calibration: Coefficients,
    answerable: usize,
    unanswerable: usize,
    answered: f64,
    refused: f64,
    log_loss: f64,
}

/// What an embedding's description says of its scores.
#[derive(Serialize)]
struct EmbeddingCurve {
    cosine: f64,
    words: f64,
    intercept: f64,
}

/// What a reranker's description says of its logits.
#[derive(Serialize)]
struct RerankerCurve {
    slope: f64,
    offset: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let asked = ask(arguments)?;
    let fitted = |cause: CalibrationError| {
        let hint = "a larger question set, with questions of both kinds".to_owned();
        Failure::new(cause, Some(hint))
    };
    if arguments.reranking.is_asked_for() {
        let logits = |(chosen, answerable): &(Vec<Chosen>, bool)| {
            let logits: Vec<f32> = chosen.iter().filter_map(|chosen| chosen.logit).collect();
            (logits, *answerable)
        };
        let fit = LogitCurve::fit(&asked.iter().map(logits).collect::<Vec<_>>()).map_err(fitted)?;
        let curve = fit.calibration;
        let curve = RerankerCurve { slope: round(curve.slope()), offset: round(curve.offset()) };
        show(&fit, curve, arguments.output)
    } else {
        let judged = |(chosen, answerable): &(Vec<Chosen>, bool)| Judged {
            found: chosen.iter().map(|chosen| chosen.evidence).collect(),
            answerable: *answerable,
        };
        let fit =
            Calibration::fit(&asked.iter().map(judged).collect::<Vec<_>>()).map_err(fitted)?;
        let curve = fit.calibration;
        let curve = EmbeddingCurve {
            cosine: round(curve.cosine()),
            words: round(curve.words()),
            intercept: round(curve.intercept()),
        };
        show(&fit, curve, arguments.output)
    }
}

/// What is found for each question for which something is found, and whether the documents answer it.
fn ask(arguments: &Arguments) -> Result<Vec<(Vec<Chosen>, bool)>, Failure> {
    let mut asked = Vec::new();
    let mut embedding = None;
    for (knowledge, questions) in &arguments.sets {
        let set = question_set(questions)?;
        let opened = Opened::open(knowledge, &arguments.retrieval, &arguments.reranking)?;
        let identity = opened.knowledge.embedding();
        if embedding.replace(identity.clone()).is_some_and(|other| other != identity) {
            return Err(another_embedding(knowledge));
        }
        let is_asked = |language: &str| arguments.language.as_deref().is_none_or(|l| l == language);
        for question in set.questions().iter().filter(|question| is_asked(&question.language)) {
            let chosen = opened.ask(&question.question, TOP_K, &Filter::default())?;
            if !chosen.is_empty() {
                asked.push((chosen, question.is_answerable()));
            }
        }
    }
    Ok(asked)
}

fn another_embedding(knowledge: &Path) -> Failure {
    let cause = format!("{}: it has another embedding than the first", knowledge.display());
    Failure::new(cause, Some("a curve is fitted for one embedding".to_owned()))
}

fn show<Curve>(
    fit: &Fit<Curve>,
    calibration: impl Serialize,
    output: Output,
) -> Result<(), Failure> {
    if output == Output::Json {
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

fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
