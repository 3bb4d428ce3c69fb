//! The small file that says how a model wants to be used.

use std::path::Path;

use rag_core::Pooling;
use serde::Deserialize;

use crate::error::OpenError;

/// The description's name inside a model folder.
pub const DESCRIPTION_FILE: &str = "embedding.json";

pub(crate) const EXAMPLE: &str = r#"{ "name": "bge-small-zh", "version": "1.5", "file": "model.onnx", "dimensions": 512, "pooling": "cls", "query_prefix": "", "passage_prefix": "", "max_tokens": 512, "min_score": 0.5, "license": "MIT" }"#;

/// The largest description file read, in bytes.
const LARGEST: u64 = 64 * 1024;

/// What a description file says, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The model's name, as operators see it.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The ONNX file inside the folder.
    pub file: String,
    /// Numbers per vector.
    pub dimensions: usize,
    /// How token vectors become one vector.
    pub pooling: Pooling,
    /// Put before every question.
    pub query_prefix: String,
    /// Put before every passage.
    pub passage_prefix: String,
    /// Longer input is cut after this many tokens.
    pub max_tokens: usize,
    /// Cosine (0.0–1.0) below which a passage is taken as not answering the question.
    pub min_score: f32,
    /// The license the model came under.
    pub license: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescriptionFile {
    name: String,
    version: String,
    file: String,
    dimensions: usize,
    pooling: PoolingWord,
    query_prefix: String,
    passage_prefix: String,
    max_tokens: usize,
    min_score: f32,
    license: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum PoolingWord {
    Mean,
    Cls,
}

impl Description {
    /// Reads and checks `<folder>/embedding.json`.
    ///
    /// # Errors
    /// When it is missing, is not JSON, has unknown or missing keys, or a value out of range.
    pub fn read(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(DESCRIPTION_FILE);
        let unreadable =
            |e: std::io::Error| OpenError::Unreadable { file: path.clone(), cause: e.to_string() };
        let wrong = |cause: String| OpenError::Description { file: path.clone(), cause };
        let length = std::fs::metadata(&path).map_err(unreadable)?.len();
        if length > LARGEST {
            return Err(wrong(format!("{length} bytes are too many for a description")));
        }
        let bytes = std::fs::read(&path).map_err(unreadable)?;
        let said: DescriptionFile =
            serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
        if said.name.is_empty() || said.version.is_empty() {
            return Err(wrong("name and version must not be empty".to_owned()));
        }
        if said.file.is_empty() || said.file.contains(['/', '\\']) {
            return Err(wrong(format!("file `{}` must be a name inside the folder", said.file)));
        }
        if !(1..=16_384).contains(&said.dimensions) {
            return Err(wrong(format!("dimensions {} must be 1 to 16384", said.dimensions)));
        }
        if !(8..=131_072).contains(&said.max_tokens) {
            return Err(wrong(format!("max_tokens {} must be 8 to 131072", said.max_tokens)));
        }
        if !(0.0..=1.0).contains(&said.min_score) {
            return Err(wrong(format!("min_score {} must be 0.0 to 1.0", said.min_score)));
        }
        Ok(Self {
            name: said.name,
            version: said.version,
            file: said.file,
            dimensions: said.dimensions,
            pooling: match said.pooling {
                PoolingWord::Mean => Pooling::Mean,
                PoolingWord::Cls => Pooling::Cls,
            },
            query_prefix: said.query_prefix,
            passage_prefix: said.passage_prefix,
            max_tokens: said.max_tokens,
            min_score: said.min_score,
            license: said.license,
        })
    }
}
