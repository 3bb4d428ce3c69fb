//! `scripts/bench warm`: the first token of answers before a promotion and right after it, with the slot warmed and without.
//!
//! A slot that is not warmed is what any other switch leaves: the first who ask wait for what is computed the first time.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

use std::time::Instant;

use serde_json::json;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings, question};
use switchyard_tests::harness::report::{Report, number, percentile};

const PROBES: &str = "health: { interval: 100ms, timeout: 2s, rise: 1, fall: 3 }";
/// What people ask, again and again.
const ASKED: [&str; 8] = [
    "How long is the probation period?",
    "When are salaries paid?",
    "How many days of annual leave are there?",
    "Who is the ombudsperson?",
    "What is the hotel limit per night in Norway?",
    "How long are backups of the shared drive kept?",
    "Who operates the pressure tank?",
    "How often must passwords be changed?",
];

/// Seconds to the first token.
#[derive(Default)]
struct Shown {
    before: Vec<f64>,
    after: Vec<f64>,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = number(&arguments, "--rounds", 5);
    let mut shown = [(); 2].map(|()| Shown::default());
    for _ in 0..rounds {
        for (shown, warm) in shown.iter_mut().zip([true, false]) {
            round(shown, warm).await;
        }
    }
    let both = |values: &[f64]| {
        let at = |share: f64| 1e3 * percentile(values, share);
        format!("{:.0} / {:.0} ms", at(0.5), at(0.99))
    };
    let row = |name: &str, shown: &Shown| {
        let ratio = percentile(&shown.after, 0.99) / percentile(&shown.before, 0.99);
        vec![name.to_owned(), both(&shown.before), both(&shown.after), format!("{ratio:.2}×")]
    };
    Report {
        name: "warm",
        work: format!(
            "First tokens of {} questions that are asked again and again, SmolLM2-135M Q4_1 and the sample handbook, through \
             the front door; {rounds} rounds, alternating, each with fresh processes; a p99 of so few is near the largest",
            ASKED.len()
        ),
        columns: vec!["slot", "before, p50 / p99", "right after, p50 / p99", "p99 after / before"],
        rows: vec![row("warmed", &shown[0]), row("not warmed", &shown[1])],
    }
    .publish(&arguments);
}

/// Asks everything twice of blue, promotes green, and asks everything once more.
async fn round(shown: &mut Shown, warm: bool) {
    let blue = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let green = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let settings = format!("{PROBES}\npromotion: {{ warm: {{ before: {warm} }} }}");
    let gateway = Gateway::start(&[blue.address], &[green.address], &settings).await;
    gateway.wait("blue");
    gateway.wait("green");
    for asked in ASKED {
        first_token(&gateway, "blue", asked).await;
    }
    for asked in ASKED {
        shown.before.push(first_token(&gateway, "blue", asked).await);
    }
    gateway.expect(&["promote"], 0);
    for asked in ASKED {
        shown.after.push(first_token(&gateway, "green", asked).await);
    }
}

/// Seconds until an answer of one token is there.
async fn first_token(gateway: &Gateway, slot: &str, asked: &str) -> f64 {
    let body = question(asked, json!({ "max_tokens": 1 }));
    let begun = Instant::now();
    let answer = http::post(gateway.address, "/v1/chat/completions", &body).await.unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert_eq!((answer.status, answer.header("x-switchyard-slot")), (200, slot));
    took
}
