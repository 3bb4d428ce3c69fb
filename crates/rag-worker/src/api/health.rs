//! `GET /health`: what this worker serves, and whether it does. `GET /metrics` beside it.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rag_core::{Embedder, Generator, Reranker};
use rag_generator::{Device, DeviceInUse};
use serde_json::{Value, json};
use telemetry::family::TEXT_FORMAT;
use telemetry::worker::EngineFigures;

use super::error::ApiError;
use crate::answering::Answering;
use crate::state::{Phase, Worker};

/// 200 with the full identity when ready; 503 while loading, draining or failed.
pub(crate) async fn show(State(worker): State<Arc<Worker>>) -> Response {
    let phase = worker.phase();
    let status =
        if phase == Phase::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body(&worker, &phase))).into_response()
}

fn body(worker: &Worker, phase: &Phase) -> Value {
    let mut body = json!({
        "status": phase.as_str(),
        "version": env!("CARGO_PKG_VERSION"),
        "slot": worker.settings.slot,
    });
    match phase {
        Phase::Loading(what) => body["loading"] = json!(what),
        Phase::Failed { reason, hint } => {
            body["error"] = json!({ "message": reason, "type": "unavailable_error", "hint": hint });
        }
        Phase::Ready | Phase::Draining => {}
    }
    let Some(answering) = worker.answering() else { return body };
    let model = answering.generator.identity();
    let embedding = answering.embedder.identity();
    let knowledge = &answering.knowledge;
    body["inference"] = inference(worker, answering);
    let last = worker.verification.last();
    let told =
        |at: Option<SystemTime>| at.map(|at| humantime::format_rfc3339_seconds(at).to_string());
    body["verified"] = json!({
        "knowledge": told(last.knowledge),
        "model": told(last.model),
        "since_start": last.since_start,
    });
    let first_token = worker.warmth.first_token();
    body["warm"] = json!(first_token.is_some());
    if let Some(first_token) = first_token {
        body["first_token_ms"] = json!(first_token.as_secs_f64() * 1e3);
    }
    body["model"] = json!({
        "name": model.name,
        "file": model.file,
        "sha256": model.sha256,
        "quantization": model.quantization,
        "context": model.context,
    });
    body["embedding"] = json!({
        "name": embedding.name,
        "version": embedding.version,
        "dimensions": embedding.dimensions,
    });
    if let Some(reranker) = &answering.reranker {
        let identity = reranker.identity();
        body["reranker"] = json!({ "name": identity.name, "version": identity.version });
    }
    body["knowledge"] = json!({
        "tag": knowledge.tag(),
        "fingerprint": knowledge.fingerprint(),
        "documents": knowledge.documents(),
        "passages": knowledge.passages(),
        "built_at": knowledge.built_at(),
    });
    body
}

/// What the model is computed on: the device, its memory in bytes, the layers on GPUs, and what could not be used.
fn inference(worker: &Worker, answering: &Answering) -> Value {
    let devices = answering.generator.devices();
    let (gpu_layers, layers) = answering.generator.layers();
    let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
    let memory: Vec<Value> = devices.iter().map(memory).collect();
    let mut inference = json!({
        "device": names.join(","),
        "gpu_layers": gpu_layers,
        "layers": layers,
        "weights": answering.generator.weights(),
        "devices": memory,
        "slots": worker.settings.inference.engine.slots,
        "threads": worker.settings.inference.engine.threads,
    });
    if let Device::Cpu(Some(variant)) = &answering.proven.device {
        inference["variant"] = json!(variant);
    }
    if !answering.proven.unusable.is_empty() {
        let unusable = answering.proven.unusable.iter();
        inference["unusable"] = unusable
            .map(|it| json!({ "device": it.device.to_string(), "reason": it.reason }))
            .collect();
    }
    inference
}

fn memory(device: &DeviceInUse) -> Value {
    json!({
        "device": device.name,
        "description": device.description,
        "memory_total": device.memory_total,
        "memory_free": device.memory_free,
        "memory_used": device.memory_total.saturating_sub(device.memory_free),
    })
}

/// Prometheus' text format.
pub(crate) async fn metrics(State(worker): State<Arc<Worker>>) -> Result<Response, ApiError> {
    if let Some(answering) = worker.answering() {
        let now = answering.stats.snapshot();
        worker.metrics.engine(EngineFigures {
            prompt_tokens: now.prompt_tokens,
            reused_tokens: now.reused_tokens,
            generated_tokens: now.generated_tokens,
            decode_steps: now.decode_steps,
            busy: now.busy,
            processing: now.running,
            deferred: now.waiting,
            context_tokens: now.context_tokens,
            kept_prompts: now.kept_prompts,
            kept_bytes: now.kept_bytes,
        });
        let weights = answering.generator.weights();
        worker.metrics.weights.set(i64::try_from(weights).unwrap_or(i64::MAX));
        worker.metrics.gpu_layers.set(i64::from(answering.generator.layers().0));
        for device in answering.generator.devices() {
            let used = device.memory_total.saturating_sub(device.memory_free);
            worker.metrics.device_memory(&device.name, used, device.memory_free);
        }
    }
    let text = worker.metrics.render().map_err(|e| ApiError::internal(e.to_string()))?;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response())
}
