//! What is read of an ONNX model's folder: the model, its tokenizer, and ONNX Runtime to run it.

use std::path::{Path, PathBuf};

use fastembed::TokenizerFiles;
use ort::environment::Environment;
use tokenizers::Tokenizer;

use crate::cache::ModelCache;
use crate::error::OpenError;
use crate::runtime;

/// The files of a model's folder, in memory.
pub(crate) struct ModelFolder {
    /// The ONNX file's path, which errors name.
    pub(crate) file: PathBuf,
    /// The ONNX file's bytes.
    pub(crate) onnx: Vec<u8>,
    pub(crate) tokenizer_files: TokenizerFiles,
    /// The tokenizer, which neither pads nor cuts.
    pub(crate) tokenizer: Tokenizer,
    pub(crate) environment: Environment,
}

impl ModelFolder {
    /// Reads the folder whose description names `file` as the model, and starts ONNX Runtime.
    ///
    /// # Errors
    /// When a file is missing, the tokenizer is none, or ONNX Runtime is not found.
    pub(crate) fn read(folder: &Path, file: &str) -> Result<Self, OpenError> {
        let file = folder.join(file);
        let onnx = read(&file)?;
        let tokenizer_path = folder.join("tokenizer.json");
        let tokenizer_files = TokenizerFiles {
            tokenizer_file: read(&tokenizer_path)?,
            config_file: read(&folder.join("config.json"))?,
            special_tokens_map_file: read(&folder.join("special_tokens_map.json"))?,
            tokenizer_config_file: read(&folder.join("tokenizer_config.json"))?,
        };
        let wrong = |e: tokenizers::Error| OpenError::Model {
            file: tokenizer_path.clone(),
            cause: e.to_string(),
        };
        let mut tokenizer =
            Tokenizer::from_bytes(&tokenizer_files.tokenizer_file).map_err(wrong)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(wrong)?;
        let beside = folder.parent().unwrap_or(Path::new("."));
        let environment = runtime::environment(&[
            beside.join("onnxruntime"),
            ModelCache::from_environment().folder().join("onnxruntime"),
        ])?;
        Ok(Self { file, onnx, tokenizer_files, tokenizer, environment })
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, OpenError> {
    std::fs::read(path)
        .map_err(|e| OpenError::Unreadable { file: path.clone(), cause: e.to_string() })
}
