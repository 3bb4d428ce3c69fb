//! Answers in Langchain-Chatchat's shapes: OpenAI's, with `docs` as Markdown and some fields of its own.

use rag_core::Language;
use serde_json::{Value, json};

/// Its number for text among the kinds of messages.
const TEXT: u8 = 1;

/// A whole answer.
pub(super) fn whole(completion: Value, language: Language) -> Value {
    let docs = docs(&completion["citations"], language);
    let mut told = framed(completion);
    told["docs"] = docs;
    for choice in told["choices"].as_array_mut().into_iter().flatten() {
        choice["message"]["finish_reason"] = choice["finish_reason"].clone();
        choice["message"]["tool_calls"] = json!([]);
    }
    told
}

/// One event of a streamed answer. Its web page takes the first for the sources alone, and drops what text there is.
pub(super) fn chunk(chunk: Value, language: Language) -> Value {
    let begins = chunk["choices"][0]["delta"]["role"] == "assistant";
    let docs = begins.then(|| docs(&chunk["citations"], language));
    let mut told = framed(chunk);
    if let Some(docs) = docs {
        told["docs"] = docs;
    }
    for choice in told["choices"].as_array_mut().into_iter().flatten() {
        choice["role"] = json!("assistant");
        if choice["delta"]["content"].is_null() {
            choice["delta"]["content"] = json!("");
        }
        choice["delta"]["tool_calls"] = json!([]);
    }
    told
}

/// The fields that are the same in both.
fn framed(mut told: Value) -> Value {
    told["status"] = Value::Null;
    told["message_type"] = json!(TEXT);
    told["message_id"] = Value::Null;
    told["is_ref"] = json!(false);
    told
}

/// Passages as its pages show them: one text in Markdown each.
fn docs(citations: &Value, language: Language) -> Value {
    citations.as_array().into_iter().flatten().map(|citation| doc(citation, language)).collect()
}

fn doc(citation: &Value, language: Language) -> Value {
    let text = |name: &str| citation[name].as_str().unwrap_or_default();
    // Within a code span nothing of a name is Markdown; a backtick would end it.
    let mut place = format!("`{}`", text("file").replace('`', "'"));
    if let Some(page) = citation["page"].as_u64() {
        place.push_str(&match language {
            Language::English => format!(", page {page}"),
            Language::Chinese => format!("，第 {page} 页"),
        });
    }
    json!(format!("##### [{}] {place}\n\n{}\n\n", citation["n"], text("text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn citation() -> Value {
        json!({ "n": 2, "file": "a`b.pdf", "page": 7, "heading": null, "score": 0.9, "text": "four months" })
    }

    #[test]
    fn a_passage_is_markdown_with_its_file_and_page() {
        let told = doc(&citation(), Language::English);
        assert_eq!(told, "##### [2] `a'b.pdf`, page 7\n\nfour months\n\n");
        let told = doc(&citation(), Language::Chinese);
        assert_eq!(told, "##### [2] `a'b.pdf`，第 7 页\n\nfour months\n\n");
        let mut without = citation();
        without["page"] = Value::Null;
        assert!(doc(&without, Language::English).as_str().unwrap().contains("`\n\nfour"));
    }

    #[test]
    fn only_the_first_event_has_the_sources_and_each_has_a_text() {
        let event = |delta: Value| {
            let choice = json!({ "index": 0, "delta": delta, "finish_reason": null });
            let event = json!({ "id": "x", "choices": [choice], "citations": [citation()] });
            chunk(event, Language::English)
        };
        let first = event(json!({ "role": "assistant", "content": "" }));
        assert_eq!(first["docs"].as_array().unwrap().len(), 1);
        let last = event(json!({}));
        assert_eq!(last.get("docs"), None);
        assert_eq!(last["choices"][0]["delta"]["content"], "");
    }
}
