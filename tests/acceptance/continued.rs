//! A real worker is killed in the middle of a hundred answers: all of them are completed by the other.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use http_body_util::BodyExt;
use serde_json::json;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings, question};
use switchyard_tests::harness::sse;
use tokio::sync::watch;
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
const ANSWERS: usize = 100;
/// Answers that a worker makes at once.
const SLOTS: usize = 16;
/// Room for all of them on either worker.
const ROOMY: &str = "inference: { device: cpu, context: 1024, slots: 16, queue: 128, threads: 1 }\nretrieval: { top_k: 1, min_score: 0.0 }";
/// Answers in their middle when the worker is killed: as many as leave it [`VICTIMS`] of them.
const MIDDLE: usize = SLOTS + VICTIMS;
const VICTIMS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(120);
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
        json!({ "stream": true, "max_tokens": 80, "stream_options": { "include_usage": true } });
    let body = |number: usize| question(QUESTIONS[number % QUESTIONS.len()], more.clone());
    // What is said when nobody dies: at temperature 0 it is the same. What counts is the second
    // time, when the worker has the prompt's beginning: to compute it anew changes last digits.
    let mut unbroken = Vec::new();
    for number in 0..2 * QUESTIONS.len() {
        let answer = http::post(survivor.address, CHAT, &body(number)).await.unwrap();
        unbroken.push(sse::Stream::read(&answer.body));
    }
    let unbroken = &unbroken[QUESTIONS.len()..];

    let middle = Arc::new(watch::Sender::new(0_usize));
    let ask = async |number: usize| {
        let mut connection = Connection::open(gateway.address).await.unwrap();
        let response = connection.begin(http::request("POST", CHAT, &body(number))).await.unwrap();
        assert_eq!(response.status(), 200);
        let (mut stream, mut bytes) = (response.into_body(), Vec::new());
        let mut counted = false;
        while let Some(frame) = stream.frame().await {
            bytes.extend_from_slice(&frame.expect("a cut stream").into_data().unwrap());
            let events = bytes.windows(2).rposition(|pair| pair == b"\n\n").map_or(0, |at| at + 2);
            if !counted && !sse::Stream::read(&bytes[..events]).text.is_empty() {
                counted = true;
                middle.send_modify(|answers| *answers += 1);
            }
        }
        middle.send_modify(|answers| *answers -= usize::from(counted));
        sse::Stream::read(&bytes)
    };
    let kill = async {
        let mut middle = middle.subscribe();
        let enough = timeout(PATIENCE, middle.wait_for(|answers| *answers >= MIDDLE)).await;
        enough.expect("too few answers were in the middle at once").unwrap();
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
        let went_on = |comment: &String| comment.contains("another worker of blue");
        continued += usize::from(stream.comments.iter().any(went_on));
        same += usize::from(stream.text == whole.text);
    }
    println!("{continued} went on at the other worker, {same} are the same");
    assert!(continued >= VICTIMS, "only {continued} answers were in the middle");
    // Which answers share a step decides the last digits of a sum, and rarely a token.
    assert!(same >= ANSWERS * 9 / 10, "{same} of {ANSWERS} say what an unbroken answer says");
    let sample = "switchyard_truncated_streams_total{slot=\"blue\"}";
    assert_eq!(gateway.metric(sample).await, 0.0);
}
