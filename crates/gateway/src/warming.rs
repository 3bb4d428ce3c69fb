//! The idle slot is warmed before it takes traffic: its workers read their files into memory and compute the prompts of
//! the questions that the live slot is asked most.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::HeaderName;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use switch_core::Slot;

use crate::exchange::exchange;
use crate::routing::Routing;
use crate::slot_pool::SlotPool;
use crate::worker::Worker;

/// Says that the gateway itself asks: the front door takes it from every request it passes on.
pub(crate) const INTERNAL_HEADER: HeaderName = HeaderName::from_static("x-switchyard-internal");
/// Where workers tell what they are asked most.
const QUESTIONS: &str = "/internal/questions";
/// Where workers are warmed.
const WARM: &str = "/internal/warm";
/// The longest answer read, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;
/// How long a worker may take to say what it is asked.
const ASKING: Duration = Duration::from_secs(2);

/// A question, and whose: what is computed for one caller is used for nobody else.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, Hash)]
struct Question {
    question: String,
    caller: String,
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(flatten)]
    question: Question,
    asked: u64,
}

#[derive(Deserialize)]
struct Told {
    questions: Vec<Asked>,
}

#[derive(Serialize)]
struct Warm<'a> {
    questions: &'a [Question],
}

/// What a worker says once it is warm.
#[derive(Clone, Debug, Deserialize)]
struct Warmed {
    first_token_ms: f64,
}

/// What warming a slot came to.
pub(crate) struct Outcome {
    pub(crate) slot: Slot,
    /// Questions whose prompts were computed.
    questions: usize,
    /// Of the workers that are warm: the slowest first token, in milliseconds.
    slowest: f64,
    warm: usize,
    /// Why others are not.
    failed: Vec<String>,
}

impl Outcome {
    /// Whether every worker that can be warmed is warm.
    pub(crate) fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { slot, questions, slowest, warm, failed } = self;
        if *warm > 0 {
            write!(
                f,
                "{slot} is warm: workers {warm}, questions {questions}, first token after {slowest:.0} ms"
            )?;
        } else {
            write!(f, "{slot} is not warm")?;
        }
        for cause in failed {
            write!(f, "; {cause}")?;
        }
        Ok(())
    }
}

/// Warms the workers of a slot with up to `most` questions, within a time. `None` when none of them can be warmed.
pub(crate) async fn warm(
    routing: &Routing,
    slot: Slot,
    most: usize,
    limit: Duration,
) -> Option<Outcome> {
    let workers = able(routing.slot(slot));
    if workers.is_empty() {
        return None;
    }
    let questions = most_asked(routing.slot(slot.other()), most).await;
    let body = serde_json::to_vec(&Warm { questions: &questions }).unwrap_or_default();
    let body = Bytes::from(body);
    let warmed = join_all(workers.iter().map(|worker| {
        let body = body.clone();
        async move {
            match tokio::time::timeout(limit, warm_worker(worker, body)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(format!("not within {}", humantime::format_duration(limit))),
            }
        }
    }))
    .await;
    let mut outcome =
        Outcome { slot, questions: questions.len(), slowest: 0.0, warm: 0, failed: Vec::new() };
    for (worker, warmed) in workers.iter().zip(warmed) {
        match warmed {
            Ok(Warmed { first_token_ms }) => {
                outcome.warm += 1;
                outcome.slowest = outcome.slowest.max(first_token_ms);
            }
            Err(cause) => outcome.failed.push(format!("warming {}: {cause}", worker.name)),
        }
    }
    Some(outcome)
}

/// Whether a worker of the slot could be warmed and is not warm.
pub(crate) fn is_cold(routing: &Routing, slot: Slot) -> bool {
    let warm = |worker: &Arc<Worker>| {
        worker.identity().is_some_and(|identity| identity.health["warm"] == true)
    };
    !able(routing.slot(slot)).iter().all(warm)
}

/// The ready workers of a slot that say on `/health` whether they are warm.
fn able(pool: &SlotPool) -> Vec<Arc<Worker>> {
    let says = |worker: &&Arc<Worker>| {
        worker.is_healthy()
            && worker.identity().is_some_and(|identity| identity.health.get("warm").is_some())
    };
    pool.members().workers.iter().filter(says).cloned().collect()
}

/// What the workers of a slot are asked most, all of them together.
async fn most_asked(pool: &SlotPool, most: usize) -> Vec<Question> {
    let workers = able(pool);
    let told = join_all(workers.iter().map(|worker| questions_of(worker, most))).await;
    let mut counts: HashMap<Question, u64> = HashMap::new();
    for Asked { question, asked } in told.into_iter().flatten() {
        *counts.entry(question).or_default() += asked;
    }
    let mut questions: Vec<(u64, Question)> =
        counts.into_iter().map(|(question, asked)| (asked, question)).collect();
    questions.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.question.cmp(&b.1.question)));
    questions.into_iter().take(most).map(|(_, question)| question).collect()
}

async fn questions_of(worker: &Worker, most: usize) -> Vec<Asked> {
    let request = http::Request::get(format!("{QUESTIONS}?most={most}"));
    let asked = ask::<Told>(worker, request, Bytes::new());
    match tokio::time::timeout(ASKING, asked).await {
        Ok(Ok(told)) => told.questions,
        Ok(Err(cause)) => {
            tracing::warn!(worker = worker.name, cause, "a worker does not say what it is asked");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!(worker = worker.name, "a worker does not say what it is asked in time");
            Vec::new()
        }
    }
}

async fn warm_worker(worker: &Worker, body: Bytes) -> Result<Warmed, String> {
    ask(worker, http::Request::post(WARM).header(CONTENT_TYPE, "application/json"), body).await
}

async fn ask<T: serde::de::DeserializeOwned>(
    worker: &Worker,
    request: http::request::Builder,
    body: Bytes,
) -> Result<T, String> {
    let request = request.header(INTERNAL_HEADER, "1").body(Full::new(body));
    let request = request.map_err(|error| error.to_string())?;
    let answer = exchange(worker.address, &worker.name, request, LONGEST_ANSWER).await?;
    if answer.status() != 200 {
        return Err(format!("answered {}", answer.status().as_u16()));
    }
    serde_json::from_slice(answer.body()).map_err(|error| error.to_string())
}
