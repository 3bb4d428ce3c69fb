//! Several workers in a slot: weights, limits, backups, breakers, and requests that wait.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::BodyExt;
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::eventually;

/// A gateway whose blue slot is written out by hand.
async fn slot(workers: &str, slot: &str, extra: &str) -> Gateway {
    let directory = tempfile::tempdir().unwrap();
    let settings = format!(
        "listen: {{ http: \"127.0.0.1:0\" }}\nadmin: {{ socket: \"run/switchyard.sock\" }}\nstate: \"var/switchyard.db\"\n\
         slots:\n  blue: {{ workers: [{workers}]{slot} }}\n  green: {{ workers: [] }}\n\
         health: {{ interval: 50ms, timeout: 500ms }}\n{extra}\n"
    );
    std::fs::write(directory.path().join("gateway.yaml"), settings).unwrap();
    Gateway::start_in(directory).await
}

fn worker(address: SocketAddr, more: &str) -> String {
    format!("{{ address: \"{address}\"{more} }}")
}

async fn answered(gateway: &Gateway, requests: usize) -> BTreeMap<String, usize> {
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let mut counts = BTreeMap::new();
    for _ in 0..requests {
        let answer = connection.get("/").await.unwrap();
        *counts.entry(answer.json()["worker"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_follow_the_weights() {
    let one = FakeWorker::start("one", "v1").await;
    let two = FakeWorker::start("two", "v1").await;
    let workers = [worker(one.address, ", weight: 3"), worker(two.address, "")].join(", ");
    let gateway = slot(&workers, ", balance: round_robin", "").await;
    gateway.wait("blue");
    assert_eq!(answered(&gateway, 40).await, counts(&[("one", 30), ("two", 10)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_serve_only_while_nobody_else_can_and_disabled_workers_never() {
    let one = FakeWorker::start("one", "v1").await;
    let two = FakeWorker::start("two", "v1").await;
    let three = FakeWorker::start("three", "v1").await;
    let workers = [
        worker(one.address, ""),
        worker(two.address, ", backup: true"),
        worker(three.address, ", down: true"),
    ]
    .join(", ");
    let gateway = slot(&workers, "", "").await;
    gateway.wait("blue");
    assert_eq!(answered(&gateway, 20).await, counts(&[("one", 20)]));
    assert_eq!(gateway.status()["slots"]["blue"]["workers"][2]["state"], "disabled");
    one.kill();
    eventually("one is down", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["workers"][0]["state"] == "down").then_some(())
    })
    .await;
    assert_eq!(answered(&gateway, 20).await, counts(&[("two", 20)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_keeps_its_worker() {
    let mut running = Vec::new();
    for name in ["one", "two", "three"] {
        running.push(FakeWorker::start(name, "v1").await);
    }
    let workers: Vec<String> = running.iter().map(|running| worker(running.address, "")).collect();
    let extra = "routing: { conversations: { header: x-conversation } }";
    let gateway = slot(&workers.join(", "), ", balance: conversation", extra).await;
    gateway.wait("blue");
    let ask = async |number: usize| {
        let mut request = http::request("GET", "/", "");
        request.headers_mut().insert("x-conversation", format!("c-{number}").parse().unwrap());
        let answer = Connection::open(gateway.address).await.unwrap().send(request).await.unwrap();
        answer.json()["worker"].as_str().unwrap().to_owned()
    };
    let mut homes = Vec::new();
    for number in 0..60 {
        homes.push(ask(number).await);
    }
    for name in ["one", "two", "three"] {
        let share = homes.iter().filter(|home| *home == name).count();
        assert!((8..=35).contains(&share), "{name} has {share} of 60");
    }
    running[1].kill();
    eventually("two is down", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["workers"][1]["state"] == "down").then_some(())
    })
    .await;
    for (number, home) in homes.iter().enumerate() {
        let now = ask(number).await;
        assert!(now == *home || home == "two", "conversation {number} moved from {home} to {now}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_worker_gets_no_more_and_held_requests_wait_for_a_place() {
    let one = FakeWorker::start("one", "v1").await;
    let only = worker(one.address, ", max_requests: 1");
    let strict = slot(&only, "", "").await;
    strict.wait("blue");
    let address = strict.address;
    let slow = tokio::spawn(async move { http::get(address, "/slow?every=1000").await });
    eventually("the worker is full", Duration::from_secs(5), async || {
        (strict.status()["slots"]["blue"]["in_flight"] == 1).then_some(())
    })
    .await;
    let refused = http::get(address, "/").await.unwrap();
    assert_eq!(
        (refused.status, refused.json()["error"]["code"].as_str()),
        (503, Some("workers_busy"))
    );
    assert_eq!(slow.await.unwrap().unwrap().status, 200);
    drop(strict);

    let patient = slot(&only, "", "routing: { hold: { wait: 10s } }").await;
    patient.wait("blue");
    let address = patient.address;
    let slow = tokio::spawn(async move { http::get(address, "/slow?every=700").await });
    eventually("the worker is full", Duration::from_secs(5), async || {
        (patient.status()["slots"]["blue"]["in_flight"] == 1).then_some(())
    })
    .await;
    assert_eq!(http::get(address, "/").await.unwrap().status, 200);
    assert_eq!(slow.await.unwrap().unwrap().status, 200);
    assert_eq!(patient.metric("switchyard_holds_total{outcome=\"answered\"}").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_stream_hears_that_it_waits() {
    let blue = FakeWorker::start("blue", "v1").await;
    blue.state.set_ready(false);
    let gateway =
        slot(&worker(blue.address, ""), "", "routing: { hold: { wait: 20s, heartbeat: 100ms } }")
            .await;
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let body = r#"{"stream":true}"#;
    let request = http::request("POST", "/stream?events=3&every=10", body);
    let response = connection.begin(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b": waiting"), "{first:?}");
    blue.state.set_ready(true);
    let rest = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&rest);
    assert!(text.ends_with("data: blue 0\n\ndata: blue 1\n\ndata: blue 2\n\n"), "{text}");

    // An answer that is no stream comes as one event, and one that never comes as an error.
    blue.state.set_ready(false);
    eventually("blue is down", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["state"] == "down").then_some(())
    })
    .await;
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let response =
        connection.begin(http::request("POST", "/plain", r#"{"stream":true}"#)).await.unwrap();
    blue.state.set_ready(true);
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert!(text.ends_with(b"data: {\"worker\":\"blue\"}\n\n"), "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_opens_lets_one_trial_through_and_closes() {
    let one = FakeWorker::start("one", "v1").await;
    let two = FakeWorker::start("two", "v1").await;
    let workers = [worker(one.address, ""), worker(two.address, "")].join(", ");
    let gateway = slot(&workers, "", "passive: { max_fails: 2, fail_timeout: 600ms }").await;
    gateway.wait("blue");
    one.state.set_breaks(true);
    let breaker = || gateway.status()["slots"]["blue"]["workers"][0]["breaker"].clone();
    eventually("the breaker opens", Duration::from_secs(5), async || {
        let _ = http::get(gateway.address, "/").await;
        (breaker() == "open").then_some(())
    })
    .await;
    assert_eq!(answered(&gateway, 10).await, counts(&[("two", 10)]));
    eventually("it is half open", Duration::from_secs(5), async || {
        (breaker() == "half_open").then_some(())
    })
    .await;
    one.state.set_breaks(false);
    eventually("it is closed again", Duration::from_secs(5), async || {
        let _ = http::get(gateway.address, "/").await;
        (breaker() == "closed").then_some(())
    })
    .await;
    assert!(answered(&gateway, 20).await["one"] >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_end_with_the_budget() {
    let one = FakeWorker::start("one", "v1").await;
    let two = FakeWorker::start("two", "v1").await;
    let workers = [worker(one.address, ""), worker(two.address, "")].join(", ");
    let extra = "passive: { max_fails: 0 }\nupstream: { retry_budget: 0% }";
    let gateway = slot(&workers, "", extra).await;
    gateway.wait("blue");
    one.state.set_breaks(true);
    two.state.set_breaks(true);
    for _ in 0..150 {
        assert_eq!(http::get(gateway.address, "/").await.unwrap().status, 502);
    }
    assert_eq!(gateway.metric("switchyard_retries_total{slot=\"blue\"}").await, 100.0);
    assert_eq!(gateway.metric("switchyard_retries_denied_total").await, 50.0);
}
