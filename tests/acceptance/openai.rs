//! The official `openai` Python client, unchanged, against a real worker.

use std::path::Path;
use std::process::Command;

use switchyard_tests::harness::python;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings};

/// The client's version; the newest when this was written.
const CLIENT: &str = "openai==3.54.0";

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_works_unchanged() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance/openai_client.py");
    let python = python::program(&python::environment(CLIENT, "python"), "python");
    let said =
        python::run(Command::new(python).arg(script).arg(format!("http://{}/v1", worker.address)));
    assert!(said.ends_with("all checks held\n"), "{said}");
}
