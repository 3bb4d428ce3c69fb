//! A drain is watched stream by stream, and ends them only at a recorded deadline.

use std::time::Duration;

use http_body_util::BodyExt;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_lists_what_runs_and_says_when_it_is_safe_to_stop() {
    let (_blue, _green, gateway) = Gateway::with_two_slots("").await;
    let address = gateway.address;
    let stream =
        tokio::spawn(async move { http::get(address, "/stream?events=40&every=50").await });
    let poll = tokio::spawn(async move { http::get(address, "/slow?every=1500").await });
    eventually("both run", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["in_flight"] == 2).then_some(())
    })
    .await;
    let live = gateway.expect(&["drain", "blue"], 0);
    assert!(
        live.contains("blue: not safe to stop: blue is live; answers are running: 2"),
        "{live}"
    );
    gateway.expect(&["promote"], 0);
    let shown = gateway.expect(&["drain", "--output", "json"], 0);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let paths: Vec<&str> = shown["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stream| stream["path"].as_str().unwrap())
        .collect();
    assert!(paths.contains(&"/stream") && paths.contains(&"/slow"), "{shown}");
    assert_eq!(shown["safe_to_stop"], false);
    let watched = gateway.expect(&["drain", "--watch", "--timeout", "20s"], 0);
    assert!(watched.ends_with("blue: safe to stop\n"), "{watched}");
    let whole = stream.await.unwrap().unwrap();
    assert_eq!(whole.body.iter().filter(|byte| **byte == b':').count(), 40);
    assert_eq!(poll.await.unwrap().unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_recorded_deadline_ends_a_stream() {
    let (_blue, _green, gateway) = Gateway::with_two_slots("").await;
    gateway.expect(&["drain", "--deadline", "1s"], 1);
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let response =
        connection.begin(http::request("GET", "/stream?events=100000&every=20", "")).await.unwrap();
    gateway.expect(&["promote"], 0);
    let said =
        gateway.expect(&["drain", "--deadline", "500ms", "--reason", "the night is short"], 0);
    assert!(said.contains("(the night is short)"), "{said}");
    assert!(response.into_body().collect().await.is_err(), "the stream is cut, not ended");
    gateway.expect(&["drain", "--watch", "--timeout", "10s"], 0);
    assert_eq!(gateway.metric("switchyard_deadline_cuts_total").await, 1.0);
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert!(notes.contains("deadline") && notes.contains("the night is short"), "{notes}");
    assert!(notes.contains("root") || notes.contains("uid:"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_stream_is_ended_at_the_deadline_too() {
    let (_blue, _green, gateway) = Gateway::with_two_slots("").await;
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let response =
        connection.begin(http::request("GET", "/stream?events=5&every=60000", "")).await.unwrap();
    gateway.expect(&["promote"], 0);
    gateway.expect(&["drain", "--deadline", "300ms"], 0);
    let ended = tokio::time::timeout(Duration::from_secs(10), response.into_body().collect()).await;
    assert!(ended.unwrap().is_err());
    gateway.expect(&["drain", "--watch", "--timeout", "10s"], 0);
}
