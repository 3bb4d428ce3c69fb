//! How it is verified that what is served is what was built.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use settings_file::SettingsError;

use crate::verification::VerificationSettings;

/// The least rate that makes sense: a knowledge base of a gigabyte then takes five hours.
const SLOWEST: u64 = 64 << 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct VerificationFile {
    /// `auto`, `off`, or a folder.
    records: PathBuf,
    #[serde(with = "settings_file::rate")]
    rate: u64,
}

impl Default for VerificationFile {
    fn default() -> Self {
        Self { records: PathBuf::from("auto"), rate: 50 << 20 }
    }
}

impl VerificationFile {
    /// What is meant; `file` is named in errors.
    pub(super) fn read(self, file: &Path) -> Result<VerificationSettings, SettingsError> {
        if self.rate < SLOWEST {
            let message = format!("{} bytes a second are not at least {SLOWEST}", self.rate);
            return Err(SettingsError::invalid(file, "verification.rate", message)
                .with_hint("50MiB/s leaves a disk to others and reads a gigabyte in 20 s"));
        }
        let records = match self.records.to_str() {
            Some("auto") => default_folder(|name| std::env::var_os(name).map(PathBuf::from)),
            Some("off") => None,
            Some(_) | None => Some(self.records),
        };
        Ok(VerificationSettings { records, rate: self.rate })
    }
}

/// systemd's `CacheDirectory=` of the unit, else beside the model cache of the user; none for a user without a home.
fn default_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.as_os_str().is_empty());
    let first = |folders: PathBuf| std::env::split_paths(&folders).next();
    set("CACHE_DIRECTORY")
        .and_then(first)
        .or_else(|| set("HOME").map(|home| home.join(".cache/switchyard")))
        .map(|folder| folder.join("verified"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_kept_where_a_worker_may_write() {
        let check = |set: &[(&str, &str)], folder: Option<&str>| {
            let value = |name: &str| set.iter().find(|(known, _)| *known == name);
            let found = default_folder(|name| value(name).map(|(_, value)| PathBuf::from(value)));
            assert_eq!(found, folder.map(PathBuf::from), "{set:?}");
        };
        let home = ("HOME", "/home/me");
        check(&[home], Some("/home/me/.cache/switchyard/verified"));
        check(&[home, ("CACHE_DIRECTORY", "/var/cache/a:/b")], Some("/var/cache/a/verified"));
        check(&[("HOME", "")], None);
        check(&[], None);
    }
}
