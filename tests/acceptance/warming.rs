//! A slot is warmed before it takes traffic: what was asked most of the live slot is computed there already.

use serde_json::{Value, json};
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings, question};

const CHAT: &str = "/v1/chat/completions";
const PROBES: &str = "health: { interval: 100ms, timeout: 2s, rise: 1, fall: 3 }";
const OFTEN: &str = "How long is the probation period?";
const SELDOM: &str = "When are salaries paid?";
const NEVER: &str = "How many days of annual leave are there?";

async fn two_slots(extra: &str) -> (Worker, Worker, Gateway) {
    let blue = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let green = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let gateway =
        Gateway::start(&[blue.address], &[green.address], &format!("{PROBES}\n{extra}")).await;
    gateway.wait("blue");
    gateway.wait("green");
    (blue, green, gateway)
}

/// Asks at the front door, and gives how much of the prompt was computed before, in tokens of all.
async fn asked(gateway: &Gateway, slot: &str, text: &str) -> (u64, u64) {
    let body = question(text, json!({ "max_tokens": 1 }));
    let answer = http::post(gateway.address, CHAT, &body).await.unwrap();
    assert_eq!((answer.status, answer.header("x-switchyard-slot")), (200, slot));
    let usage = &answer.json()["usage"];
    let tokens = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap();
    (tokens("/prompt_tokens_details/cached_tokens"), tokens("/prompt_tokens"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_warms_the_slot_with_what_is_asked_most() {
    let (_blue, green, gateway) = two_slots("promotion: { warm: { questions: 2 } }").await;
    for text in [OFTEN, SELDOM, OFTEN, SELDOM, OFTEN] {
        asked(&gateway, "blue", text).await;
    }
    assert_eq!(green.health().await["warm"], false);
    gateway.expect(&["promote", "--dry-run"], 0);
    assert_eq!(green.health().await["warm"], false);
    gateway.expect(&["promote"], 0);
    let health = green.health().await;
    assert_eq!(health["warm"], true, "{health}");
    assert!(health["first_token_ms"].as_f64().unwrap() > 0.0, "{health}");
    for text in [OFTEN, SELDOM] {
        let (reused, all) = asked(&gateway, "green", text).await;
        assert_eq!(reused, all - 1, "{text}");
    }
    let (reused, all) = asked(&gateway, "green", NEVER).await;
    assert!(all > 0 && reused < all / 2, "{reused} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_warming_the_first_who_ask_wait_for_their_prompts() {
    let (_blue, green, gateway) = two_slots("promotion: { warm: { before: false } }").await;
    asked(&gateway, "blue", OFTEN).await;
    gateway.expect(&["promote"], 0);
    assert_eq!(green.health().await["warm"], false);
    let (reused, all) = asked(&gateway, "green", OFTEN).await;
    assert!(reused < all / 2, "{reused} of {all}");
    gateway.expect(&["rollback"], 0);

    let told = gateway.expect(&["warm", "green"], 0);
    assert!(told.starts_with("green is warm: workers 1, questions 1, first token after"), "{told}");
    assert_eq!(green.health().await["warm"], true);
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert!(notes.contains("green is warmed"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_gateway_reads_what_others_ask() {
    let (blue, _green, gateway) = two_slots("").await;
    asked(&gateway, "blue", OFTEN).await;
    let path = "/internal/questions?most=9";
    let mut pretending = http::request("GET", path, "");
    pretending.headers_mut().insert("x-switchyard-internal", "1".parse().unwrap());
    for request in [http::request("GET", path, ""), pretending] {
        let mut connection = http::Connection::open(gateway.address).await.unwrap();
        let answer = connection.send(request).await.unwrap();
        assert_eq!(answer.status, 404, "{answer:?}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("probation"));
    }
    assert_eq!(http::get(blue.address, path).await.unwrap().status, 404);
}
