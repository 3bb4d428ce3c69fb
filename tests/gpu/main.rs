//! Devices for real: a GPU that Vulkan reaches, and the variants of the code for processors. `scripts/test-gpu` builds the
//! worker for them and runs this.
#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

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
async fn all_layers_are_computed_on_the_gpu() {
    let (worker, inference) = ready("device: \"vulkan:0\"").await;
    assert_eq!(inference["device"], "vulkan:0", "{inference}");
    assert_eq!(inference["gpu_layers"], inference["layers"], "{inference}");
    assert!(inference["gpu_layers"].as_u64().unwrap() > 1, "{inference}");
    let device = &inference["devices"][0];
    let bytes = |name: &str| device[name].as_u64().unwrap();
    assert_eq!(bytes("memory_used") + bytes("memory_free"), bytes("memory_total"), "{device}");
    assert!(inference["unusable"].is_null(), "{inference}");
    let layers = worker.metric("switchyard_worker_gpu_layers").await;
    assert_eq!(layers, inference["gpu_layers"].as_f64().unwrap());
    let free = "switchyard_worker_device_memory_bytes{device=\"vulkan:0\",state=\"free\"}";
    assert!(worker.metric(free).await > 0.0);
    let weights = worker.metric("switchyard_worker_weights_bytes").await;
    assert_eq!(weights, inference["weights"].as_f64().unwrap());
    answers(&worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_layers_as_were_asked_for() {
    let (_worker, inference) = ready("device: \"vulkan:0\", gpu_layers: 3").await;
    assert_eq!((&inference["device"], &inference["gpu_layers"]), (&json!("vulkan:0"), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gpu_that_is_not_there_is_named_with_those_that_are() {
    let settings = "inference: { device: \"vulkan:7\" }";
    let worker = Worker::launch(WorkerSettings::small(ENGLISH).with(settings)).await;
    let error = worker.failure().await["error"].clone();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("no vulkan:7 here") && message.contains("vulkan:0"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("inference.device"), "{error}");
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
