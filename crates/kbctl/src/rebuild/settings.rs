//! `watch.yaml`: what is rebuilt, where it goes, when, and what it must prove.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rag_core::SplitSettings;
use rag_knowledge::documents::Limits;
use rag_knowledge::index::Scalar;
use serde::Deserialize;
use settings_file::SettingsError;

use super::window::Window;
use crate::splitting::{Impossible, Splitting};

/// The two slots.
pub(super) const SLOTS: [&str; 2] = ["blue", "green"];

/// What `watch.yaml` says, checked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) documents: PathBuf,
    /// A name in the model cache, or a path.
    pub(crate) embedding: String,
    pub(crate) splitter: SplitSettings,
    pub(crate) scalar: Scalar,
    pub(crate) threads: usize,
    pub(crate) strict: bool,
    pub(crate) ocr: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) slots: BTreeMap<String, Place>,
    pub(crate) server: String,
    /// Where it is remembered what was done about which documents.
    pub(crate) state: PathBuf,
    /// At any time when there is none.
    pub(crate) between: Option<Window>,
    pub(crate) every: Duration,
    /// How long documents must not have been written to.
    pub(crate) settle: Duration,
    pub(crate) questions: Option<PathBuf>,
    /// The reranker that the workers use, so that it is proven with them.
    pub(crate) reranker: Option<String>,
    pub(crate) require: Require,
    /// How long a worker may take until it serves the new knowledge base.
    pub(crate) ready_within: Duration,
    /// Tags that stay in a root; all when none is said.
    pub(crate) keep: Option<usize>,
}

/// Where a slot's knowledge bases are, and what makes its workers open another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// The folder that holds a folder per tag.
    pub(crate) root: PathBuf,
    /// A program and its arguments; without one, somebody else restarts the workers.
    #[serde(default)]
    pub(crate) restart: Vec<String>,
}

/// What the question set must show.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Require {
    /// The least mean recall@5, 0.0–1.0.
    pub(crate) recall_at_5: f64,
    /// Refuse when it is worse than the live slot's knowledge base, and chance does not explain it.
    pub(crate) not_worse: bool,
}

impl Default for Require {
    fn default() -> Self {
        Self { recall_at_5: 0.0, not_worse: true }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    documents: PathBuf,
    embedding: String,
    #[serde(default)]
    build: BuildFile,
    slots: BTreeMap<String, Place>,
    #[serde(default = "default_server")]
    server: String,
    #[serde(default = "default_state")]
    state: PathBuf,
    #[serde(default)]
    between: Option<String>,
    #[serde(default = "default_every", with = "settings_file::duration")]
    every: Duration,
    #[serde(default = "default_settle", with = "settings_file::duration")]
    settle: Duration,
    #[serde(default)]
    questions: Option<PathBuf>,
    #[serde(default)]
    reranker: Option<String>,
    #[serde(default)]
    require: Require,
    #[serde(default = "default_ready_within", with = "settings_file::duration")]
    ready_within: Duration,
    #[serde(default)]
    keep: Option<usize>,
}

/// The options of `kbctl build`, under the same names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BuildFile {
    chunk_size: usize,
    chunk_overlap: usize,
    split: String,
    parent_size: Option<usize>,
    headings_embedded: Option<usize>,
    scalar: String,
    threads: Option<usize>,
    strict: bool,
    ocr: Option<String>,
    limits: Vec<String>,
}

impl Default for BuildFile {
    fn default() -> Self {
        Self {
            chunk_size: 600,
            chunk_overlap: 80,
            split: "recursive".to_owned(),
            parent_size: None,
            headings_embedded: None,
            scalar: Scalar::default().as_str().to_owned(),
            threads: None,
            strict: false,
            ocr: None,
            limits: Vec::new(),
        }
    }
}

fn default_server() -> String {
    std::env::var("SWITCHYARD_SERVER").unwrap_or_else(|_| "unix:run/switchyard.sock".to_owned())
}

fn default_state() -> PathBuf {
    PathBuf::from("var/watch.json")
}

fn default_every() -> Duration {
    Duration::from_secs(15 * 60)
}

fn default_settle() -> Duration {
    Duration::from_secs(60)
}

fn default_ready_within() -> Duration {
    Duration::from_secs(10 * 60)
}

/// Reads and checks the settings file.
pub(crate) fn read(path: &Path) -> Result<Settings, SettingsError> {
    let file: SettingsFile = settings_file::load(path)?;
    let wrong =
        |key: &str, message: &dyn std::fmt::Display| SettingsError::invalid(path, key, message);
    if file.slots.len() != SLOTS.len() || !SLOTS.iter().all(|slot| file.slots.contains_key(*slot)) {
        return Err(wrong("slots", &"name a root for blue and for green"));
    }
    if file.every < Duration::from_secs(1) {
        return Err(wrong("every", &"less than a second would only look"));
    }
    if !(0.0..=1.0).contains(&file.require.recall_at_5) {
        let recall = file.require.recall_at_5;
        return Err(wrong("require.recall_at_5", &format!("{recall} is not between 0.0 and 1.0")));
    }
    if file.questions.is_none() && file.require.recall_at_5 > 0.0 {
        return Err(wrong("require.recall_at_5", &"there are no `questions` to show it"));
    }
    if file.keep == Some(0) {
        return Err(wrong("keep", &"0 would leave nothing"));
    }
    let between = file.between.as_deref().map(str::parse).transpose();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut limits = Limits::default();
    for (at, assignment) in file.build.limits.iter().enumerate() {
        limits.assign(assignment).map_err(|error| wrong(&format!("build.limits[{at}]"), &error))?;
    }
    let splitting = Splitting {
        chunk_size: file.build.chunk_size,
        chunk_overlap: file.build.chunk_overlap,
        strategy: file.build.split.parse().map_err(|error| wrong("build.split", &error))?,
        parent_size: file.build.parent_size,
        headings_embedded: file.build.headings_embedded,
    };
    let splitter = splitting
        .settings()
        .map_err(|Impossible(name, cause)| wrong(&format!("build.{name}"), &cause))?;
    Ok(Settings {
        splitter,
        scalar: file.build.scalar.parse().map_err(|error| wrong("build.scalar", &error))?,
        threads: file.build.threads.unwrap_or(cores).max(1),
        strict: file.build.strict,
        ocr: file.build.ocr,
        limits,
        documents: file.documents,
        embedding: file.embedding,
        slots: file.slots,
        server: file.server,
        state: file.state,
        between: between.map_err(|error: String| wrong("between", &error))?,
        every: file.every,
        settle: file.settle,
        questions: file.questions,
        reranker: file.reranker,
        require: file.require,
        ready_within: file.ready_within,
        keep: file.keep,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str =
        "documents: docs\nembedding: e5\nslots: { blue: { root: a }, green: { root: b } }\n";

    fn check(text: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("watch.yaml");
        std::fs::write(&file, text).unwrap();
        read(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn the_least_is_enough() {
        let settings = check(LEAST).unwrap();
        assert_eq!(settings.every, Duration::from_secs(900));
        assert_eq!((settings.between, settings.keep), (None, None));
        assert!(settings.require.not_worse && settings.slots["green"].restart.is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (wrong, named) in [
            ("every: 10ms\n", "every"),
            ("between: \"1am\"\n", "between"),
            ("keep: 0\n", "keep"),
            ("questions: q\nrequire: { recall_at_5: 80 }\n", "require.recall_at_5"),
            ("require: { recall_at_5: 0.8 }\n", "no `questions`"),
            ("build: { chunk_size: 0 }\n", "build.chunk_size"),
            ("build: { split: words }\n", "build.split"),
            ("build: { scalar: f8 }\n", "build.scalar"),
            ("build: { limits: [\"tim=3s\"] }\n", "build.limits[0]"),
            ("quesions: q\n", "unknown key"),
        ] {
            let error = check(&format!("{LEAST}{wrong}")).unwrap_err();
            assert!(error.contains(named), "{wrong}: {error}");
        }
        let one = check("documents: d\nembedding: e\nslots: { blue: { root: a } }\n").unwrap_err();
        assert!(one.contains("blue and for green"), "{one}");
    }
}
