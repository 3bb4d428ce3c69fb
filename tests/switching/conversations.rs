//! Nobody changes model in the middle of a chat.

use std::time::Duration;

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Answer, Connection};
use switchyard_tests::harness::processes::eventually;

async fn two_slots(keep: &str) -> (FakeWorker, FakeWorker, Gateway) {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let extra = format!(
        "routing: {{ conversations: {{ header: x-conversation, cookie: chat, keep: {keep} }} }}"
    );
    let gateway = Gateway::start(&[blue.address], &[green.address], &extra).await;
    gateway.wait("blue");
    gateway.wait("green");
    (blue, green, gateway)
}

async fn chat(gateway: &Gateway, body: &str, header: Option<(&str, &str)>) -> Answer {
    let mut request = http::request("POST", "/v1/chat/completions", body);
    if let Some((name, value)) = header {
        request.headers_mut().insert(http_name(name), value.parse().unwrap());
    }
    let answer = Connection::open(gateway.address).await.unwrap().send(request).await.unwrap();
    assert_eq!(answer.status, 200);
    answer
}

fn http_name(name: &str) -> ::http::HeaderName {
    name.parse().unwrap()
}

fn worker(answer: &Answer) -> String {
    answer.json()["worker"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_stays_after_a_promotion_until_its_time_is_over() {
    let (blue, _green, gateway) = two_slots("3s").await;
    let bodies = [
        r#"{"messages":[],"user":"ada"}"#,
        r#"{"messages":[],"metadata":{"conversation_id":"c-1"}}"#,
    ];
    for body in bodies {
        assert_eq!(worker(&chat(&gateway, body, None).await), "blue");
    }
    let (_, seen) = blue.state.last().unwrap();
    assert_eq!(seen, bodies[1], "what was looked into arrives whole");
    assert_eq!(worker(&chat(&gateway, "{}", Some(("x-conversation", "h-1"))).await), "blue");
    let first = chat(&gateway, "{}", None).await;
    let cookie = first.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("chat=blue."), "{cookie}");

    gateway.expect(&["promote"], 0);
    assert_eq!(gateway.status()["pinned"]["slot"], "blue");
    for body in bodies {
        assert_eq!(worker(&chat(&gateway, body, None).await), "blue", "{body}");
    }
    assert_eq!(worker(&chat(&gateway, "{}", Some(("x-conversation", "h-1"))).await), "blue");
    assert_eq!(worker(&chat(&gateway, "{}", Some(("cookie", &cookie))).await), "blue");
    // What begins now begins on the new slot, and a forged cookie is no cookie.
    assert_eq!(worker(&chat(&gateway, r#"{"user":"eve"}"#, None).await), "green");
    let (_, rest) = cookie.split_once('.').unwrap();
    let forged = format!("chat=green.{rest}");
    assert_eq!(worker(&chat(&gateway, "{}", Some(("cookie", &forged))).await), "green");
    assert!(gateway.status()["slots"]["blue"]["conversations"].as_u64().unwrap() >= 3);
    let status = gateway.expect(&["status"], 0);
    assert!(status.contains("stay on blue until"), "{status}");
    let drain = gateway.expect(&["drain", "blue"], 0);
    assert!(drain.contains("not safe to stop: conversations stay there until"), "{drain}");

    eventually("the conversations are free", Duration::from_secs(10), async || {
        gateway.status().get("pinned").is_none().then_some(())
    })
    .await;
    let moved = chat(&gateway, "{}", Some(("cookie", &cookie))).await;
    assert_eq!(worker(&moved), "green");
    assert!(moved.header("set-cookie").starts_with("chat=green."));
    assert_eq!(worker(&chat(&gateway, bodies[0], None).await), "green");
    gateway.expect(&["drain", "blue", "--watch", "--timeout", "10s"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_survives_a_restart_of_the_gateway() {
    let (_blue, _green, mut gateway) = two_slots("1h").await;
    gateway.expect(&["canary", "50%"], 0);
    let mut homes = Vec::new();
    for _ in 0..8 {
        let answer = chat(&gateway, "{}", None).await;
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        homes.push((cookie, worker(&answer)));
    }
    gateway.crash_and_restart().await;
    gateway.wait("blue");
    gateway.wait("green");
    for (cookie, home) in &homes {
        let again = chat(&gateway, "{}", Some(("cookie", cookie))).await;
        assert_eq!(worker(&again), *home, "{cookie}");
        assert_eq!(again.header("set-cookie"), "", "nothing new to say");
    }
    // After a promotion, too: the rest of its time is kept over a restart.
    gateway.expect(&["promote"], 0);
    gateway.crash_and_restart().await;
    gateway.wait("blue");
    gateway.wait("green");
    assert_eq!(gateway.status()["pinned"]["slot"], "blue");
    for (cookie, home) in &homes {
        assert_eq!(worker(&chat(&gateway, "{}", Some(("cookie", cookie))).await), *home);
    }
}
