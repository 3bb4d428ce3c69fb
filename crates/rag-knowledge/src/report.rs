//! `report.json`: how a build went. Not part of the fingerprint.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::KnowledgeError;
use crate::layout;
use crate::manifest::read_bounded;

/// The largest report read, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The report of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The knowledge base's tag.
    pub tag: String,
    /// When the build began, RFC 3339, UTC.
    pub started_at: String,
    /// When the build was complete, RFC 3339, UTC.
    pub built_at: String,
    /// How long it took, seconds.
    pub seconds: f64,
    /// Where it was built.
    pub machine: Machine,
    /// What readers of the documents should know, each beginning with its document's name.
    pub warnings: Vec<String>,
    /// Documents that could not be read, each with its reason.
    pub failed: Vec<String>,
    /// SHA-256 of the files of `derived/`, by their paths inside the knowledge base.
    pub derived: BTreeMap<String, String>,
}

/// The machine of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub host: String,
    pub os: String,
    pub architecture: String,
    pub threads: usize,
    /// The version of the program that built.
    pub version: String,
}

impl Report {
    /// Reads `<folder>/report.json`.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn read(folder: &Path) -> Result<Self, KnowledgeError> {
        let path = folder.join(layout::REPORT);
        let bytes = read_bounded(folder, &path, layout::REPORT, LARGEST)?;
        serde_json::from_slice(&bytes).map_err(|e| KnowledgeError::malformed(&path, e))
    }
}
