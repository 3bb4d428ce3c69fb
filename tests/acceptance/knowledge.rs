//! A knowledge base that is damaged, or of another embedding, never becomes ready.

use std::path::Path;

use switchyard_tests::harness::processes;
use switchyard_tests::harness::rag_worker::{
    BILINGUAL, ENGLISH, Worker, WorkerSettings, copy, knowledge,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupted_index_is_named_and_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("v1");
    copy(&knowledge(ENGLISH), &damaged);
    let index = damaged.join("derived/index.usearch");
    let mut bytes = std::fs::read(&index).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&index, bytes).unwrap();

    let settings = WorkerSettings { knowledge: damaged.clone(), ..WorkerSettings::small(ENGLISH) };
    let worker = Worker::launch(settings).await;
    let health = worker.failure().await;
    let reason = health["error"]["message"].as_str().unwrap();
    assert!(reason.contains("index.usearch"), "{reason}");

    let check = processes::run(
        "rag-worker",
        &["--check", "--config", "worker.yaml"],
        worker.directory.path(),
    );
    assert_eq!(check.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&check.stderr).contains("index.usearch"));
    let verify = processes::run("kbctl", &["verify", damaged.to_str().unwrap()], Path::new("."));
    assert_eq!(verify.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_passage_breaks_the_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("v1");
    copy(&knowledge(ENGLISH), &damaged);
    let passages = damaged.join("passages.jsonl");
    let text =
        std::fs::read_to_string(&passages).unwrap().replacen("four months", "nine months", 1);
    std::fs::write(&passages, text).unwrap();
    let settings = WorkerSettings { knowledge: damaged, ..WorkerSettings::small(ENGLISH) };
    let health = Worker::launch(settings).await.failure().await;
    let reason = health["error"]["message"].as_str().unwrap();
    assert!(reason.contains("fingerprint"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_embedding_is_refused_by_name() {
    let settings =
        WorkerSettings { knowledge: knowledge(BILINGUAL), ..WorkerSettings::small(ENGLISH) };
    let health = Worker::launch(settings).await.failure().await;
    let reason = health["error"]["message"].as_str().unwrap();
    assert!(reason.contains(ENGLISH) && reason.contains(BILINGUAL), "{reason}");
}
