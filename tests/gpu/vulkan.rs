//! Vulkan: a GPU of any vendor, or Mesa's software one.

use serde_json::json;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings};

use super::{answers, ready};

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
