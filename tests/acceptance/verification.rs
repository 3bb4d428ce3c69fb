//! What a worker serves is what was verified: strictly at the first start, at once and then in the background at the next.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes::eventually;
use switchyard_tests::harness::rag_worker::{
    ENGLISH, SMALL_MODEL, Worker, WorkerSettings, copy, knowledge,
};
use tempfile::TempDir;

const HELD: &str = "switchyard_worker_verifications_total{outcome=\"held\"}";
const DIFFERED: &str = "switchyard_worker_verifications_total{outcome=\"differed\"}";
const UNCHANGED: &str = "unchanged since it was verified";

/// A knowledge base and a model of a test's own, and one folder for the records of all workers that serve them.
struct Scene {
    folder: TempDir,
    extra: String,
    model: String,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let models = std::env::var_os("SWITCHYARD_MODELS").map_or_else(
            || Path::new(&std::env::var_os("HOME").unwrap()).join(".cache/switchyard/models"),
            PathBuf::from,
        );
        copy(&knowledge(ENGLISH), &folder.path().join("v1"));
        let model = folder.path().join("model.gguf");
        std::fs::copy(models.join(SMALL_MODEL), &model).unwrap();
        let records = folder.path().join("records");
        let extra = format!("verification: {{ records: {records:?}, rate: 100GiB/s }}");
        let scene = Self { extra, model: model.to_str().unwrap().to_owned(), folder };
        for file in ["v1", "v1/derived", "v1/derived/lexical", "."] {
            for entry in std::fs::read_dir(scene.file(file)).unwrap() {
                age(&entry.unwrap().path());
            }
        }
        scene
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn launch(&self) -> Worker {
        let settings = WorkerSettings::small(ENGLISH).with(&self.extra);
        let (model, knowledge) = (self.model.as_str(), self.file("v1"));
        Worker::launch(WorkerSettings { model, knowledge, ..settings }).await
    }
}

/// Files of a minute ago may change again without a trace, and are not recorded.
fn age(path: &Path) {
    if path.is_file() {
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        File::options().write(true).open(path).unwrap().set_modified(hour_ago).unwrap();
    }
}

/// Changes a file without changing its length; with `hidden`, without changing its time either.
fn tamper(path: &Path, from: &[u8], to: &[u8], hidden: bool) {
    let was = std::fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    std::fs::write(path, bytes).unwrap();
    if hidden {
        File::options().write(true).open(path).unwrap().set_modified(was).unwrap();
    }
}

/// `/health` once its status is this one, whatever it was before.
async fn until(worker: &Worker, status: &str) -> Value {
    eventually(&format!("the worker is {status}"), Duration::from_secs(120), async || {
        let health = worker.health().await;
        (health["status"] == status).then_some(health)
    })
    .await
}

/// `/health` once the worker has read everything itself.
async fn read_through(worker: &Worker) -> Value {
    eventually("everything is read", Duration::from_secs(120), async || {
        let health = worker.health().await;
        assert_ne!(health["status"], "failed", "{health}");
        (health["verified"]["since_start"] == true).then_some(health)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unchanged_is_read_in_the_background_and_what_changed_at_the_start() {
    let scene = Scene::new();
    let first = scene.launch().await;
    let health = until(&first, "ready").await;
    assert_eq!(health["verified"]["since_start"], true, "{health}");
    assert!(!first.process.log_text().contains(UNCHANGED));
    assert!(first.metric("switchyard_worker_verified_timestamp_seconds").await > 1e9);
    let sha256 = health["model"]["sha256"].clone();
    let at = health["verified"]["knowledge"].as_str().unwrap().to_owned();
    assert_eq!((at.len(), &at[10..11], &at[19..]), (20, "T", "Z"), "{at}");
    drop(first);

    let second = scene.launch().await;
    let health = read_through(&second).await;
    assert!(second.process.log_text().contains(UNCHANGED));
    assert_eq!(health["model"]["sha256"], sha256);
    assert!(health["verified"]["knowledge"].as_str().unwrap() >= at.as_str(), "{health}");
    assert_eq!(second.metric(HELD).await, 1.0);
    drop(second);

    // A changed model is another model, and hashed again.
    tamper(Path::new(&scene.model), b"\0\0", b"\0\x01", false);
    let third = scene.launch().await;
    let health = until(&third, "ready").await;
    assert_ne!(health["model"]["sha256"], sha256);
    drop(third);

    // The same length, another time.
    let index = scene.file("v1/derived/index.usearch");
    let bytes = std::fs::read(&index).unwrap();
    let last = &bytes[bytes.len() - 4..];
    tamper(&index, last, &last.iter().map(|byte| byte ^ 1).collect::<Vec<_>>(), false);
    let health = scene.launch().await.failure().await;
    let reason = health["error"]["message"].as_str().unwrap();
    assert!(reason.contains("index.usearch"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_leaves_no_trace_is_found_in_the_background_and_ends_serving() {
    let scene = Scene::new();
    let first = scene.launch().await;
    until(&first, "ready").await;
    drop(first);
    tamper(&scene.file("v1/passages.jsonl"), b"four months", b"nine months", true);

    let second = scene.launch().await;
    let health = until(&second, "failed").await;
    let log = second.process.log_text();
    let (ready, ended) = (log.find("ready").unwrap(), log.find("serves no longer").unwrap());
    assert!(log.contains(UNCHANGED) && ready < ended, "{log}");
    let reason = health["error"]["message"].as_str().unwrap();
    assert!(reason.contains("not what was verified") && reason.contains("fingerprint"), "{reason}");
    assert!(health["error"]["hint"].as_str().unwrap().contains("copy the knowledge base"));
    assert_eq!(http::get(second.address, "/health").await.unwrap().status, 503);
    assert_eq!(second.metric(DIFFERED).await, 1.0);
    assert_eq!(second.metric("switchyard_worker_phase_ready").await, 0.0);
    // Nothing is answered from it any more.
    let body = json!({ "query": "How long is the probation period?" }).to_string();
    let refused = http::post(second.address, "/v1/search", &body).await.unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("has failed"));
    drop(second);

    // No record vouches for it again.
    let third = scene.launch().await;
    let health = third.failure().await;
    assert!(health["error"]["message"].as_str().unwrap().contains("fingerprint"), "{health}");
    assert!(!third.process.log_text().contains(UNCHANGED));
    drop(third);

    tamper(&scene.file("v1/passages.jsonl"), b"nine months", b"four months", true);
    let fourth = scene.launch().await;
    until(&fourth, "ready").await;
    drop(fourth);
    tamper(Path::new(&scene.model), b"\0\0", b"\0\x01", true);
    let health = until(&scene.launch().await, "failed").await;
    let reason = health["error"]["message"].as_str().unwrap();
    assert!(reason.contains("model.gguf") && reason.contains("SHA-256"), "{reason}");
}
