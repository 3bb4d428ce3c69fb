//! What a worker's `/health` answer says about what it serves.

use http::HeaderValue;
use serde_json::Value;
use switch_core::Release;

/// A worker's `/health` answer, kept whole, and what we read in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    /// The answer as it came, for `status`.
    pub health: Value,
    /// `None` while the worker does not name a knowledge base fingerprint.
    pub release: Option<Release>,
    /// The release's label as a response header value.
    pub header: Option<HeaderValue>,
}

impl Identity {
    /// Reads an answer leniently: unknown fields are kept, missing ones are missing.
    pub(crate) fn read(health: Value) -> Self {
        let release = release(&health);
        let header =
            release.as_ref().and_then(|release| HeaderValue::from_str(&release.label).ok());
        Self { health, release, header }
    }
}

fn release(health: &Value) -> Option<Release> {
    let text = |pointer: &str| {
        health.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
    };
    let knowledge = text("/knowledge/fingerprint")?;
    let model = text("/model/sha256").or_else(|| text("/model/name")).unwrap_or("-");
    let embedding = text("/embedding/name").unwrap_or("-");
    let embedding_version = text("/embedding/version").unwrap_or("-");
    // Most workers have none, and what was recorded of their releases stays true.
    let reranker = text("/reranker/name").map_or_else(String::new, |name| {
        format!(", reranker {name} {}", text("/reranker/version").unwrap_or("-"))
    });
    let name = text("/model/name").unwrap_or("model");
    let short: String = knowledge.chars().take(12).collect();
    let tag = text("/knowledge/tag").unwrap_or(&short);
    Some(Release {
        label: readable(name, tag),
        fingerprint: format!(
            "knowledge {knowledge}, model {model}, embedding {embedding} {embedding_version}{reranker}"
        ),
    })
}

/// `<model name>@<knowledge base tag>` in characters that are safe in a header and easy to read.
fn readable(name: &str, tag: &str) -> String {
    let clean = |text: &str| -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        text.chars().take(64).map(safe).collect()
    };
    format!("{}@{}", clean(name), clean(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_by_model_and_tag_and_told_apart_by_hashes() {
        let health = serde_json::json!({
            "status": "ready", "later": {"unknown": true},
            "model": {"name": "Small Model", "sha256": "aa"},
            "knowledge": {"tag": "v20261123", "fingerprint": "bb"},
        });
        let identity = Identity::read(health.clone());
        let release = identity.release.unwrap();
        assert_eq!(release.label, "Small-Model@v20261123");
        assert_eq!(release.fingerprint, "knowledge bb, model aa, embedding - -");
        assert_eq!(identity.health, health);
    }

    #[test]
    fn another_reranker_is_another_release() {
        let fingerprint = |reranker: Value| {
            let mut health = serde_json::json!({ "knowledge": { "fingerprint": "bb" } });
            health["reranker"] = reranker;
            Identity::read(health).release.unwrap().fingerprint
        };
        let none = fingerprint(Value::Null);
        assert_eq!(none, "knowledge bb, model -, embedding - -");
        let first = fingerprint(serde_json::json!({ "name": "bge", "version": "1" }));
        assert_eq!(first, format!("{none}, reranker bge 1"));
        assert_ne!(first, fingerprint(serde_json::json!({ "name": "bge", "version": "2" })));
    }

    #[test]
    fn without_a_fingerprint_nothing_is_claimed() {
        assert_eq!(Identity::read(serde_json::json!({"status": "ready"})).release, None);
    }
}
