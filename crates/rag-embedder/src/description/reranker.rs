//! What `reranker.json` says.

use std::path::Path;

use rag_core::LogitCurve;
use serde::Deserialize;

use crate::error::OpenError;

/// The description's name inside a reranker's folder.
pub const RERANKER_FILE: &str = "reranker.json";

pub(super) const EXAMPLE: &str = r#"{ "name": "bge-reranker-base", "version": "1.0", "file": "model.onnx", "max_tokens": 512, "license": "MIT" }"#;

/// What a reranker's description file says, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RerankerDescription {
    /// The model's name, as operators see it.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The ONNX file inside the folder.
    pub file: String,
    /// Question and passage together are cut after this many tokens.
    pub max_tokens: usize,
    /// What its logits mean, when that is known.
    pub calibration: Option<LogitCurve>,
    /// The license the model came under.
    pub license: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RerankerFile {
    name: String,
    version: String,
    file: String,
    max_tokens: usize,
    calibration: Option<CurveFile>,
    license: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CurveFile {
    slope: f64,
    offset: f64,
}

impl RerankerDescription {
    /// Reads and checks `<folder>/reranker.json`.
    ///
    /// # Errors
    /// When it is missing, is not JSON, has unknown or missing keys, or a value out of range.
    pub fn read(folder: &Path) -> Result<Self, OpenError> {
        super::read(folder, RERANKER_FILE, RerankerFile::checked)
    }
}

impl RerankerFile {
    fn checked(self) -> Result<RerankerDescription, String> {
        super::check_common(&self.name, &self.version, &self.file, self.max_tokens)?;
        let curve = |CurveFile { slope, offset }| LogitCurve::new(slope, offset);
        let calibration = self.calibration.map(curve).transpose().map_err(|e| e.to_string())?;
        Ok(RerankerDescription {
            name: self.name,
            version: self.version,
            file: self.file,
            max_tokens: self.max_tokens,
            calibration,
            license: self.license,
        })
    }
}
