//! The small file that says how a model wants to be used.

use std::path::Path;

use rag_core::{Calibration, Pooling};
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
    /// What its cosines mean.
    pub calibration: Calibration,
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
    min_score: Option<f32>,
    calibration: Option<CalibrationFile>,
    license: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibrationFile {
    cosine: f64,
    #[serde(default)]
    words: f64,
    intercept: f64,
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
        let calibration = match (said.calibration, said.min_score) {
            (Some(_), Some(_)) => {
                return Err(wrong("calibration and min_score exclude each other".to_owned()));
            }
            (Some(CalibrationFile { cosine, words, intercept }), None) => {
                Calibration::new(cosine, words, intercept).map_err(|e| wrong(e.to_string()))?
            }
            (None, Some(threshold)) if (0.0..=1.0).contains(&threshold) => {
                Calibration::from_threshold(threshold)
            }
            (None, Some(threshold)) => {
                return Err(wrong(format!("min_score {threshold} must be 0.0 to 1.0")));
            }
            (None, None) => {
                let cause = "it needs a calibration, or min_score: the cosine from which on a \
                             passage answers (kbctl calibrate measures them)";
                return Err(wrong(cause.to_owned()));
            }
        };
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
            calibration,
            license: said.license,
        })
    }
}
