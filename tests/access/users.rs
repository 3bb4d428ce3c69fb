//! End users: tokens and keys at the front door.

use std::time::Duration;

use serde_json::json;
use switchyard_tests::harness::processes::{self, eventually};

use crate::provider::Provider;
use crate::{ask, gateway, new_secret};

fn jwt(provider: &Provider) -> String {
    format!(
        "users:\n  api_keys: keys.jsonl\n  open_paths: [\"/\"]\n  jwt: {{ jwks_url: \"http://{}/jwks\", refresh: 1s, \
         audience: switchyard, issuer: \"https://id.example\" }}\n",
        provider.address
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_nothing_or_something_wrong_is_told_so_the_way_openais_clients_read_it() {
    let provider = Provider::start().await;
    let (gateway, _blue, _green) = gateway(&jwt(&provider), |directory| {
        std::fs::write(directory.join("keys.jsonl"), "").unwrap();
    })
    .await;
    let missing = ask(&gateway, "/v1/models", &[]).await;
    assert_eq!(missing.status, 401);
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"switchyard\"");
    let problem = &missing.json()["error"];
    assert_eq!(problem["code"], "missing_credentials");
    assert_eq!(problem["type"], "invalid_request_error");
    let expired = provider.token(json!({"exp": 1_000_000_000}));
    let elsewhere = provider.token(json!({"aud": "another"}));
    for (token, said) in [
        ("sk-nonsense", "not a signed JSON Web Token"),
        ("swk_000000000000_00", "not a signed JSON Web Token"),
        (expired.as_str(), "has expired"),
        (elsewhere.as_str(), "another audience"),
    ] {
        let refused =
            ask(&gateway, "/v1/models", &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!(refused.status, 401, "{token}");
        assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
        let error = refused.json()["error"].clone();
        assert_eq!(error["code"], "invalid_api_key");
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
    }
    assert_eq!(ask(&gateway, "/", &[]).await.status, 200, "an open path");
    let sample = "switchyard_authentications_total{kind=\"none\",outcome=\"missing\"}";
    assert_eq!(gateway.metric(sample).await, 1.0);
    let sample = "switchyard_authentications_total{kind=\"jwt\",outcome=\"expired\"}";
    assert_eq!(gateway.metric(sample).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_learns_the_name_and_never_the_secret() {
    let provider = Provider::start().await;
    let mut key = String::new();
    let (gateway, blue, _green) = gateway(&jwt(&provider), |directory| {
        key = new_secret(directory, "key", &["--name", "team-a"], "keys.jsonl");
    })
    .await;
    let token = provider.token(json!({}));
    for (headers, name) in [
        (vec![("authorization", format!("Bearer {token}"))], "ada"),
        (vec![("authorization", format!("Bearer {key}"))], "team-a"),
        (vec![("x-api-key", key.clone()), ("x-switchyard-user", "root".to_owned())], "team-a"),
    ] {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(ask(&gateway, "/v1/models", &headers).await.status, 200);
        let (seen, _) = blue.state.last().unwrap();
        assert_eq!(seen.headers["x-switchyard-user"], name);
        assert!(!seen.headers.contains_key("authorization"));
        assert!(!seen.headers.contains_key("x-api-key"));
    }
    // A request is logged when its answer has been given.
    eventually("the log names the key's owner", Duration::from_secs(5), async || {
        gateway.process.log_text().contains("team-a").then_some(())
    })
    .await;
    assert!(!gateway.process.log_text().contains(&key), "a secret in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_users_in_the_settings_everything_passes_but_a_made_up_name() {
    let (gateway, blue, _green) = gateway("", |_| {}).await;
    let headers = [("authorization", "Bearer own"), ("x-switchyard-user", "root")];
    assert_eq!(ask(&gateway, "/v1/models", &headers).await.status, 200);
    let (seen, _) = blue.state.last().unwrap();
    assert_eq!(seen.headers["authorization"], "Bearer own");
    assert!(!seen.headers.contains_key("x-switchyard-user"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_lets_a_caller_choose_a_slot() {
    let provider = Provider::start().await;
    let mut keys = Vec::new();
    let (gateway, _blue, _green) = gateway(&jwt(&provider), |directory| {
        keys.push(new_secret(directory, "key", &["--name", "plain"], "keys.jsonl"));
        keys.push(new_secret(directory, "key", &["--name", "qa", "--scope", "slot"], "keys.jsonl"));
    })
    .await;
    for (shown, status) in [
        (keys[0].clone(), 403),
        (keys[1].clone(), 200),
        (provider.token(json!({})), 403),
        (provider.token(json!({"scope": "read slot"})), 200),
        (provider.token(json!({"slot": true})), 200),
    ] {
        let bearer = format!("Bearer {shown}");
        let answer =
            ask(&gateway, "/x", &[("authorization", &bearer), ("x-switchyard-slot", "green")])
                .await;
        assert_eq!(answer.status, status);
        if status == 200 {
            assert_eq!(answer.header("x-switchyard-slot"), "green");
        } else {
            assert_eq!(answer.json()["error"]["code"], "slot_header_not_allowed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_scope_that_is_missing_is_403() {
    let provider = Provider::start().await;
    let extra = format!("{}  scope: ask\n", jwt(&provider));
    let (gateway, _blue, _green) = gateway(&extra, |directory| {
        std::fs::write(directory.join("keys.jsonl"), "").unwrap();
    })
    .await;
    let bearer = format!("Bearer {}", provider.token(json!({})));
    let refused = ask(&gateway, "/x", &[("authorization", &bearer)]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.header("www-authenticate").contains("insufficient_scope"));
    let bearer = format!("Bearer {}", provider.token(json!({"scp": ["ask"]})));
    assert_eq!(ask(&gateway, "/x", &[("authorization", &bearer)]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_at_the_provider_and_an_outage_there_is_not_one_here() {
    let mut provider = Provider::start().await;
    let (gateway, _blue, _green) = gateway(&jwt(&provider), |directory| {
        std::fs::write(directory.join("keys.jsonl"), "").unwrap();
    })
    .await;
    let old = format!("Bearer {}", provider.token(json!({})));
    assert_eq!(ask(&gateway, "/x", &[("authorization", &old)]).await.status, 200);
    provider.rotate("two");
    let new = format!("Bearer {}", provider.token(json!({})));
    eventually("the new key is fetched", Duration::from_secs(5), async || {
        (ask(&gateway, "/x", &[("authorization", &new)]).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(ask(&gateway, "/x", &[("authorization", &old)]).await.status, 401);
    provider.go_away();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(ask(&gateway, "/x", &[("authorization", &new)]).await.status, 200);
    assert!(gateway.process.log_text().contains("the keys for tokens stay as they were"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_line_revokes_a_key_without_a_restart() {
    let mut key = String::new();
    let (gateway, _blue, _green) = gateway("users: { api_keys: keys.jsonl }", |directory| {
        key = new_secret(directory, "key", &["--name", "team-a"], "keys.jsonl");
    })
    .await;
    assert_eq!(ask(&gateway, "/x", &[("x-api-key", &key)]).await.status, 200);
    std::fs::write(gateway.directory.path().join("keys.jsonl"), "").unwrap();
    eventually("the key is revoked", Duration::from_secs(8), async || {
        (ask(&gateway, "/x", &[("x-api-key", &key)]).await.status == 401).then_some(())
    })
    .await;
}

#[test]
fn settings_that_cannot_be_meant_are_refused_with_their_line() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("short"), "short\n").unwrap();
    for (extra, expected) in [
        ("users: { required: true }", "`users`: nobody could come in"),
        ("users: { api_keys: nowhere }", "`users.api_keys`: reading nowhere"),
        ("users: { jwt: { audience: a } }", "`users.jwt`: needs one of"),
        (
            "users: { jwt: { secret_file: short } }",
            "`users.jwt.secret_file`: short: the secret has 5 bytes",
        ),
        (
            "users: { jwt: { jwks_url: \"http://h/\", algorithms: [none] } }",
            "`users.jwt.algorithms[0]`: \"none\" is not accepted",
        ),
        (
            "rate_limits: [{ name: a, per: key, requests: 1 }]",
            "`rate_limits[0].per`: without `users` nobody is known",
        ),
        ("rate_limits: [{ name: a, per: address }]", "`rate_limits[0]`: needs `requests`"),
    ] {
        let text = switchyard_tests::harness::gateway::settings(&[], &[], extra);
        std::fs::write(directory.path().join("gateway.yaml"), text).unwrap();
        let output = processes::run("switchyard", &["--check"], directory.path());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(expected) && said.starts_with("error: gateway.yaml:"), "{said}");
    }
}
