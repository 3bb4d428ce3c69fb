//! Devices for real: GPUs that Vulkan or CUDA reaches, and the variants of the code for processors. `scripts/test-gpu` and
//! `scripts/test-cuda` build the worker for them and run this.
#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "vulkan")]
mod vulkan;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes::eventually;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings, question};

/// Mesa's software GPU computes some tokens a second.
const LOADING: Duration = Duration::from_secs(900);

/// Starts a worker with these words under `inference`, and waits until it is ready. Mesa's software GPU is sent little at a
/// time: given hundreds of tokens it takes minutes, and has crashed.
async fn ready(inference: &str) -> (Worker, Value) {
    let settings =
        format!("inference: {{ context: 768, slots: 1, threads: 2, batch: 64, {inference} }}");
    let worker = Worker::launch(WorkerSettings::small(ENGLISH).with(&settings)).await;
    let inference = becomes_ready(&worker).await;
    (worker, inference)
}

/// What a ready worker's `/health` says of its device.
async fn becomes_ready(worker: &Worker) -> Value {
    eventually("the worker is ready", LOADING, async || {
        let health = worker.health().await;
        assert_ne!(health["status"], "failed", "{health}");
        (health["status"] == "ready").then(|| health["inference"].clone())
    })
    .await
}

async fn answers(worker: &Worker) {
    let body = question("How long is the probation period?", json!({ "max_tokens": 3 }));
    let answer = http::post(worker.address, "/v1/chat/completions", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    assert_eq!(answer["usage"]["completion_tokens"], 3, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_processor_alone_is_used_when_it_is_asked_for() {
    let (worker, inference) = ready("device: cpu").await;
    assert_eq!((&inference["device"], &inference["gpu_layers"]), (&json!("cpu"), &json!(0)));
    assert!(inference["variant"].is_string(), "{inference}");
    answers(&worker).await;
}

/// A variant that ends its process as one does whose instructions a processor announces and cannot run.
fn trap(folder: &Path) {
    let source = folder.join("trap.c");
    let text = "int ggml_backend_score(void) { return 1 << 30; }\n\
                void *ggml_backend_init(void) { __builtin_trap(); }\n";
    std::fs::write(&source, text).unwrap();
    let library = folder.join("libggml-cpu-sapphirerapids.so");
    // What was linked there is somebody else's file.
    let _ = std::fs::remove_file(&library);
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source)
        .status()
        .unwrap();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_that_ends_its_process_is_followed_by_the_next_safer_one() {
    let backends = PathBuf::from(std::env::var_os("SWITCHYARD_BACKENDS").unwrap());
    let own = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(backends).unwrap() {
        let path = entry.unwrap().path();
        std::os::unix::fs::symlink(&path, own.path().join(path.file_name().unwrap())).unwrap();
    }
    trap(own.path());
    let settings = "inference: { device: cpu, context: 768, slots: 1, threads: 2 }";
    let worker = Worker::launch_with(WorkerSettings::small(ENGLISH).with(settings), |command| {
        command.env("SWITCHYARD_BACKENDS", own.path());
    })
    .await;
    let inference = becomes_ready(&worker).await;
    let unusable = &inference["unusable"][0];
    assert_eq!(unusable["device"], "cpu/sapphirerapids", "{inference}");
    assert!(unusable["reason"].as_str().unwrap().contains("SIGILL"), "{inference}");
    assert_ne!(inference["variant"], "sapphirerapids");
    assert!(worker.process.log_text().contains("the next safer one is tried"));
    answers(&worker).await;
}
