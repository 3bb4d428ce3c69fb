//! What was done about which documents, so that the same is not built, refused or asked for twice.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::render::Failure;
use crate::replace::replace;

/// The outcome of the last round that came to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// The documents, questions and settings it was about.
    pub(super) inputs: String,
    pub(super) tag: String,
    pub(super) fingerprint: String,
    pub(super) outcome: Outcome,
}

/// What became of a knowledge base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It was live already.
    Live,
    /// The question set spoke against it; why.
    Refused(String),
    /// Its promotion was asked for.
    Asked,
}

impl Memory {
    /// What the file says; nothing when there is none, or when no version of ours has written it.
    pub(super) fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }

    /// Replaces the file in one step.
    pub(super) fn write(&self, file: &Path) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("writing {}: {error}", file.display()), None)
        };
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(&error))?;
        replace(file, &text).map_err(|error| failed(&error))
    }
}
