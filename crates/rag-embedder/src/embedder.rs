//! An embedding model from a folder.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fastembed::{
    InitOptionsUserDefined, QuantizationMode, TextEmbedding, TokenizerFiles,
    UserDefinedEmbeddingModel,
};
use rag_core::{Calibration, EmbedError, Embedder, EmbeddingIdentity, Pooling};
use tokenizers::Tokenizer;

use crate::cache::ModelCache;
use crate::description::Description;
use crate::error::OpenError;
use crate::hash::sha256;
use crate::pool::Pool;
use crate::runtime;

/// What embedding one text gave.
type Embedded = Result<Vec<f32>, EmbedError>;

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
    if !folder.is_dir() {
        return Err(OpenError::NoFolder { folder: folder.to_owned() });
    }
    let description = Description::read(folder)?;
    let file = folder.join(&description.file);
    let onnx = read(&file)?;
    let tokenizer_path = folder.join("tokenizer.json");
    let files = TokenizerFiles {
        tokenizer_file: read(&tokenizer_path)?,
        config_file: read(&folder.join("config.json"))?,
        special_tokens_map_file: read(&folder.join("special_tokens_map.json"))?,
        tokenizer_config_file: read(&folder.join("tokenizer_config.json"))?,
    };
    let mut tokenizer = Tokenizer::from_bytes(&files.tokenizer_file)
        .map_err(|e| OpenError::Model { file: tokenizer_path.clone(), cause: e.to_string() })?;
    tokenizer.with_padding(None);
    tokenizer
        .with_truncation(None)
        .map_err(|e| OpenError::Model { file: tokenizer_path.clone(), cause: e.to_string() })?;

    let identity = EmbeddingIdentity {
        name: description.name,
        version: description.version,
        dimensions: description.dimensions,
        pooling: description.pooling,
        query_prefix: description.query_prefix,
        passage_prefix: description.passage_prefix,
        max_tokens: description.max_tokens,
        model_sha256: sha256(&onnx),
        tokenizer_sha256: sha256(&files.tokenizer_file),
    };

    let beside = folder.parent().unwrap_or(Path::new("."));
    let environment = runtime::environment(&[
        beside.join("onnxruntime"),
        ModelCache::from_environment().folder().join("onnxruntime"),
    ])?;
    let model = UserDefinedEmbeddingModel {
        onnx_file: onnx,
        external_initializers: Vec::new(),
        tokenizer_files: files,
        pooling: Some(match identity.pooling {
            Pooling::Cls => fastembed::Pooling::Cls,
            Pooling::Mean => fastembed::Pooling::Mean,
        }),
        quantization: QuantizationMode::None,
        output_key: None,
    };
    let options = InitOptionsUserDefined::new()
        .with_environment(environment)
        .with_max_length(identity.max_tokens)
        .with_intra_threads(1);
    let load = |model: UserDefinedEmbeddingModel| {
        TextEmbedding::try_new_from_user_defined(model, options.clone())
            .map_err(|e| OpenError::Model { file: file.clone(), cause: e.to_string() })
    };
    let mut sessions = Vec::with_capacity(threads.max(1));
    for _ in 1..threads.max(1) {
        sessions.push(load(model.clone())?);
    }
    sessions.push(load(model)?);

    let embedder = OnnxEmbedder {
        identity,
        calibration: description.calibration,
        license: description.license,
        tokenizer,
        sessions: Pool::new(sessions),
    };
    // A folder with another model under the same description is found out now, not at the first
    // question.
    embedder
        .embed_query("probe")
        .map_err(|e| OpenError::Model { file: file.clone(), cause: e.cause })?;
    Ok(embedder)
}

fn read(path: &PathBuf) -> Result<Vec<u8>, OpenError> {
    std::fs::read(path)
        .map_err(|e| OpenError::Unreadable { file: path.clone(), cause: e.to_string() })
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
        let threads = self.threads().min(passages.len());
        if threads <= 1 {
            let mut session = self.sessions.borrow();
            return passages.iter().map(|p| self.embed_one(&mut session, prefixed(p))).collect();
        }
        let slots: Vec<Mutex<Option<Embedded>>> =
            passages.iter().map(|_| Mutex::new(None)).collect();
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut session = self.sessions.borrow();
                    while !failed.load(Ordering::Relaxed) {
                        let position = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(passage), Some(slot)) =
                            (passages.get(position), slots.get(position))
                        else {
                            break;
                        };
                        let vector = self.embed_one(&mut session, prefixed(passage));
                        failed.fetch_or(vector.is_err(), Ordering::Relaxed);
                        if let Ok(mut slot) = slot.lock() {
                            *slot = Some(vector);
                        }
                    }
                });
            }
        });
        let mut vectors = Vec::with_capacity(passages.len());
        let mut unfinished = false;
        for slot in slots {
            match slot.into_inner().ok().flatten() {
                Some(vector) => vectors.push(vector?),
                None => unfinished = true,
            }
        }
        if unfinished {
            return Err(self.error("an embedding thread stopped early"));
        }
        Ok(vectors)
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
