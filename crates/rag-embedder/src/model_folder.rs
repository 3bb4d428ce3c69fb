//! What every ONNX model's folder has: the graph, its tokenizer, and ONNX Runtime to run it.

use std::path::{Path, PathBuf};

use fastembed::TokenizerFiles;
use ort::environment::Environment;
use tokenizers::Tokenizer;

use crate::cache::ModelCache;
use crate::error::OpenError;
use crate::runtime;

/// An ONNX model's folder.
pub(crate) struct ModelFolder {
    folder: PathBuf,
    /// The ONNX file, which errors name.
    pub(crate) file: PathBuf,
    pub(crate) tokenizer_file: PathBuf,
    /// The tokenizer, which neither pads nor cuts.
    pub(crate) tokenizer: Tokenizer,
    pub(crate) environment: Environment,
}

impl ModelFolder {
    /// Looks at the folder whose description names `file` as the model, and starts ONNX Runtime.
    ///
    /// # Errors
    /// When a file is missing, the tokenizer is none, or ONNX Runtime is not found.
    pub(crate) fn open(folder: &Path, file: &str) -> Result<Self, OpenError> {
        let (file, tokenizer_file) = (folder.join(file), folder.join("tokenizer.json"));
        if let Err(e) = std::fs::File::open(&file) {
            return Err(OpenError::Unreadable { file, cause: e.to_string() });
        }
        let wrong = |e: tokenizers::Error| OpenError::Model {
            file: tokenizer_file.clone(),
            cause: e.to_string(),
        };
        let mut tokenizer = Tokenizer::from_bytes(read(&tokenizer_file)?).map_err(wrong)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(wrong)?;
        let beside = folder.parent().unwrap_or(Path::new("."));
        let environment = runtime::environment(&[
            beside.join("onnxruntime"),
            ModelCache::from_environment().folder().join("onnxruntime"),
        ])?;
        Ok(Self { folder: folder.to_owned(), file, tokenizer_file, tokenizer, environment })
    }

    /// The bytes of the graph and of all tokenizer files, as fastembed takes them.
    ///
    /// # Errors
    /// When one of the files is missing.
    pub(crate) fn in_memory(&self) -> Result<(Vec<u8>, TokenizerFiles), OpenError> {
        let files = TokenizerFiles {
            tokenizer_file: read(&self.tokenizer_file)?,
            config_file: read(&self.folder.join("config.json"))?,
            special_tokens_map_file: read(&self.folder.join("special_tokens_map.json"))?,
            tokenizer_config_file: read(&self.folder.join("tokenizer_config.json"))?,
        };
        Ok((read(&self.file)?, files))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, OpenError> {
    std::fs::read(path)
        .map_err(|e| OpenError::Unreadable { file: path.to_owned(), cause: e.to_string() })
}
