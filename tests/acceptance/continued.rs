//! A real worker is killed in the middle of a hundred answers: all of them are completed by the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use http_body_util::BodyExt;
use serde_json::json;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings, question};
use switchyard_tests::harness::sse;
use tokio::sync::Notify;

const CHAT: &str = "/v1/chat/completions";
const ANSWERS: usize = 100;
/// Room for all of them on either worker.
const ROOMY: &str = "inference: { device: cpu, context: 1024, slots: 16, queue: 128, threads: 1 }\nretrieval: { top_k: 1 }";
const QUESTIONS: [&str; 4] = [
    "How long is the probation period?",
    "When are salaries paid?",
    "Who is the ombudsperson?",
    "What does a user do who loses a laptop?",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_killed_in_the_middle_of_a_hundred_answers() {
    let survivor = Worker::start(WorkerSettings::small(ENGLISH).with(ROOMY)).await;
    let mut victim = Worker::start(WorkerSettings::small(ENGLISH).with(ROOMY)).await;
    let settings = "health: { interval: 500ms, timeout: 5s, rise: 1, fall: 3 }";
    let gateway = Gateway::start(&[survivor.address, victim.address], &[], settings).await;
    gateway.wait("blue");

    let more =
        json!({ "stream": true, "max_tokens": 40, "stream_options": { "include_usage": true } });
    let body = |number: usize| question(QUESTIONS[number % QUESTIONS.len()], more.clone());
    // What is said when nobody dies: at temperature 0 it is the same.
    let mut unbroken = Vec::new();
    for number in 0..QUESTIONS.len() {
        let answer = http::post(survivor.address, CHAT, &body(number)).await.unwrap();
        unbroken.push(sse::Stream::read(&answer.body));
    }

    let (begun, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let ask = async |number: usize| {
        let mut connection = Connection::open(gateway.address).await.unwrap();
        let response = connection.begin(http::request("POST", CHAT, &body(number))).await.unwrap();
        assert_eq!(response.status(), 200);
        let (mut stream, mut bytes) = (response.into_body(), Vec::new());
        let mut counted = false;
        while let Some(frame) = stream.frame().await {
            bytes.extend_from_slice(&frame.expect("a cut stream").into_data().unwrap());
            if !counted && bytes.windows(2).filter(|pair| pair == b"\n\n").count() > 3 {
                counted = true;
                // Enough to be sure that some are the victim's.
                if begun.fetch_add(1, Ordering::SeqCst) == 30 {
                    enough.notify_one();
                }
            }
        }
        sse::Stream::read(&bytes)
    };
    let kill = async {
        enough.notified().await;
        victim.process.kill();
    };
    let (streams, ()) = tokio::join!(join_all((0..ANSWERS).map(ask)), kill);

    let mut continued = 0;
    let mut same = 0;
    for (number, stream) in streams.iter().enumerate() {
        let whole = &unbroken[number % QUESTIONS.len()];
        assert!(stream.done && stream.finish_reason.is_some(), "{number}: {stream:?}");
        assert_eq!((stream.ids.len(), stream.roles), (1, 1), "{number}: {stream:?}");
        assert_eq!(stream.citations, whole.citations);
        let tokens = |stream: &sse::Stream| stream.usage.as_ref().unwrap()["prompt_tokens"].clone();
        assert_eq!(tokens(stream), tokens(whole));
        continued += usize::from(!stream.comments.is_empty());
        same += usize::from(stream.text == whole.text);
    }
    assert!(continued >= 10, "only {continued} answers were in the middle");
    // Which answers share a step decides the last digits of a sum, and rarely a token.
    assert!(same >= ANSWERS * 9 / 10, "{same} of {ANSWERS} say what an unbroken answer says");
    let sample = "switchyard_truncated_streams_total{slot=\"blue\"}";
    assert_eq!(gateway.metric(sample).await, 0.0);
}
