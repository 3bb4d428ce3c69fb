//! Where models are kept.

use std::path::{Path, PathBuf};

/// The model cache: one folder per embedding, language models beside them, and `onnxruntime/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCache {
    folder: PathBuf,
}

impl ModelCache {
    /// The cache in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The cache the environment names: `SWITCHYARD_MODELS`, else `~/.cache/switchyard/models`.
    pub fn from_environment() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(folder) = set("SWITCHYARD_MODELS") {
            return Self::new(folder);
        }
        let home = set("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
        Self::new(home.join(".cache/switchyard/models"))
    }

    /// The cache's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path a model's name means: absolute names and names that begin with `.` are paths as
    /// they stand, everything else is looked up in the cache.
    pub fn resolve(&self, name: &str) -> PathBuf {
        let path = Path::new(name);
        if path.is_absolute() || name.starts_with("./") || name.starts_with("../") || name == "." {
            path.to_owned()
        } else {
            self.folder.join(path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_looked_up_and_paths_are_used_as_they_are() {
        let cache = ModelCache::new("/models");
        for (name, path) in [
            ("e5", "/models/e5"),
            ("teams/e5", "/models/teams/e5"),
            ("/opt/e5", "/opt/e5"),
            ("./e5", "./e5"),
            ("../e5", "../e5"),
        ] {
            assert_eq!(cache.resolve(name), Path::new(path), "{name}");
        }
    }
}
