//! A real worker is put to sleep and woken by the gateway, warmed, and promoted.

use serde_json::{Value, json};
use switchyard_tests::harness::gateway::{Gateway, settings};
use switchyard_tests::harness::http;
use switchyard_tests::harness::peers::free_address;
use switchyard_tests::harness::processes::program;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings, question};

const CHAT: &str = "/v1/chat/completions";
const PROBES: &str = "health: { interval: 100ms, timeout: 2s, rise: 1, fall: 3 }";
const QUESTION: &str = "How long is the probation period?";

/// A worker that nobody but the gateway has started ends with the test.
struct Stopped(Gateway);

impl Drop for Stopped {
    fn drop(&mut self) {
        // Green may be live by now: then it goes back first.
        self.0.switchctl(&["promote", "blue"]);
        let force = ["sleep", "green", "--force", "--reason", "the test is over"];
        self.0.switchctl(&[&force[..], &["--timeout", "30s"]].concat());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_worker_sleeps_is_woken_warmed_and_promoted() {
    let blue = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let green = free_address();
    let directory = tempfile::tempdir().unwrap();
    let worker = WorkerSettings { listen: green, ..WorkerSettings::small(ENGLISH) };
    worker.with("shutdown: { notice: 0s }").write(directory.path());
    let standby = format!(
        "standby: {{ driver: process, command: [{:?}, --config, worker.yaml], cpu_arguments: [--device, cpu], log: green.log }}",
        program("rag-worker")
    );
    let workers = format!("green: {{ workers: [\"{green}\"]");
    let text = settings(&[blue.address], &[green], PROBES);
    let text = text.replace(&workers, &format!("{workers}, {standby}"));
    std::fs::write(directory.path().join("gateway.yaml"), text).unwrap();
    let gateway = Stopped(Gateway::start_in(directory).await);
    let gateway = &gateway.0;
    gateway.expect(&["wait", "green", "--timeout", "120s"], 0);

    let said = gateway.expect(&["sleep", "green", "--mode", "cpu", "--timeout", "120s"], 0);
    assert!(said.starts_with("green is awake on the CPU only\n"), "{said}");
    let said = gateway.expect(&["sleep", "green"], 0);
    assert!(said.starts_with("green is asleep\n"), "{said}");
    assert!(http::get(green, "/health").await.is_err(), "its process has ended");
    let body = question(QUESTION, json!({ "max_tokens": 1 }));
    assert_eq!(http::post(gateway.address, CHAT, &body).await.unwrap().status, 200);
    let said = gateway.expect(&["promote"], 1);
    assert_eq!(said, "error: green is asleep\nhint: switchctl wake green\n");

    let said = gateway.expect(&["wake", "green", "--timeout", "120s"], 0);
    assert!(said.starts_with("green is awake\n"), "{said}");
    let health = async || -> Value { http::get(green, "/health").await.unwrap().json() };
    assert_eq!(health().await["warm"], false, "a new process has computed nothing yet");
    let said = gateway.expect(&["promote"], 0);
    assert!(said.starts_with("green is live"), "{said}");
    assert_eq!(health().await["warm"], true, "the promotion has warmed it");
    let answer = http::post(gateway.address, CHAT, &body).await.unwrap();
    assert_eq!((answer.status, answer.header("x-switchyard-slot")), (200, "green"));
    let usage = &answer.json()["usage"];
    let reused = usage.pointer("/prompt_tokens_details/cached_tokens").and_then(Value::as_u64);
    assert_eq!(reused, usage["prompt_tokens"].as_u64().map(|all| all - 1));
}
