//! An embedding model from a folder.

use std::path::Path;

use ort::session::builder::PrepackedWeights;
use rag_core::{Calibration, EmbedError, Embedder, EmbeddingIdentity};
use tokenizers::{Encoding, PostProcessor, Tokenizer, TruncationDirection};

use crate::description::Description;
use crate::encoder::Encoder;
use crate::error::OpenError;
use crate::hash::sha256_of_file;
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
    encoders: Pool<Encoder>,
}

/// Opens the model in `folder`, to embed up to `threads` texts at the same time. Each thread
/// holds its own copy of the model in memory.
///
/// # Errors
/// When a file is missing or wrong, ONNX Runtime is not found, or the model's vectors do not have
/// the declared width.
pub fn open(folder: &Path, threads: usize) -> Result<OnnxEmbedder, OpenError> {
    let description = Description::read(folder)?;
    let model = ModelFolder::open(folder, &description.file)?;
    let failed = |cause: String| OpenError::Model { file: model.file.clone(), cause };

    let identity = EmbeddingIdentity {
        name: description.name,
        version: description.version,
        dimensions: description.dimensions,
        pooling: description.pooling,
        query_prefix: description.query_prefix,
        passage_prefix: description.passage_prefix,
        max_tokens: description.max_tokens,
        model_sha256: sha256_of_file(&model.file)?,
        tokenizer_sha256: sha256_of_file(&model.tokenizer_file)?,
    };

    let weights = PrepackedWeights::new();
    let encoders = Pool::loaded(threads, || {
        Encoder::load(&model.environment, &model.file, identity.pooling, &weights).map_err(failed)
    })?;

    let embedder = OnnxEmbedder {
        identity,
        calibration: description.calibration,
        license: description.license,
        tokenizer: model.tokenizer,
        encoders,
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
        self.encoders.size()
    }

    fn error(&self, cause: impl ToString) -> EmbedError {
        EmbedError { model: self.identity.name.clone(), cause: cause.to_string() }
    }

    /// The tokens of a text; of a longer one than the model reads, its beginning.
    fn tokens(&self, text: &str) -> tokenizers::Result<Encoding> {
        let whole = self.tokenizer.encode(text, true)?;
        if whole.len() <= self.identity.max_tokens {
            return Ok(whole);
        }
        let special = self.tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(false));
        let mut plain = self.tokenizer.encode(text, false)?;
        let room = self.identity.max_tokens.saturating_sub(special);
        plain.truncate(room, 0, TruncationDirection::Right);
        self.tokenizer.post_process(plain, None, true)
    }

    fn embed_one(&self, encoder: &mut Encoder, text: &str) -> Result<Vec<f32>, EmbedError> {
        let tokens = self.tokens(text).map_err(|e| self.error(e))?;
        let vector = encoder.vector(&tokens).map_err(|e| self.error(e))?;
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
        self.encoders
            .map(passages, |encoder, passage| self.embed_one(encoder, &prefixed(passage)))?
            .ok_or_else(|| self.error("an embedding thread stopped early"))
    }

    fn embed_query(&self, question: &str) -> Result<Vec<f32>, EmbedError> {
        let text = format!("{}{question}", self.identity.query_prefix);
        self.embed_one(&mut self.encoders.borrow(), &text)
    }

    fn count_tokens(&self, text: &str) -> Result<usize, EmbedError> {
        self.tokenizer.encode(text, true).map(|encoding| encoding.len()).map_err(|e| self.error(e))
    }

    fn calibration(&self) -> Calibration {
        self.calibration
    }
}

#[cfg(test)]
mod tests {
    use fastembed::{InitOptionsUserDefined, TextEmbedding, UserDefinedEmbeddingModel};

    use super::*;
    use crate::cache::ModelCache;

    /// fastembed itself, one text at a time on one thread.
    fn by_fastembed(folder: &Path, max_tokens: usize) -> TextEmbedding {
        let model = ModelFolder::open(folder, "model.onnx").unwrap();
        let (onnx, tokenizer_files) = model.in_memory().unwrap();
        let mut files = UserDefinedEmbeddingModel::new(onnx, tokenizer_files);
        files.pooling = Some(fastembed::Pooling::Mean);
        let options = InitOptionsUserDefined::new()
            .with_environment(model.environment)
            .with_max_length(max_tokens)
            .with_intra_threads(1);
        TextEmbedding::try_new_from_user_defined(files, options).unwrap()
    }

    #[test]
    fn vectors_are_those_of_fastembed_to_the_bit() {
        let long = "word ".repeat(1000);
        let texts =
            ["annual leave", "年假可以结转几天？", "", "\u{1F600} naïve  ﬁle\n", long.as_str()];
        for name in ["all-minilm-l6-v2-int8", "multilingual-e5-small"] {
            let folder = ModelCache::from_environment().resolve(name);
            let ours = open(&folder, 1).unwrap();
            let mut theirs = by_fastembed(&folder, ours.identity.max_tokens);
            for text in texts {
                let prefixed = format!("{}{text}", ours.identity.query_prefix);
                let expected = theirs.embed([&prefixed], Some(1)).unwrap().remove(0);
                assert_eq!(ours.embed_query(text).unwrap(), expected, "{name} {prefixed:?}");
            }
        }
    }
}
