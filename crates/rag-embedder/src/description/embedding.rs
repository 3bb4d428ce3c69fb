//! What `embedding.json` says.

use std::path::Path;

use rag_core::{Calibration, Pooling};
use serde::Deserialize;

use crate::error::OpenError;

/// The description's name inside a model folder.
pub const DESCRIPTION_FILE: &str = "embedding.json";

pub(super) const EXAMPLE: &str = r#"{ "name": "bge-small-zh", "version": "1.5", "file": "model.onnx", "dimensions": 512, "pooling": "cls", "query_prefix": "", "passage_prefix": "", "max_tokens": 512, "min_score": 0.5, "license": "MIT" }"#;

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
        super::read(folder, DESCRIPTION_FILE, DescriptionFile::checked)
    }
}

impl DescriptionFile {
    fn checked(self) -> Result<Description, String> {
        super::check_common(&self.name, &self.version, &self.file, self.max_tokens)?;
        if !(1..=16_384).contains(&self.dimensions) {
            return Err(format!("dimensions {} must be 1 to 16384", self.dimensions));
        }
        let calibration = match (self.calibration, self.min_score) {
            (Some(_), Some(_)) => {
                return Err("calibration and min_score exclude each other".to_owned());
            }
            (Some(CalibrationFile { cosine, words, intercept }), None) => {
                Calibration::new(cosine, words, intercept).map_err(|e| e.to_string())?
            }
            (None, Some(threshold)) if (0.0..=1.0).contains(&threshold) => {
                Calibration::from_threshold(threshold)
            }
            (None, Some(threshold)) => {
                return Err(format!("min_score {threshold} must be 0.0 to 1.0"));
            }
            (None, None) => {
                let cause = "it needs a calibration, or min_score: the cosine from which on a \
                             passage answers (kbctl calibrate measures them)";
                return Err(cause.to_owned());
            }
        };
        Ok(Description {
            name: self.name,
            version: self.version,
            file: self.file,
            dimensions: self.dimensions,
            pooling: match self.pooling {
                PoolingWord::Mean => Pooling::Mean,
                PoolingWord::Cls => Pooling::Cls,
            },
            query_prefix: self.query_prefix,
            passage_prefix: self.passage_prefix,
            max_tokens: self.max_tokens,
            calibration,
            license: self.license,
        })
    }
}
