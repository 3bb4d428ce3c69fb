//! Promote and roll back while clients are being answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_fails_and_nothing_is_late_while_slots_are_switched_under_load() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let gateway = Gateway::start(&[blue.address], &[green.address], "access_log: false").await;
    gateway.wait("blue");
    gateway.wait("green");

    let stop = Arc::new(AtomicBool::new(false));
    // The number of the last switch whose command had returned, times two, plus which slot is live.
    let settled = Arc::new(AtomicU64::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (stop, settled, address) = (Arc::clone(&stop), Arc::clone(&settled), gateway.address);
        clients.spawn(async move {
            let mut connection = Connection::open(address).await.unwrap();
            let mut count = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                let before = settled.load(Ordering::SeqCst);
                let answer = connection
                    .send(http::request("POST", "/v1/chat/completions", "{}"))
                    .await
                    .unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                let after = settled.load(Ordering::SeqCst);
                // Odd: a switch command was running at some moment of this request, so either slot is right.
                if before == after && before.is_multiple_of(2) {
                    let live = if (before / 2).is_multiple_of(2) { "blue" } else { "green" };
                    assert_eq!(answer.header("x-switchyard-slot"), live);
                    assert_eq!(answer.json()["worker"], live);
                }
                count += 1;
            }
            count
        });
    }
    for _ in 0..20 {
        let (stop, address) = (Arc::clone(&stop), gateway.address);
        clients.spawn(async move {
            let mut count = 0;
            while !stop.load(Ordering::SeqCst) {
                let answer = http::get(address, "/stream?events=10&every=20").await.unwrap();
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                assert_eq!(text.matches("data: ").count(), 10, "a cut stream: {text}");
                let slot = answer.header("x-switchyard-slot");
                assert!(
                    text.lines().filter(|line| !line.is_empty()).all(|line| line.contains(slot)),
                    "{text}"
                );
                count += 1;
            }
            count
        });
    }
    for step in 0..40 {
        settled.fetch_add(1, Ordering::SeqCst);
        let verb = if step % 2 == 0 { "promote" } else { "rollback" };
        gateway.expect(&[verb], 0);
        settled.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut answered = 0;
    while let Some(count) = clients.join_next().await {
        answered += count.unwrap();
    }
    assert!(answered > 100, "only {answered} requests were answered");
    // Drains that overtook each other leave nothing waiting behind.
    eventually("the last drain is over", Duration::from_secs(5), async || {
        (gateway.status()["phase"] == "steady").then_some(())
    })
    .await;
    for slot in ["blue", "green"] {
        let sample = format!("switchyard_truncated_streams_total{{slot=\"{slot}\"}}");
        assert_eq!(gateway.metric(&sample).await, 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_answer_finishes_on_the_old_slot_and_status_shows_the_drain() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let gateway = Gateway::start(&[blue.address], &[green.address], "").await;
    gateway.wait("blue");
    gateway.wait("green");
    let address = gateway.address;
    let stream =
        tokio::spawn(
            async move { http::get(address, "/stream?events=40&every=20").await.unwrap() },
        );
    eventually("the stream has begun", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["in_flight"] == 1).then_some(())
    })
    .await;

    let said = gateway.expect(&["promote", "--reason", "new handbook"], 0);
    assert!(
        said.contains("green is live (attempt 1); blue finishes its running answers"),
        "{said}"
    );
    let status = gateway.status();
    assert_eq!(
        (status["live"].as_str(), status["phase"].as_str()),
        (Some("green"), Some("draining"))
    );
    assert_eq!(status["drain"]["left"], 1);
    assert_eq!(http::get(address, "/").await.unwrap().header("x-switchyard-release"), "fake@v2");

    let answer = stream.await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.body).matches("data: blue").count(), 40);
    eventually("blue is drained", Duration::from_secs(5), async || {
        (gateway.status()["phase"] == "steady").then_some(())
    })
    .await;
    let history = gateway.expect(&["history"], 0);
    assert!(
        history.contains("promote blue → green") && history.contains("new handbook"),
        "{history}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_drained_returns_when_the_last_answer_has_ended() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let gateway = Gateway::start(&[blue.address], &[green.address], "").await;
    gateway.wait("blue");
    gateway.wait("green");
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let response =
        connection.begin(http::request("GET", "/stream?events=20&every=20", "")).await.unwrap();
    let reading = tokio::spawn(async move {
        http_body_util::BodyExt::collect(response.into_body()).await.unwrap()
    });
    let said = gateway.expect(&["promote", "green", "--wait", "drained"], 0);
    assert!(said.contains("blue is drained"), "{said}");
    reading.await.unwrap();
    assert_eq!(gateway.status()["slots"]["blue"]["in_flight"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_slot_is_retired_when_its_time_is_over() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let gateway =
        Gateway::start(&[blue.address], &[green.address], "promotion: { keep_old: 300ms }").await;
    gateway.wait("blue");
    gateway.wait("green");
    gateway.expect(&["promote"], 0);
    eventually("blue is retired", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["retired"] == true).then_some(())
    })
    .await;
    let said = gateway.expect(&["rollback"], 1);
    assert!(said.contains("error: blue is no longer kept for a rollback"), "{said}");
}
