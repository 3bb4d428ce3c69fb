//! Turns a parser's complaint into a line that names the file, the line, the key and the way out.

use std::path::Path;

use crate::SettingsError;
use crate::position::line_of;

pub(crate) fn explain(
    file: &Path,
    text: &str,
    error: serde_path_to_error::Error<serde_yaml::Error>,
) -> SettingsError {
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    let error = error.into_inner();
    let parser_line = error.location().map(|location| location.line());
    let full_message = error.to_string();
    let message = without_position(&full_message, &path);

    let (key, message, hint) = match complaint(message) {
        Complaint::UnknownKey { key, valid } => {
            let full = joined(&path, key);
            (full.clone(), format!("unknown key `{full}`"), Some(nearest(key, &valid)))
        }
        Complaint::MissingKey(key) => {
            let full = joined(&path, key);
            (path, format!("missing key `{full}`"), None)
        }
        Complaint::RepeatedKey(key) => {
            let full = joined(&path, key);
            let line = parser_line.or_else(|| line_of(text, &full));
            let message = format!("key `{full}` is written twice");
            return SettingsError::Invalid {
                file: file.to_owned(),
                line,
                message,
                hint: Some("keep one of them".into()),
            };
        }
        Complaint::Other(message) if path.is_empty() => (path, message.to_owned(), None),
        Complaint::Other(message) => (path.clone(), format!("`{path}`: {message}"), None),
    };
    let line = if key.is_empty() { parser_line } else { line_of(text, &key).or(parser_line) };
    SettingsError::Invalid { file: file.to_owned(), line, message, hint }
}

enum Complaint<'a> {
    UnknownKey { key: &'a str, valid: Vec<&'a str> },
    MissingKey(&'a str),
    RepeatedKey(&'a str),
    Other(&'a str),
}

/// serde's own wording (`serde::de::Error::unknown_field` and its siblings) is the only place where the valid keys
/// are told.
fn complaint(message: &str) -> Complaint<'_> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let first = quoted.next().unwrap_or_default();
    if message.starts_with("unknown field `") {
        Complaint::UnknownKey { key: first, valid: quoted.collect() }
    } else if message.starts_with("missing field `") {
        Complaint::MissingKey(first)
    } else if message.starts_with("duplicate field `") {
        Complaint::RepeatedKey(first)
    } else {
        Complaint::Other(message)
    }
}

/// The YAML reader writes `path: message at line 1 column 2`; we say both ourselves.
fn without_position<'a>(message: &'a str, path: &str) -> &'a str {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let mut message = message;
    if !path.is_empty()
        && let Some(rest) = message.strip_prefix(path)
    {
        message = rest.strip_prefix(": ").unwrap_or(message);
    }
    ["unknown field `", "missing field `", "duplicate field `", "invalid type: ", "invalid value: "]
        .iter()
        .filter_map(|known| message.find(known))
        .min()
        .map_or(message, |start| &message[start..])
}

fn joined(parent: &str, key: &str) -> String {
    match parent {
        "" => key.to_owned(),
        // Some complaints already carry the key at the end of the path.
        _ if parent == key || parent.ends_with(&format!(".{key}")) => parent.to_owned(),
        _ => format!("{parent}.{key}"),
    }
}

/// Jaro-Winkler similarity (0.0–1.0) from which a key counts as a misspelling of another.
const RESEMBLES: f64 = 0.75;

fn nearest(key: &str, valid: &[&str]) -> String {
    if valid.is_empty() {
        return "no keys are valid here".to_owned();
    }
    let list = valid.join(", ");
    let best = valid
        .iter()
        .map(|candidate| (strsim::jaro_winkler(key, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= RESEMBLES)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((_, candidate)) => format!("did you mean `{candidate}`? valid keys here: {list}"),
        None => format!("valid keys here: {list}"),
    }
}
