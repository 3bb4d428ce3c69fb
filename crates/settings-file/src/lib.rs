//! Reads a YAML settings file and explains what is wrong with it.
//!
//! ```text
//! gateway.yaml:4: unknown key `health.intervall`
//!   hint: did you mean `interval`? valid keys here: interval, timeout
//! ```

pub mod bytes;
pub mod duration;
mod explain;
mod position;
pub mod rate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Reads `path` as YAML into `T`.
///
/// `T` and the structs inside it should say `#[serde(deny_unknown_fields)]`, so that a misspelled key is an
/// error that names the nearest valid one.
///
/// # Errors
/// [`SettingsError::Unreadable`] when the file cannot be read as UTF-8 text, [`SettingsError::Empty`] when it
/// says nothing, [`SettingsError::Invalid`] when it is not YAML, or not the settings `T` asks for.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, SettingsError> {
    parse(path, &read(path)?)
}

/// The text of a settings file.
///
/// # Errors
/// [`SettingsError::Unreadable`] when the file cannot be read as UTF-8 text.
pub fn read(path: &Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path)
        .map_err(|source| SettingsError::Unreadable { file: path.to_owned(), source })
}

/// Reads settings from `text`; `file` is only named in errors. The errors are those of [`load`], without
/// [`SettingsError::Unreadable`].
pub fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, SettingsError> {
    let says_nothing = text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    });
    if says_nothing {
        return Err(SettingsError::Empty { file: file.to_owned() });
    }
    let document = serde_yaml::Deserializer::from_str(text);
    serde_path_to_error::deserialize(document).map_err(|error| explain::explain(file, text, error))
}

/// Every value of a YAML text by its full key, such as `health.interval` or `slots.blue.workers[0]`, for telling two
/// versions apart. Empty for a text that is no YAML.
pub fn values(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Ok(document) = serde_yaml::from_str::<serde_yaml::Value>(text) {
        flatten(String::new(), &document, &mut found);
    }
    found
}

fn flatten(key: String, value: &serde_yaml::Value, found: &mut BTreeMap<String, String>) {
    match value {
        serde_yaml::Value::Mapping(map) => {
            for (name, value) in map {
                let name = name.as_str().unwrap_or("?");
                let key = if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
                flatten(key, value, found);
            }
        }
        serde_yaml::Value::Sequence(list) => {
            for (index, value) in list.iter().enumerate() {
                flatten(format!("{key}[{index}]"), value, found);
            }
        }
        serde_yaml::Value::Tagged(tagged) => flatten(key, &tagged.value, found),
        serde_yaml::Value::String(text) => drop(found.insert(key, text.clone())),
        serde_yaml::Value::Number(number) => drop(found.insert(key, number.to_string())),
        serde_yaml::Value::Bool(flag) => drop(found.insert(key, flag.to_string())),
        serde_yaml::Value::Null => drop(found.insert(key, String::new())),
    }
}

/// Why a settings file cannot be used. One line; [`SettingsError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read settings file {}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    /// The file holds nothing but blank lines and comments.
    #[error("{}: the settings file is empty", file.display())]
    Empty { file: PathBuf },
    /// The file is not YAML, or a key or value in it is wrong.
    #[error("{}{}: {message}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Invalid {
        file: PathBuf,
        /// Counted from 1; `None` when the trouble has no one place.
        line: Option<usize>,
        message: String,
        hint: Option<String>,
    },
}

impl SettingsError {
    /// A value that parses but cannot be meant, such as `health.rise: 0`.
    ///
    /// `key` is the full path, such as `health.rise` or `slots.blue.workers[0]`; the file is read once more to
    /// find its line.
    pub fn invalid(file: &Path, key: &str, message: impl std::fmt::Display) -> Self {
        let line =
            std::fs::read_to_string(file).ok().and_then(|text| position::line_of(&text, key));
        Self::Invalid {
            file: file.to_owned(),
            line,
            message: format!("`{key}`: {message}"),
            hint: None,
        }
    }

    /// Settings that are made of another file cannot be made; `cause` names the place.
    pub fn elsewhere(file: &Path, cause: &dyn std::error::Error) -> Self {
        let message = cause.to_string();
        Self::Invalid { file: file.to_owned(), line: None, message, hint: None }
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_hint(mut self, advice: impl Into<String>) -> Self {
        if let Self::Invalid { hint, .. } = &mut self {
            *hint = Some(advice.into());
        }
        self
    }

    /// What the person who wrote the file can do about it, in one line.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid { hint, .. } => hint.clone(),
            Self::Unreadable { .. } => Some("name the file with --config".to_owned()),
            Self::Empty { .. } => {
                Some("the examples in the README show a complete file".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsing is under test")]
    struct Example {
        listen: String,
        #[serde(default)]
        health: Health,
        #[serde(default)]
        slots: BTreeMap<String, Slot>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Health {
        #[serde(with = "crate::duration")]
        interval: Duration,
        #[serde(with = "crate::duration")]
        timeout: Duration,
        rise: u32,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsing is under test")]
    struct Slot {
        workers: Vec<String>,
    }

    fn check(text: &str) -> String {
        match parse::<Example>(Path::new("gateway.yaml"), text) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => match error.hint() {
                Some(hint) => format!("error: {error}\nhint: {hint}"),
                None => format!("error: {error}"),
            },
        }
    }

    #[test]
    fn a_good_file_is_accepted() {
        insta::assert_snapshot!(check("listen: here\nhealth: { interval: 500ms, rise: 2 }\n"), @"accepted");
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        insta::assert_snapshot!(check("listen: here\n\nhealth:\n  intervall: 1s\n"), @r"
        error: gateway.yaml:4: unknown key `health.intervall`
        hint: did you mean `interval`? valid keys here: interval, timeout, rise
        ");
    }

    #[test]
    fn an_unknown_key_inside_braces_names_its_line() {
        insta::assert_snapshot!(check("listen: here\nhealth: { rise: 2, tiemout: 1s }\n"), @r"
        error: gateway.yaml:2: unknown key `health.tiemout`
        hint: did you mean `timeout`? valid keys here: interval, timeout, rise
        ");
    }

    #[test]
    fn an_unknown_top_level_key() {
        insta::assert_snapshot!(check("listen: here\nlisten_to: there\n"), @r"
        error: gateway.yaml:2: unknown key `listen_to`
        hint: did you mean `listen`? valid keys here: listen, health, slots
        ");
    }

    #[test]
    fn a_key_that_resembles_nothing_gets_only_the_list() {
        insta::assert_snapshot!(check("listen: here\nslots:\n  blue:\n    colour: 4\n    workers: []\n"), @r"
        error: gateway.yaml:4: unknown key `slots.blue.colour`
        hint: valid keys here: workers
        ");
    }

    #[test]
    fn a_wrong_type_names_its_key() {
        insta::assert_snapshot!(check("listen: here\nhealth:\n  rise: many\n"), @r#"error: gateway.yaml:3: `health.rise`: invalid type: string "many", expected u32"#);
    }

    #[test]
    fn a_negative_count_names_its_key() {
        insta::assert_snapshot!(check("listen: here\nhealth: { rise: -1 }\n"), @r"error: gateway.yaml:2: `health.rise`: invalid type: integer `-1`, expected u32");
    }

    #[test]
    fn a_wrong_type_in_a_list_names_its_place() {
        insta::assert_snapshot!(check("listen: here\nslots:\n  blue:\n    workers:\n      - a\n      - {b: 1}\n"), @r"error: gateway.yaml:6: `slots.blue.workers[1]`: invalid type: map, expected a string");
    }

    #[test]
    fn a_bad_duration_shows_how_one_looks() {
        insta::assert_snapshot!(check("listen: here\nhealth: { interval: soon }\n"), @r#"error: gateway.yaml:2: `health.interval`: invalid value: string "soon", expected a duration with its unit, such as 500ms, 2s or 30m"#);
        insta::assert_snapshot!(check("listen: here\nhealth: { interval: 5 }\n"), @r#"error: gateway.yaml:2: `health.interval`: invalid value: string "5", expected a duration with its unit, such as 500ms, 2s or 30m"#);
    }

    #[test]
    fn a_missing_key_is_named_with_its_parent() {
        insta::assert_snapshot!(check("health: { rise: 1 }\n"), @r"error: gateway.yaml:1: missing key `listen`");
        insta::assert_snapshot!(check("listen: here\nslots: { blue: {} }\n"), @r"error: gateway.yaml:2: missing key `slots.blue.workers`");
    }

    #[test]
    fn a_key_said_twice() {
        insta::assert_snapshot!(check("listen: here\nlisten: there\n"), @r"
        error: gateway.yaml:1: key `listen` is written twice
        hint: keep one of them
        ");
        insta::assert_snapshot!(check("listen: here\nhealth:\n  rise: 1\n  rise: 2\n"), @r"
        error: gateway.yaml:3: key `health.rise` is written twice
        hint: keep one of them
        ");
    }

    #[test]
    fn an_empty_file() {
        insta::assert_snapshot!(check("# nothing yet\n\n"), @r"
        error: gateway.yaml: the settings file is empty
        hint: the examples in the README show a complete file
        ");
    }

    #[test]
    fn broken_yaml_names_the_line() {
        insta::assert_snapshot!(check("listen: [here\nhealth: {\n"), @r"error: gateway.yaml:1: `listen`: invalid type: sequence, expected a string");
        insta::assert_snapshot!(check("listen: here\n\thealth: {}\n"), @r"error: gateway.yaml:1: `listen`: found a tab character that violates indentation at line 2 column 1, while scanning a plain scalar");
    }

    #[test]
    fn a_file_that_is_not_a_map() {
        insta::assert_snapshot!(check("- one\n- two\n"), @r"error: gateway.yaml:1: invalid type: sequence, expected struct Example");
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let error = load::<Example>(Path::new("/nowhere/gateway.yaml")).unwrap_err();
        insta::assert_snapshot!(error, @r"cannot read settings file /nowhere/gateway.yaml");
    }
}
