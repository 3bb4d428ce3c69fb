//! A worker ends in the middle of an answer, and another one goes on with it in the same stream.

use serde_json::{Value, json};
use switchyard_tests::harness::fake_worker::{ANSWER, FakeWorker};
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use switchyard_tests::harness::sse;

const CHAT: &str = "/v1/chat/completions";
const PATIENT: &str = "passive: { max_fails: 0 }";

/// Two workers in one slot; the first `dying` of them end in the middle of every answer.
async fn blue(dying: usize, extra: &str) -> (Vec<FakeWorker>, Gateway) {
    let mut workers = Vec::new();
    for name in ["one", "two", "three"] {
        let worker = FakeWorker::start(name, "v1").await;
        worker.state.set_chats(true);
        worker.state.set_dies(workers.len() < dying);
        workers.push(worker);
    }
    let addresses: Vec<_> = workers.iter().map(|worker| worker.address).collect();
    let gateway = Gateway::start(&addresses, &[], &format!("{PATIENT}\n{extra}")).await;
    gateway.wait("blue");
    (workers, gateway)
}

fn asked(more: Value) -> String {
    let mut body = json!({ "stream": true, "messages": [{ "role": "user", "content": "?" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

async fn metric(gateway: &Gateway, name: &str) -> f64 {
    gateway.metric(&format!("{name}{{slot=\"blue\"}}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sees_one_stream_whoever_made_it() {
    let (_workers, gateway) = blue(2, "").await;
    let mut continued = 0;
    for _ in 0..30 {
        let answer = http::post(gateway.address, CHAT, &asked(json!({}))).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-switchyard-continuable"), "");
        let stream = sse::Stream::read(&answer.body);
        assert_eq!(stream.text, ANSWER);
        assert_eq!((stream.ids.len(), stream.roles, stream.done), (1, 1, true), "{stream:?}");
        assert_eq!(stream.finish_reason.as_deref(), Some("stop"));
        continued += stream.comments.len();
        assert!(stream.comments.iter().all(|comment| comment.contains("another worker of blue")));
    }
    assert!(continued > 0, "no worker died");
    assert_eq!(metric(&gateway, "switchyard_continued_streams_total").await, continued as f64);
    assert_eq!(metric(&gateway, "switchyard_truncated_streams_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lacks_only_its_end_gets_it_once() {
    let (_workers, gateway) = blue(3, "").await;
    for lacks in [0, 1] {
        let body = asked(json!({ "lacks": lacks }));
        let answer = http::post(gateway.address, CHAT, &body).await.unwrap();
        let stream = sse::Stream::read(&answer.body);
        assert_eq!((stream.text.as_str(), stream.done), (ANSWER, true), "{stream:?}");
    }
    assert_eq!(metric(&gateway, "switchyard_continued_streams_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_limit_to_it() {
    let (_workers, gateway) = blue(3, "upstream: { continuations: 1 }").await;
    let answer = http::post(gateway.address, CHAT, &asked(json!({}))).await;
    assert!(answer.is_err(), "whole: {answer:?}");
    assert_eq!(metric(&gateway, "switchyard_continued_streams_total").await, 1.0);
    assert_eq!(metric(&gateway, "switchyard_truncated_streams_total").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_continued_is_cut_as_before() {
    let (_workers, gateway) = blue(3, "").await;
    let body = asked(json!({ "logprobs": true }));
    assert!(http::post(gateway.address, CHAT, &body).await.is_err());
    assert_eq!(metric(&gateway, "switchyard_continued_streams_total").await, 0.0);

    let (_workers, off) = blue(3, "upstream: { continuations: 0 }").await;
    assert!(http::post(off.address, CHAT, &asked(json!({}))).await.is_err());
    assert_eq!(metric(&off, "switchyard_continued_streams_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_no_byte_answered_is_asked_again() {
    let (workers, gateway) = blue(0, "").await;
    workers[0].state.set_breaks(true);
    workers[1].state.set_breaks(true);
    let mut failed = 0;
    for _ in 0..10 {
        let answer = http::post(gateway.address, CHAT, &asked(json!({}))).await.unwrap();
        assert_eq!(sse::Stream::read(&answer.body).text, ANSWER);
        let answer = http::post(gateway.address, "/v1/other", "{}").await.unwrap();
        failed += usize::from(answer.status == 502);
    }
    assert!(failed > 0, "what may change something was asked again");
    assert!(metric(&gateway, "switchyard_retries_total").await > 0.0);
}
