//! The official `openai` Python client, unchanged, against a real worker.

use std::path::{Path, PathBuf};
use std::process::Command;

use switchyard_tests::harness::processes;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings};

/// The client's version; the newest when this was written.
const CLIENT: &str = "openai==3.54.0";

/// A virtual environment with the client, made once.
fn python() -> PathBuf {
    let folder = processes::kept().join(CLIENT);
    let python = folder.join("bin/python");
    let installed = || Command::new(&python).args(["-c", "import openai"]).output();
    if !installed().is_ok_and(|output| output.status.success()) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        run(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            CLIENT,
        ]));
    }
    python
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_works_unchanged() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance/openai_client.py");
    let said = run(Command::new(python()).arg(script).arg(format!("http://{}/v1", worker.address)));
    assert!(said.ends_with("all checks held\n"), "{said}");
}
