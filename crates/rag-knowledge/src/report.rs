//! `report.json`: how a build went. Not part of the fingerprint.

use std::collections::BTreeMap;
use std::path::Path;

use rag_core::LimitReport;
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
    /// What was not made anew.
    #[serde(default)]
    pub taken_over: TakenOver,
    /// What was done so that the embedding reads every passage to its end.
    #[serde(default)]
    pub limits: Limits,
    /// Passages of tables of contents that were left out of documents that were read.
    #[serde(default)]
    pub contents: usize,
    /// What readers of the documents should know, each beginning with its document's name.
    pub warnings: Vec<String>,
    /// Documents that could not be read, each with its reason.
    pub failed: Vec<String>,
    /// SHA-256 of the files of `derived/`, by their paths inside the knowledge base.
    pub derived: BTreeMap<String, String>,
}

/// What a build took over from earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TakenOver {
    /// Tag and fingerprint of the earlier tag; `None` when none was named.
    pub from: Option<String>,
    /// Documents that did not change, and were not read again.
    pub documents: usize,
    /// Passages whose vectors were taken over, also from a build that ended early.
    pub passages: usize,
}

/// What the embedding's token limit did to passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Passages that were cut further.
    pub cut: usize,
    /// Passages whose headings were shortened to make room for their text.
    pub contexts_shortened: usize,
    /// Passages of one character that are still too long.
    pub too_long: usize,
}

impl From<LimitReport> for Limits {
    fn from(report: LimitReport) -> Self {
        let LimitReport { cut, contexts_shortened, too_long } = report;
        Self { cut, contexts_shortened, too_long }
    }
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
