//! Clients of Langchain-Chatchat ask a real worker, as its own web pages do.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings};
use switchyard_tests::harness::{http, python};

#[tokio::test(flavor = "multi_thread")]
async fn what_its_web_pages_read_is_there() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let gateway = Gateway::start(&[worker.address], &[], "").await;
    gateway.wait("blue");
    // OpenAI's client, as its chat page uses it.
    let python = python::program(&python::environment("openai==3.54.0", "python"), "python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance/chatchat_client.py");
    let base = format!("http://{}", gateway.address);
    let said = python::run(Command::new(python).arg(script).arg(base));
    assert!(said.ends_with("all checks held\n"), "{said}");
}

async fn post(worker: &Worker, path: &str, body: Value) -> (u16, Value) {
    let answer = http::post(worker.address, path, &body.to_string()).await.unwrap();
    (answer.status, answer.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_be_stricter_than_the_worker_and_never_laxer() {
    let extra = "chatchat: { knowledge_base: handbooks }";
    let worker = Worker::start(WorkerSettings::small(ENGLISH).with(extra)).await;
    let ask = |query: &str, threshold: f64| {
        json!({ "query": query, "kb_name": "handbooks", "stream": false, "max_tokens": 24,
            "temperature": 0, "score_threshold": threshold })
    };
    let probation = "How long is the probation period?";
    let (status, answer) = post(&worker, "/chat/kb_chat", ask(probation, 2.0)).await;
    assert_eq!(status, 200, "{answer}");
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("month"), "{answer}");
    let doc = answer["docs"][0].as_str().unwrap();
    assert!(doc.starts_with("##### [1] `employee-handbook.pdf`, page "), "{doc}");
    assert!(answer["citations"][0]["page"].is_u64(), "{answer}");

    // Its pages send 2.0 by default, "filters nothing": what the documents do not say is not invented for that.
    let (_, answer) = post(&worker, "/chat/kb_chat", ask("Who wrote Hamlet?", 2.0)).await;
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("do not contain"), "{answer}");
    assert_eq!(answer["docs"], json!([]));
    // Nothing is certain.
    let (_, answer) = post(&worker, "/chat/kb_chat", ask(probation, 0.0)).await;
    assert_eq!(answer["docs"], json!([]), "{answer}");

    let search = |threshold: f64| json!({ "query": probation, "knowledge_base_name": "handbooks", "top_k": 5, "score_threshold": threshold });
    let (_, all) = post(&worker, "/knowledge_base/search_docs", search(2.0)).await;
    let (_, likely) = post(&worker, "/knowledge_base/search_docs", search(0.5)).await;
    let scores = |found: &Value| -> Vec<f64> {
        let passages = found.as_array().unwrap().iter();
        passages.map(|passage| passage["score"].as_f64().unwrap()).collect()
    };
    assert_eq!(scores(&all).len(), 5);
    let expected: Vec<f64> = scores(&all).into_iter().filter(|score| *score >= 0.5).collect();
    assert_eq!(scores(&likely), expected);
    assert!((1..5).contains(&expected.len()), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_covered_says_so_and_what_does_its_job() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let asked = |more: Value| {
        let mut body =
            json!({ "query": "x", "kb_name": "samples", "knowledge_base_name": "samples" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (path, more, hint) in [
        ("/chat/kb_chat", json!({ "mode": "temp_kb" }), "kbctl build"),
        ("/chat/kb_chat", json!({ "mode": "search_engine" }), "local_kb"),
        ("/chat/kb_chat", json!({ "prompt_name": "mine" }), "system message"),
        ("/knowledge_base/search_docs", json!({ "metadata": { "author": "x" } }), "/v1/search"),
        ("/knowledge_base/recreate_vector_store", json!({}), "kbctl build"),
        ("/knowledge_base/upload_docs", json!({}), "kbctl build"),
        ("/chat/file_chat", json!({}), "kbctl build"),
        ("/chat/chat/completions", json!({}), "/v1/chat/completions"),
    ] {
        let (status, refusal) = post(&worker, path, asked(more)).await;
        assert_eq!((status, &refusal["code"]), (501, &json!(501)), "{path}: {refusal}");
        assert_eq!(refusal["error"]["code"], "not_covered", "{refusal}");
        assert!(refusal["msg"].as_str().unwrap().contains(hint), "{path}: {refusal}");
    }
    let (status, refusal) = post(&worker, "/chat/kb_chat", asked(json!({ "kb_name": "x" }))).await;
    assert_eq!((status, &refusal["code"], &refusal["data"]), (404, &json!(404), &json!({})));
    assert!(refusal["msg"].as_str().unwrap().contains("chatchat.knowledge_base"), "{refusal}");
}
