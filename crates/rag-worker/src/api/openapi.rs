//! `GET /openapi.json`: the API described, so that clients can be made from it and requests checked against it.
//!
//! The document is written by hand, in the files below `openapi`: one for what all endpoints share, one for each group of them. That the worker does
//! what it says is proven by Schemathesis against a real worker, and that it describes every endpoint by the test below.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::ApiError;

const BASE: &str = include_str!("openapi/base.json");
const GROUPS: [&str; 6] = [
    include_str!("openapi/chat.json"),
    include_str!("openapi/retrieval.json"),
    include_str!("openapi/feedback.json"),
    include_str!("openapi/operations.json"),
    include_str!("openapi/chatchat.json"),
    include_str!("openapi/chatchat-types.json"),
];

/// Some endpoints, and what only they have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    #[serde(default)]
    responses: Map<String, Value>,
}

/// The document.
pub(super) async fn show() -> Result<Response, ApiError> {
    static DOCUMENT: LazyLock<Result<String, serde_json::Error>> =
        LazyLock::new(|| document().map(|document| document.to_string()));
    match &*DOCUMENT {
        Ok(text) => {
            Ok(([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response())
        }
        Err(error) => Err(ApiError::internal(format!("making the OpenAPI document: {error}"))),
    }
}

fn document() -> Result<Value, serde_json::Error> {
    let mut document: Value = serde_json::from_str(BASE)?;
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    for group in GROUPS {
        let Group { paths, schemas, responses } = serde_json::from_str(group)?;
        for (path, endpoint) in paths {
            document["paths"][path] = endpoint;
        }
        for (name, schema) in schemas {
            document["components"]["schemas"][name] = schema;
        }
        for (name, response) in responses {
            document["components"]["responses"][name] = response;
        }
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_endpoint_is_described_and_nothing_else() {
        let document = document().unwrap();
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap();
                methods.keys().map(move |method| (method.clone(), path.clone()))
            })
            .collect();
        let routes = super::super::routes();
        let served: BTreeSet<(String, String)> = routes
            .described()
            .iter()
            .map(|(method, path)| ((*method).to_owned(), path.replace("{*", "{")))
            .collect();
        assert_eq!(described, served);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_type_is_used() {
        let document = document().unwrap();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        for reference in &used {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        // What no response can refer to: the events of a stream.
        let streamed = ["ChatCompletionChunk", "KbChatChunk"];
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            let reference = format!("#/components/schemas/{name}");
            assert!(
                used.contains(&reference) || streamed.contains(&name.as_str()),
                "{name} is used nowhere"
            );
        }
    }

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    found.insert(reference.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn no_two_groups_have_a_name_in_common() {
        let mut names = BTreeSet::new();
        for group in GROUPS {
            let Group { paths, schemas, responses } = serde_json::from_str(group).unwrap();
            for name in paths.keys().chain(schemas.keys()).chain(responses.keys()) {
                assert!(names.insert(name.clone()), "{name} is there twice");
            }
        }
    }
}
