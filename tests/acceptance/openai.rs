//! Clients that nobody here wrote, unchanged, against a real worker: OpenAI's for Python and JavaScript, and LangChain's.

use std::path::{Path, PathBuf};
use std::process::Command;

use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings};
use switchyard_tests::harness::{node, python};

/// The newest when this was written.
const PYTHON: &str = "openai==3.54.0";
const LANGCHAIN: &str = "langchain-openai==1.7.3";
/// The newest that runs on the Node.js of Debian 12 as well.
const JAVASCRIPT: &str = "openai@5.23.2";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance").join(name)
}

/// Runs a script in Python with one package, against a worker.
async fn in_python(package: &str, name: &str) {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let python = python::program(&python::environment(package, "python"), "python");
    let base = format!("http://{}/v1", worker.address);
    let said = python::run(Command::new(python).arg(script(name)).arg(base));
    assert!(said.ends_with("all checks held\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_works_unchanged() {
    in_python(PYTHON, "openai_client.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn langchain_works_unchanged() {
    in_python(LANGCHAIN, "langchain_client.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_javascript_client_works_unchanged() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    // A module is looked for beside the script.
    let folder = node::environment(JAVASCRIPT);
    let own = folder.join(format!("client-{}.mjs", std::process::id()));
    std::fs::copy(script("openai_client.mjs"), &own).unwrap();
    let base = format!("http://{}/v1", worker.address);
    let said = python::run(Command::new("node").arg(&own).arg(base));
    std::fs::remove_file(&own).unwrap();
    assert!(said.ends_with("all checks held\n"), "{said}");
}
