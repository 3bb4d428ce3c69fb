//! An embedding model from a folder.

use std::path::Path;

use fastembed::{
    InitOptionsUserDefined, QuantizationMode, TextEmbedding, UserDefinedEmbeddingModel,
};
use rag_core::{Calibration, EmbedError, Embedder, EmbeddingIdentity, Pooling};
use tokenizers::Tokenizer;

use crate::description::Description;
use crate::error::OpenError;
use crate::hash::sha256;
use crate::model_folder::ModelFolder;
use crate::pool::Pool;

/// An ONNX model with its tokenizer. Each text is run alone on one thread, so its vector does not
/// depend on its neighbors (dynamic quantization and padding would make it so); several texts
/// run at the same time on several copies of the model.
pub struct OnnxEmbedder {
    identity: EmbeddingIdentity,
    calibration: Calibration,
    license: String,
    tokenizer: Tokenizer,
    sessions: Pool<TextEmbedding>,
}

/// Opens the model in `folder`, to embed up to `threads` texts at the same time. Each thread
/// holds its own copy of the model in memory.
///
/// # Errors
/// When a file is missing or wrong, ONNX Runtime is not found, or the model's vectors do not have
/// the declared width.
pub fn open(folder: &Path, threads: usize) -> Result<OnnxEmbedder, OpenError> {
    let description = Description::read(folder)?;
    let model = ModelFolder::read(folder, &description.file)?;
    let failed = |cause: String| OpenError::Model { file: model.file.clone(), cause };

    let identity = EmbeddingIdentity {
        name: description.name,
        version: description.version,
        dimensions: description.dimensions,
        pooling: description.pooling,
        query_prefix: description.query_prefix,
        passage_prefix: description.passage_prefix,
        max_tokens: description.max_tokens,
        model_sha256: sha256(&model.onnx),
        tokenizer_sha256: sha256(&model.tokenizer_files.tokenizer_file),
    };

    let files = UserDefinedEmbeddingModel {
        onnx_file: model.onnx,
        external_initializers: Vec::new(),
        tokenizer_files: model.tokenizer_files,
        pooling: Some(match identity.pooling {
            Pooling::Cls => fastembed::Pooling::Cls,
            Pooling::Mean => fastembed::Pooling::Mean,
        }),
        quantization: QuantizationMode::None,
        output_key: None,
    };
    let options = InitOptionsUserDefined::new()
        .with_environment(model.environment)
        .with_max_length(identity.max_tokens)
        .with_intra_threads(1);
    let sessions = Pool::loaded(threads, files, |files| {
        TextEmbedding::try_new_from_user_defined(files, options.clone())
            .map_err(|e| failed(e.to_string()))
    })?;

    let embedder = OnnxEmbedder {
        identity,
        calibration: description.calibration,
        license: description.license,
        tokenizer: model.tokenizer,
        sessions,
    };
    // A folder with another model under the same description is found out now, not at the first
    // question.
    embedder.embed_query("probe").map_err(|e| failed(e.cause))?;
    Ok(embedder)
}

impl OnnxEmbedder {
    /// The license the model's description names.
    pub fn license(&self) -> &str {
        &self.license
    }

    /// How many texts can be embedded at the same time.
    pub fn threads(&self) -> usize {
        self.sessions.size()
    }

    fn error(&self, cause: impl ToString) -> EmbedError {
        EmbedError { model: self.identity.name.clone(), cause: cause.to_string() }
    }

    fn embed_one(&self, session: &mut TextEmbedding, text: String) -> Result<Vec<f32>, EmbedError> {
        let mut vectors = session.embed([text], Some(1)).map_err(|e| self.error(e))?;
        let vector = vectors.pop().ok_or_else(|| self.error("the model gave no vector"))?;
        if vector.len() != self.identity.dimensions {
            return Err(self.error(format!(
                "the model's vectors have {} dimensions, and embedding.json says {}",
                vector.len(),
                self.identity.dimensions
            )));
        }
        if vector.iter().any(|x| !x.is_finite()) {
            return Err(self.error("the model gave a number that is not finite"));
        }
        Ok(vector)
    }
}

impl Embedder for OnnxEmbedder {
    fn identity(&self) -> &EmbeddingIdentity {
        &self.identity
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let prefixed = |text: &str| format!("{}{text}", self.identity.passage_prefix);
        self.sessions
            .map(passages, |session, passage| self.embed_one(session, prefixed(passage)))?
            .ok_or_else(|| self.error("an embedding thread stopped early"))
    }

    fn embed_query(&self, question: &str) -> Result<Vec<f32>, EmbedError> {
        let text = format!("{}{question}", self.identity.query_prefix);
        self.embed_one(&mut self.sessions.borrow(), text)
    }

    fn count_tokens(&self, text: &str) -> Result<usize, EmbedError> {
        self.tokenizer.encode(text, true).map(|encoding| encoding.len()).map_err(|e| self.error(e))
    }

    fn calibration(&self) -> Calibration {
        self.calibration
    }
}
