//! A part of the requests goes to the idle slot: by share, by rule, and in stages.

use std::time::Duration;

use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::eventually;

/// How many of so many requests green answered.
async fn answered_by_green(gateway: &Gateway, requests: usize) -> usize {
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let mut count = 0;
    for _ in 0..requests {
        let answer = connection.get("/v1/models").await.unwrap();
        assert_eq!(answer.status, 200);
        count += usize::from(answer.json()["worker"] == "green");
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_gets_exactly_its_share_and_ends_when_told() {
    let (_blue, _green, gateway) = Gateway::with_two_slots("").await;
    let said = gateway.expect(&["canary", "5%", "--reason", "new handbook"], 0);
    assert_eq!(said, "blue is live, 5% of new requests to green (attempt 1)\n");
    assert_eq!(answered_by_green(&gateway, 1_000).await, 50);
    assert_eq!(gateway.status()["canary"]["share"], "5%");
    assert_eq!(gateway.metric("switchyard_canary_requests_total{slot=\"green\"}").await, 50.0);
    assert_eq!(gateway.metric("switchyard_canary_share").await, 50.0);
    gateway.expect(&["canary", "0.1%"], 0);
    assert_eq!(answered_by_green(&gateway, 1_000).await, 1);
    gateway.expect(&["canary", "off"], 0);
    assert_eq!(answered_by_green(&gateway, 100).await, 0);
    assert_eq!(gateway.status()["live"], "blue");
    let history = gateway.expect(&["history"], 0);
    assert!(history.contains("canary off") && history.contains("new handbook"), "{history}");
    gateway.expect(&["canary", "off"], 1);
    for wrong in [&["canary", "0.05%"][..], &["canary", "120%"], &["canary", "--path", "v1"]] {
        gateway.expect(wrong, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_send_whom_they_name() {
    let (_blue, _green, gateway) = Gateway::with_two_slots("").await;
    gateway
        .expect(&["canary", "--header", "x-team=qa", "--cookie", "beta=yes", "--path", "/v2/"], 0);
    for (header, path, worker) in [
        (None, "/v1/models", "blue"),
        (Some(("x-team", "qa")), "/v1/models", "green"),
        (Some(("x-team", "sales")), "/v1/models", "blue"),
        (Some(("cookie", "a=1; beta=yes")), "/v1/models", "green"),
        (None, "/v2/models", "green"),
    ] {
        let mut request = http::request("GET", path, "");
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = Connection::open(gateway.address).await.unwrap().send(request).await.unwrap();
        assert_eq!(answer.json()["worker"], worker, "{header:?} {path}");
    }
    gateway.expect(&["canary", "--source", "127.0.0.0/8"], 0);
    assert_eq!(answered_by_green(&gateway, 10).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_survives_a_crash_and_a_dead_canary_costs_nothing() {
    let (_blue, green, mut gateway) = Gateway::with_two_slots("").await;
    gateway.expect(&["canary", "50%"], 0);
    gateway.crash_and_restart().await;
    gateway.wait("green");
    assert_eq!(answered_by_green(&gateway, 100).await, 50);
    green.kill();
    eventually("green is down", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["green"]["state"] == "down").then_some(())
    })
    .await;
    assert_eq!(answered_by_green(&gateway, 100).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_a_canary_first() {
    let (_blue, _green, gateway) = Gateway::with_two_slots("").await;
    gateway.expect(&["promote"], 0);
    gateway.expect(&["canary", "30%"], 0);
    gateway.expect(&["rollback"], 0);
    let status = gateway.status();
    assert_eq!((status["live"].as_str(), status.get("canary")), (Some("green"), None));
    gateway.expect(&["rollback"], 0);
    assert_eq!(gateway.status()["live"], "blue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_in_stages_records_each_and_ends_live() {
    let (_blue, _green, mut gateway) = Gateway::with_two_slots("").await;
    gateway.expect(&["promote", "--steps", "50%,5%,100%"], 1);
    gateway.expect(&["promote", "--steps", "5%,50%"], 1);
    gateway
        .expect(&["promote", "--steps", "5%,50%,100%", "--every", "1s", "--reason", "in steps"], 0);
    assert_eq!(gateway.status()["canary"]["share"], "5%");
    // The stages go on after a crash, once the slot is proven again.
    gateway.crash_and_restart().await;
    eventually("green is live", Duration::from_secs(20), async || {
        (gateway.status()["live"] == "green").then_some(())
    })
    .await;
    let history: serde_json::Value =
        serde_json::from_str(&gateway.expect(&["history", "--output", "json"], 0)).unwrap();
    let kinds: Vec<(&str, &str)> = history["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|decision| {
            let share = decision["canary"]["share"].as_str().unwrap_or("-");
            (decision["kind"].as_str().unwrap(), share)
        })
        .collect();
    assert_eq!(kinds, [("promote", "-"), ("canary", "50%"), ("canary", "5%")]);
    assert_eq!(history["decisions"][0]["reason"], "in steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_halt_when_the_slot_is_no_longer_fit() {
    let (_blue, green, gateway) = Gateway::with_two_slots("").await;
    gateway.expect(&["promote", "--steps", "50%,100%", "--every", "1h"], 0);
    green.kill();
    eventually("the canary is over", Duration::from_secs(10), async || {
        gateway.status().get("canary").is_none().then_some(())
    })
    .await;
    let history = gateway.expect(&["history"], 0);
    assert!(history.contains("halted: no worker of green is ready"), "{history}");
    assert_eq!(answered_by_green(&gateway, 20).await, 0);
}
