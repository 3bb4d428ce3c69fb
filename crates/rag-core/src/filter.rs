//! Which documents a question is asked of.

use serde_json::Value;

use crate::date::{BadDate, Date};

/// A choice of documents. Conditions that are given must all hold; of a list, one must.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Documents by their path; empty for any.
    files: Vec<String>,
    /// Folders, or beginnings of paths at a `/`; empty for any.
    path_prefixes: Vec<String>,
    /// The first day, included.
    from: Option<Date>,
    /// The last day, included.
    to: Option<Date>,
}

/// What a filter looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The document's path, as in [`crate::Passage::file`].
    pub file: &'a str,
    /// The document's day, where one is known.
    pub date: Option<Date>,
}

/// Why a filter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Not an object at all.
    #[error("a filter must be an object such as {{\"path_prefix\": \"policies\"}}, not {0}")]
    NotAnObject(&'static str),
    /// A key that means nothing, such as a misspelled one: ignoring it would search everything.
    #[error("a filter has no `{0}`: it has file, path_prefix and date")]
    UnknownKey(String),
    /// A key of `date` that means nothing.
    #[error("the date of a filter has no `{0}`: it has from and to")]
    UnknownDateKey(String),
    /// Not text and not a list of texts.
    #[error("`{key}` of a filter must be text or a list of texts, not {found}")]
    NotTexts {
        /// The key.
        key: &'static str,
        /// What it holds.
        found: &'static str,
    },
    /// An empty list or an empty text, of which nobody can say whether it means all or nothing.
    #[error("`{0}` of a filter is empty: leave it out to search everything")]
    Empty(&'static str),
    /// Neither a day nor an object with days.
    #[error("`date` of a filter must be a day or {{\"from\": …, \"to\": …}}, not {0}")]
    NotADate(&'static str),
    /// A day that does not exist or is written otherwise.
    #[error("the date of a filter: {0}")]
    BadDate(#[from] BadDate),
    /// No day is in the range.
    #[error("the date of a filter begins after it ends: {from} to {to}")]
    NoDays {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
    },
}

impl Filter {
    /// Reads a filter from JSON. All keys may be left out:
    ///
    /// ```json
    /// {"file": ["handbook.pdf", "guide.docx"],
    ///  "path_prefix": "policies/2026",
    ///  "date": {"from": "2026-01-01", "to": "2026-03-31"}}
    /// ```
    ///
    /// `file` and `path_prefix` are a text or a list of texts; `date` is also a single day.
    /// `null` means any.
    ///
    /// # Errors
    /// When a key is unknown, a value has another shape, or a day does not exist.
    pub fn from_json(value: &Value) -> Result<Self, FilterError> {
        let keys = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(keys) => keys,
            other => return Err(FilterError::NotAnObject(kind(other))),
        };
        let mut filter = Self::default();
        for (key, value) in keys {
            match key.as_str() {
                "file" => {
                    filter.files =
                        texts("file", value)?.iter().map(|f| clean(f).to_owned()).collect();
                }
                "path_prefix" => {
                    let prefixes = texts("path_prefix", value)?;
                    filter.path_prefixes = prefixes
                        .iter()
                        .map(|p| clean(p).trim_end_matches('/').to_owned())
                        .collect();
                }
                "date" => (filter.from, filter.to) = days(value)?,
                other => return Err(FilterError::UnknownKey(other.to_owned())),
            }
        }
        Ok(filter)
    }

    /// Whether every document passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a document passes. A prefix ends at a `/` or is the whole path, so that `policies` is
    /// not `policies-old/a.pdf`. A document without a day passes no filter that asks for one.
    pub fn matches(&self, metadata: &Metadata<'_>) -> bool {
        let file = clean(metadata.file);
        let under = |prefix: &String| {
            file.strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let dated = match (self.from, self.to, metadata.date) {
            (None, None, _) => true,
            (_, _, None) => false,
            (from, to, Some(date)) => {
                from.is_none_or(|from| from <= date) && to.is_none_or(|to| date <= to)
            }
        };
        (self.files.is_empty() || self.files.iter().any(|wanted| wanted == file))
            && (self.path_prefixes.is_empty() || self.path_prefixes.iter().any(under))
            && dated
    }
}

/// A path as knowledge bases write it: without `./` or `/` at its beginning.
fn clean(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path).trim_start_matches('/')
}

/// The texts of a key, none of them empty; none at all for `null`.
fn texts(key: &'static str, value: &Value) -> Result<Vec<String>, FilterError> {
    let not_texts = |value| FilterError::NotTexts { key, found: kind(value) };
    let texts = match value {
        Value::Null => return Ok(Vec::new()),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| not_texts(item)))
            .collect::<Result<_, _>>()?,
        other => return Err(not_texts(other)),
    };
    if texts.is_empty() || texts.iter().any(|text| clean(text).trim_matches('/').is_empty()) {
        return Err(FilterError::Empty(key));
    }
    Ok(texts)
}

fn days(value: &Value) -> Result<(Option<Date>, Option<Date>), FilterError> {
    let day = |value: &Value| match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.parse::<Date>()?)),
        other => Err(FilterError::NotADate(kind(other))),
    };
    let Value::Object(keys) = value else {
        return day(value).map(|date| (date, date));
    };
    let (mut from, mut to) = (None, None);
    for (key, value) in keys {
        match key.as_str() {
            "from" => from = day(value)?,
            "to" => to = day(value)?,
            other => return Err(FilterError::UnknownDateKey(other.to_owned())),
        }
    }
    match (from, to) {
        (Some(from), Some(to)) if from > to => Err(FilterError::NoDays { from, to }),
        (from, to) => Ok((from, to)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(filter: &Value, file: &str, date: Option<&str>) -> bool {
        let date = date.map(|date| date.parse().unwrap());
        Filter::from_json(filter).unwrap().matches(&Metadata { file, date })
    }

    fn refused(filter: &Value) -> String {
        Filter::from_json(filter).unwrap_err().to_string()
    }

    #[test]
    fn no_condition_lets_every_document_pass() {
        for filter in
            [json!(null), json!({}), json!({"file": null, "path_prefix": null, "date": null})]
        {
            assert!(passes(&filter, "a.pdf", None));
            assert!(Filter::from_json(&filter).unwrap().is_empty());
        }
    }

    #[test]
    fn a_file_is_meant_by_its_whole_path() {
        assert!(passes(&json!({"file": "hr/员工手册.pdf"}), "hr/员工手册.pdf", None));
        assert!(passes(&json!({"file": "./hr/a.pdf"}), "hr/a.pdf", None));
        assert!(!passes(&json!({"file": "a.pdf"}), "hr/a.pdf", None));
        assert!(passes(&json!({"file": ["a.pdf", "b.pdf"]}), "b.pdf", None));
    }

    #[test]
    fn a_path_prefix_ends_at_a_folder() {
        for prefix in ["policies", "policies/", "/policies", "./policies"] {
            assert!(passes(&json!({"path_prefix": prefix}), "policies/a.pdf", None), "{prefix}");
            assert!(
                !passes(&json!({"path_prefix": prefix}), "policies-old/a.pdf", None),
                "{prefix}"
            );
        }
        assert!(passes(&json!({"path_prefix": ["x", "制度/2026"]}), "制度/2026/a.pdf", None));
    }

    #[test]
    fn both_ends_of_a_date_range_are_in_it_and_undated_documents_are_not() {
        let quarter = json!({"date": {"from": "2026-01-01", "to": "2026-03-31"}});
        for (date, expected) in [
            ("2025-12-31", false),
            ("2026-01-01", true),
            ("2026-03-31", true),
            ("2026-04-01", false),
        ] {
            assert_eq!(passes(&quarter, "a", Some(date)), expected, "{date}");
        }
        assert!(!passes(&quarter, "a", None));
        assert!(passes(&json!({"date": {"from": "2026-01-01"}}), "a", Some("2030-01-01")));
        assert!(passes(&json!({"date": "2026-01-01"}), "a", Some("2026-01-01")));
        assert!(!passes(&json!({"date": "2026-01-01"}), "a", Some("2026-01-02")));
    }

    #[test]
    fn all_conditions_must_hold() {
        let filter = json!({"path_prefix": "hr", "date": {"to": "2026-01-01"}});
        assert!(passes(&filter, "hr/a.pdf", Some("2025-06-01")));
        assert!(!passes(&filter, "it/a.pdf", Some("2025-06-01")));
        assert!(!passes(&filter, "hr/a.pdf", Some("2026-06-01")));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_way_out() {
        for (filter, expected) in [
            (
                json!([]),
                "a filter must be an object such as {\"path_prefix\": \"policies\"}, not a list",
            ),
            (json!({"files": "a"}), "a filter has no `files`: it has file, path_prefix and date"),
            (
                json!({"file": 3}),
                "`file` of a filter must be text or a list of texts, not a number",
            ),
            (
                json!({"file": ["a", true]}),
                "`file` of a filter must be text or a list of texts, not true or false",
            ),
            (json!({"file": []}), "`file` of a filter is empty: leave it out to search everything"),
            (
                json!({"path_prefix": "/"}),
                "`path_prefix` of a filter is empty: leave it out to search everything",
            ),
            (
                json!({"date": {"until": "x"}}),
                "the date of a filter has no `until`: it has from and to",
            ),
            (
                json!({"date": 2026}),
                "`date` of a filter must be a day or {\"from\": …, \"to\": …}, not a number",
            ),
            (
                json!({"date": "1.3.2026"}),
                "the date of a filter: `1.3.2026` is no date: write it as 2026-03-01",
            ),
            (
                json!({"date": {"from": "2026-02-01", "to": "2026-01-01"}}),
                "the date of a filter begins after it ends: 2026-02-01 to 2026-01-01",
            ),
        ] {
            assert_eq!(refused(&filter), expected);
        }
    }
}
