//! Switching live traffic between real workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::eventually;
use switchyard_tests::harness::rag_worker::{BILINGUAL, ENGLISH, Worker, WorkerSettings, question};

/// Promotions and rollbacks together.
const SWITCHES: u64 = 400;

/// Room for all clients at once, so that no answer is refused.
const ROOMY: &str = "inference: { device: cpu, context: 1024, slots: 8, queue: 64, threads: 1 }\nretrieval: { top_k: 1 }";

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_cycles_under_load_lose_nothing() {
    let blue = Worker::start(WorkerSettings::small(ENGLISH).with(ROOMY)).await;
    let green = Worker::start(WorkerSettings::small(BILINGUAL).with(ROOMY)).await;
    let health = "health: { interval: 500ms, timeout: 5s, rise: 2, fall: 3 }\naccess_log: false";
    let gateway = Gateway::start(&[blue.address], &[green.address], health).await;
    gateway.wait("blue");
    gateway.wait("green");

    let stop = Arc::new(AtomicBool::new(false));
    // Twice the number of switches whose command has returned, plus one while a command runs.
    let settled = Arc::new(AtomicU64::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (stop, settled, address) = (Arc::clone(&stop), Arc::clone(&settled), gateway.address);
        clients.spawn(async move {
            let mut connection = Connection::open(address).await.unwrap();
            let mut count = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                let before = settled.load(Ordering::SeqCst);
                let answer = connection.get("/v1/models").await.unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                if before == settled.load(Ordering::SeqCst) && before.is_multiple_of(2) {
                    let live = if (before / 2).is_multiple_of(2) { "blue" } else { "green" };
                    assert_eq!(answer.header("x-switchyard-slot"), live, "late to the old slot");
                }
                count += 1;
            }
            count
        });
    }
    for client in 0..20 {
        let (stop, address) = (Arc::clone(&stop), gateway.address);
        clients.spawn(async move {
            let mut count = 0;
            let more =
                json!({ "stream": true, "max_tokens": 12, "temperature": 1, "seed": client });
            let body = question("When are salaries paid?", more);
            while !stop.load(Ordering::SeqCst) {
                let answer = http::post(address, "/v1/chat/completions", &body).await.unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                assert!(text.ends_with("data: [DONE]\n\n"), "a cut stream: {text}");
                count += 1;
            }
            count
        });
    }
    for step in 0..SWITCHES {
        settled.fetch_add(1, Ordering::SeqCst);
        gateway.expect(&[if step % 2 == 0 { "promote" } else { "rollback" }], 0);
        settled.fetch_add(1, Ordering::SeqCst);
        // A moment in which the new slot is surely the live one.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut answered = 0;
    while let Some(count) = clients.join_next().await {
        answered += count.unwrap();
    }
    assert!(answered > SWITCHES, "only {answered} requests in {SWITCHES} switches");
    eventually("the last drain is over", Duration::from_secs(30), async || {
        (gateway.status()["phase"] == "steady").then_some(())
    })
    .await;
    for slot in ["blue", "green"] {
        let sample = format!("switchyard_truncated_streams_total{{slot=\"{slot}\"}}");
        assert_eq!(gateway.metric(&sample).await, 0.0);
    }
    let history = gateway.expect(&["history", "--output", "json"], 0);
    assert!(
        history.contains(&format!("\"attempt\":{SWITCHES}"))
            || history.contains(&format!("\"attempt\": {SWITCHES}")),
        "{history}"
    );
}
