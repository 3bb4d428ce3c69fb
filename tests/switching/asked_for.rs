//! A promotion that is asked for: operators see it until it is decided, and it survives what the gateway does not.

use std::time::Duration;

use serde_json::{Value, json};
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::processes::eventually;

/// The request that `switchctl status` shows; null when there is none.
fn shown(gateway: &Gateway) -> Value {
    gateway.status()["request"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_shown_until_the_live_slot_changes_and_survives_a_crash() {
    let (_blue, _green, mut gateway) = Gateway::with_two_slots("").await;
    gateway.wait("blue");
    gateway.wait("green");
    let said = gateway.expect(&["request", "--reason", "new handbook"], 0);
    assert!(said.contains("asks for the promotion of green with fake@v2 (new handbook)"), "{said}");
    let before = shown(&gateway);
    assert_eq!(
        (&before["slot"], &before["release_name"], &before["reason"], &before["stands"]),
        (&json!("green"), &json!("fake@v2"), &json!("new handbook"), &json!(true))
    );

    gateway.crash_and_restart().await;
    gateway.wait("green");
    assert_eq!(shown(&gateway), before);
    let table = gateway.expect(&["status"], 0);
    assert!(table.contains("asked for: green with fake@v2, by "), "{table}");
    gateway.expect(&["canary", "10%"], 0);
    assert_eq!(shown(&gateway), before, "a canary decides nothing");

    gateway.expect(&["promote", "green"], 0);
    assert_eq!(shown(&gateway), Value::Null);
    gateway.expect(&["rollback"], 0);
    assert_eq!(shown(&gateway), Value::Null, "a rollback does not ask again");
    gateway.crash_and_restart().await;
    assert_eq!(shown(&gateway), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_about_what_the_slot_serves_and_can_be_taken_back() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let extra = "health: { interval: 20ms, timeout: 1s, rise: 1, fall: 1 }";
    let mut gateway = Gateway::start(&[blue.address], &[green.address], extra).await;
    gateway.wait("blue");
    gateway.wait("green");
    gateway.expect(&["request", "green"], 0);
    green.state.set_tag("v3");
    eventually("green serves another release", Duration::from_secs(10), async || {
        (shown(&gateway)["stands"] == json!(false)).then_some(())
    })
    .await;
    gateway.expect(&["request", "green", "--reason", "the newer one"], 0);
    assert_eq!(shown(&gateway)["release_name"], "fake@v3", "the newest request counts");

    let said = gateway.expect(&["request", "--withdraw", "--reason", "a wrong price"], 0);
    assert!(said.contains("no longer asked for (a wrong price)"), "{said}");
    assert_eq!(shown(&gateway), Value::Null);
    gateway.crash_and_restart().await;
    assert_eq!(shown(&gateway), Value::Null);
    let said = gateway.expect(&["request", "--withdraw"], 1);
    assert!(said.contains("no promotion is asked for"), "{said}");
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert!(notes.contains("the promotion of green with fake@v3 (the newer one)"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_ask_for_what_is_not_there() {
    let (_blue, green, gateway) = Gateway::with_two_slots("").await;
    gateway.wait("blue");
    gateway.wait("green");
    let said = gateway.expect(&["request", "blue"], 1);
    assert!(said.contains("blue is live already"), "{said}");
    let said = gateway.expect(&["request", "green", "--knowledge", "00ff"], 1);
    assert!(said.contains("not the knowledge base that is meant"), "{said}");
    let fingerprint = gateway.status()["slots"]["green"]["release"]["knowledge"]["fingerprint"]
        .as_str()
        .unwrap()
        .to_owned();
    gateway.expect(&["request", "green", "--knowledge", &fingerprint], 0);
    gateway.expect(&["request", "--withdraw"], 0);
    green.kill();
    eventually("green is down", Duration::from_secs(10), async || {
        (gateway.status()["slots"]["green"]["state"] == "down").then_some(())
    })
    .await;
    let said = gateway.expect(&["request", "green"], 1);
    assert!(said.contains("green is down, so nobody can ask for its promotion"), "{said}");
    let said = gateway.expect(&["request", "green", "--reason", &"x".repeat(501)], 1);
    assert!(said.contains("at most 500 characters"), "{said}");
    assert_eq!(shown(&gateway), Value::Null);
}
