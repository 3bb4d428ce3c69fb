//! The worker does what its OpenAPI document says: asked by Schemathesis, which nobody here wrote, with a bounded number of requests, the same each time.

use std::path::{Path, PathBuf};
use std::process::Command;

use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings};
use switchyard_tests::harness::{http, python};

/// The newest when this was written.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const FEEDBACK: &str = "feedback: { file: feedback.jsonl }";
/// Nothing is ever certain, so no model is asked: hundreds of requests are about what is taken and refused, not about answers.
const WITHOUT_A_MODEL: &str = "\
feedback: { file: feedback.jsonl }
retrieval: { min_score: 1.0 }";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance").join(name)
}

/// Runs Schemathesis' phases against a worker, with all its checks.
async fn held_to_its_document(extra: &str, phases: &str) {
    let worker = Worker::start(WorkerSettings::small(ENGLISH).with(extra)).await;
    let environment = python::environment(SCHEMATHESIS, "st");
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(python::program(&environment, "st"))
        .args(["--no-color", "--config-file"])
        .arg(file("schemathesis.toml"))
        .args(["run", "--phases", phases])
        .arg(format!("http://{}/openapi.json", worker.address))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
    // None of it has harmed the worker.
    assert_eq!(worker.health().await["status"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_own_examples_are_answered_as_it_says() {
    held_to_its_document(FEEDBACK, "examples").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_every_kind_are_taken_or_refused_as_the_document_says() {
    held_to_its_document(WITHOUT_A_MODEL, "coverage,fuzzing,stateful").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_streams_are_as_the_document_says() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH).with(FEEDBACK)).await;
    let python = python::program(&python::environment(SCHEMATHESIS, "st"), "python");
    let base = format!("http://{}", worker.address);
    let said = python::run(Command::new(python).arg(file("openapi_events.py")).arg(base));
    assert!(said.ends_with("all checks held\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_door_passes_the_document_on_and_a_wrong_method_names_the_right_ones() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let gateway = Gateway::start(&[worker.address], &[], "").await;
    gateway.wait("blue");
    let document = http::get(gateway.address, "/openapi.json").await.unwrap();
    assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
    assert_eq!(document.json()["openapi"], "3.1.0");
    let own = http::get(worker.address, "/openapi.json").await.unwrap();
    assert_eq!(document.body, own.body);

    let wrong = http::get(gateway.address, "/v1/search").await.unwrap();
    assert_eq!((wrong.status, wrong.header("allow")), (405, "POST"));
    assert_eq!(wrong.json()["error"]["type"], "invalid_request_error");
}
