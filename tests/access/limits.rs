//! Limits: requests and tokens, by address, user and key.

use std::time::Duration;

use switchyard_tests::harness::processes::eventually;

use crate::{ask, gateway, new_secret};

#[tokio::test(flavor = "multi_thread")]
async fn each_key_has_its_own_allowance_and_is_told_where_it_stands() {
    let mut keys = Vec::new();
    let extra = "users: { api_keys: keys.jsonl }\nrate_limits:\n  - { name: keys, per: key, requests: 60, burst: 3 }\n";
    let (gateway, _blue, _green) = gateway(extra, |directory| {
        for name in ["one", "two"] {
            keys.push(new_secret(directory, "key", &["--name", name], "keys.jsonl"));
        }
    })
    .await;
    for left in ["2", "1", "0"] {
        let answer = ask(&gateway, "/x", &[("x-api-key", &keys[0])]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "3");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left);
        assert_eq!(answer.header("ratelimit-remaining"), left);
    }
    let refused = ask(&gateway, "/x", &[("x-api-key", &keys[0])]).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), "1");
    let wait: u64 = refused.header("retry-after-ms").parse().unwrap();
    assert!((1..=1000).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
    assert!(!refused.header("x-ratelimit-reset-requests").is_empty());
    let error = refused.json()["error"].clone();
    assert_eq!(
        (error["code"].as_str(), error["type"].as_str()),
        (Some("rate_limit_exceeded"), Some("rate_limit_error"))
    );
    assert_eq!(ask(&gateway, "/x", &[("x-api-key", &keys[1])]).await.status, 200);
    assert_eq!(gateway.metric("switchyard_rate_limited_total{limit=\"keys\"}").await, 1.0);
    tokio::time::sleep(Duration::from_millis(wait + 50)).await;
    assert_eq!(ask(&gateway, "/x", &[("x-api-key", &keys[0])]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_charged_when_it_ends_and_a_debt_holds_up_the_next_request() {
    let extra = "rate_limits:\n  - { name: tokens, per: address, tokens_per_minute: 600 }\n";
    let (gateway, blue, _green) = gateway(extra, |_| {}).await;
    let first = ask(&gateway, "/x?tokens=500", &[("accept-encoding", "gzip")]).await;
    let (seen, _) = blue.state.last().unwrap();
    assert!(!seen.headers.contains_key("accept-encoding"), "a packed answer hides its tokens");
    assert_eq!((first.status, first.header("x-ratelimit-remaining-tokens")), (200, "600"));
    let second = eventually("the first answer is charged", Duration::from_secs(5), async || {
        let answer = ask(&gateway, "/x", &[]).await;
        (answer.header("x-ratelimit-remaining-tokens") != "600").then_some(answer)
    })
    .await;
    let left: u32 = second.header("x-ratelimit-remaining-tokens").parse().unwrap();
    assert!((100..=130).contains(&left), "{left}");
    // Streams that give no count are charged by their events.
    ask(&gateway, "/stream?events=150&every=0", &[]).await;
    let refused = eventually("the caller is in debt", Duration::from_secs(5), async || {
        let answer = ask(&gateway, "/x", &[]).await;
        (answer.status == 429).then_some(answer)
    })
    .await;
    assert_eq!(refused.header("x-ratelimit-limit-tokens"), "600");
    assert_eq!(refused.header("x-ratelimit-remaining-tokens"), "0");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=6).contains(&wait), "{wait}");
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("tokens per minute"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_keys_uses_up_the_addresss_allowance() {
    let extra = "users: { api_keys: keys.jsonl }\nrate_limits:\n  - { name: guests, per: address, requests: 2, period: 1h }\n";
    let (gateway, _blue, _green) = gateway(extra, |directory| {
        std::fs::write(directory.join("keys.jsonl"), "").unwrap();
    })
    .await;
    for status in [401, 401, 429, 429] {
        assert_eq!(ask(&gateway, "/x", &[("x-api-key", "guess")]).await.status, status);
    }
}
