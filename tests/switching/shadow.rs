//! Copies of requests for the idle slot never slow or fail the live ones.

use std::time::{Duration, Instant};

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_copied_whole_and_survives_a_restart() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let mut gateway = Gateway::start(&[blue.address], &[green.address], "").await;
    gateway.wait("blue");
    gateway.wait("green");
    gateway.expect(&["shadow", "100%", "--reason", "compare"], 0);
    gateway.crash_and_restart().await;
    gateway.wait("green");
    assert_eq!(gateway.status()["shadow"], "100%");
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(100_000));
    for _ in 0..20 {
        let answer = http::post(gateway.address, "/v1/chat/completions?a=b", &body).await.unwrap();
        assert_eq!(answer.json()["worker"], "blue");
    }
    eventually("all copies arrived", Duration::from_secs(10), async || {
        (green.state.requests() == 20).then_some(())
    })
    .await;
    let (seen, copied) = green.state.last().unwrap();
    assert_eq!(
        (seen.uri.to_string().as_str(), copied.len()),
        ("/v1/chat/completions?a=b", body.len())
    );
    assert_eq!(seen.headers["x-switchyard-shadow"], "1");
    gateway.expect(&["shadow", "off"], 0);
    http::post(gateway.address, "/", &body).await.unwrap();
    assert_eq!(gateway.status().get("shadow"), None);
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert!(
        notes.contains("100% of the requests are copied to the idle slot (compare)"),
        "{notes}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_idle_slot_costs_copies_and_nothing_else() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let extra = "shadow: { most: 4, longest: 1KiB, timeout: 30s }\nhealth: { interval: 60s }";
    let gateway = Gateway::start(&[blue.address], &[green.address], extra).await;
    gateway.wait("blue");
    gateway.wait("green");
    gateway.expect(&["shadow", "100%"], 0);
    green.state.set_hung(true);
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(http::post(gateway.address, "/", "{}").await.unwrap().status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "the live path waited for copies");
    let dropped = "switchyard_shadow_requests_total{outcome=\"dropped\"}";
    assert_eq!(gateway.metric(dropped).await, 96.0);
    http::post(gateway.address, "/", &"x".repeat(2_000)).await.unwrap();
    let too_long = "switchyard_shadow_requests_total{outcome=\"too_long\"}";
    assert_eq!(gateway.metric(too_long).await, 1.0);
}
