//! A reranker from a folder: a cross-encoder that reads question and passage together.

use std::path::Path;

use fastembed::{
    RerankInitOptionsUserDefined, RerankResult, TextRerank, UserDefinedRerankingModel,
};
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{TensorElementType, ValueType};
use rag_core::{LogitCurve, RerankError, Reranker, RerankerIdentity};
use tokenizers::{PostProcessor, Tokenizer, TruncationStrategy};

use crate::description::RerankerDescription;
use crate::error::OpenError;
use crate::hash::sha256;
use crate::model_folder::ModelFolder;
use crate::pool::Pool;

/// The output that holds the logits; fastembed reads no other.
const LOGITS: &str = "logits";

/// An ONNX cross-encoder with its tokenizer. Each pair is run alone on one thread, so its logit does not
/// depend on the other passages (dynamic quantization and padding would make it so); several pairs run
/// at the same time on several copies of the model.
pub struct OnnxReranker {
    identity: RerankerIdentity,
    calibration: Option<LogitCurve>,
    license: String,
    tokenizer: Tokenizer,
    /// Tokens of a question that are read at most.
    longest_question: usize,
    sessions: Pool<TextRerank>,
}

/// Opens the reranker in `folder`, to score up to `threads` pairs at the same time. Each thread holds its
/// own copy of the model in memory.
///
/// # Errors
/// When a file is missing or wrong, ONNX Runtime is not found, or the model does not give one finite
/// logit for a pair.
pub fn open_reranker(folder: &Path, threads: usize) -> Result<OnnxReranker, OpenError> {
    let description = RerankerDescription::read(folder)?;
    let model = ModelFolder::open(folder, &description.file)?;
    let (onnx, tokenizer_files) = model.in_memory()?;
    let failed = |cause: String| OpenError::Model { file: model.file.clone(), cause };
    gives_one_logit(&model.environment, &onnx).map_err(failed)?;

    let options = RerankInitOptionsUserDefined::new()
        .with_environment(model.environment)
        .with_max_length(description.max_tokens)
        .with_intra_threads(1);
    let mut max_tokens = description.max_tokens;
    let model_sha256 = sha256(&onnx);
    let files = UserDefinedRerankingModel::new(onnx, tokenizer_files);
    let sessions = Pool::loaded(threads, || {
        let mut session = TextRerank::try_new_from_user_defined(files.clone(), options.clone())
            .map_err(|e| failed(e.to_string()))?;
        // The question stays whole and the passage loses its end: fastembed cuts the longer of the two.
        if let Some(truncation) = session.tokenizer.get_truncation_mut() {
            truncation.strategy = TruncationStrategy::OnlySecond;
            // The tokenizer's own bound may be lower.
            max_tokens = truncation.max_length;
        }
        Ok(session)
    })?;

    let special = model.tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(true));
    let reranker = OnnxReranker {
        identity: RerankerIdentity {
            name: description.name,
            version: description.version,
            max_tokens,
            model_sha256,
        },
        calibration: description.calibration,
        license: description.license,
        tokenizer: model.tokenizer,
        // As in FlagEmbedding, `BaseReranker.compute_score_single_gpu`: something of the passage is
        // always read.
        longest_question: max_tokens.saturating_sub(special) * 3 / 4,
        sessions,
    };
    // A model that cannot be run is found out now, not at the first question.
    reranker.score("probe", &["probe"]).map_err(|e| failed(e.cause))?;
    Ok(reranker)
}

/// Refuses a model whose logits are not `[pairs, 1]`: fastembed would take the first number of each row,
/// whatever it means.
fn gives_one_logit(environment: &Environment, onnx: &[u8]) -> Result<(), String> {
    let mut builder = Session::builder(environment)
        .map_err(|e| e.to_string())?
        .with_optimization_level(GraphOptimizationLevel::Disable)
        .map_err(|e| e.to_string())?;
    let session = builder.commit_from_memory(onnx).map_err(|e| e.to_string())?;
    match session.outputs().iter().find(|output| output.name() == LOGITS).map(|it| it.dtype()) {
        None => Err(format!("the model has no output `{LOGITS}`")),
        Some(ValueType::Tensor { ty: TensorElementType::Float32, shape, .. })
            if matches!(shape[..], [_, 1]) =>
        {
            Ok(())
        }
        Some(other) => Err(format!(
            "`{LOGITS}` is {other}, and a reranker gives one number a pair, f32 of the shape [pairs, 1]"
        )),
    }
}

impl OnnxReranker {
    /// The license the model's description names.
    pub fn license(&self) -> &str {
        &self.license
    }

    fn error(&self, cause: impl ToString) -> RerankError {
        RerankError { model: self.identity.name.clone(), cause: cause.to_string() }
    }

    /// The question, or its beginning when it would leave no room for the passage.
    fn fitting<'a>(&self, question: &'a str) -> Result<&'a str, RerankError> {
        let encoding = self.tokenizer.encode(question, false).map_err(|e| self.error(e))?;
        if encoding.len() <= self.longest_question {
            return Ok(question);
        }
        let read = encoding.get_offsets().get(..self.longest_question).unwrap_or_default();
        let end = read.last().map_or(0, |(_, end)| *end);
        Ok(question.get(..end).unwrap_or(question))
    }

    fn score_one(
        &self,
        session: &mut TextRerank,
        question: &str,
        passage: &str,
    ) -> Result<f32, RerankError> {
        let scored = session.rerank(question, [passage], false, Some(1));
        match scored.map_err(|e| self.error(e))?[..] {
            [RerankResult { score, .. }] if score.is_finite() => Ok(score),
            [_] => Err(self.error("the model gave a number that is not finite")),
            _ => Err(self.error("the model did not give one number for a pair")),
        }
    }
}

impl Reranker for OnnxReranker {
    fn identity(&self) -> &RerankerIdentity {
        &self.identity
    }

    fn score(&self, question: &str, passages: &[&str]) -> Result<Vec<f32>, RerankError> {
        let question = self.fitting(question)?;
        self.sessions
            .map(passages, |session, passage| self.score_one(session, question, passage))?
            .ok_or_else(|| self.error("a reranking thread stopped early"))
    }

    fn calibration(&self) -> Option<LogitCurve> {
        self.calibration
    }
}
