//! CUDA: an NVIDIA GPU, and what its build does on a machine that has none.

use std::path::Path;

use serde_json::json;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings};

use super::{answers, ready};

/// Whether NVIDIA's driver is here.
fn driver() -> bool {
    Path::new("/proc/driver/nvidia/version").exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gpu_is_used_where_there_is_one_and_the_processor_elsewhere() {
    let (worker, inference) = ready("device: auto").await;
    if driver() {
        assert_eq!(inference["device"], "cuda:0", "{inference}");
        assert_eq!(inference["gpu_layers"], inference["layers"], "{inference}");
    } else {
        let found = (&inference["device"], &inference["gpu_layers"]);
        assert_eq!(found, (&json!("cpu"), &json!(0)), "{inference}");
    }
    assert!(inference["unusable"].is_null(), "{inference}");
    answers(&worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gpu_that_is_not_there_is_a_mistake() {
    let settings = "inference: { device: \"cuda:7\" }";
    let worker = Worker::launch(WorkerSettings::small(ENGLISH).with(settings)).await;
    let error = worker.failure().await["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("no cuda:7 here"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("inference.device"), "{error}");
}
