//! One task per worker that asks `/health` and turns rise and fall into verdicts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::driver::Message;
use crate::exchange::exchange;
use crate::identity::Identity;
use crate::proxy::SLOT_HEADER;
use crate::settings::Health;
use crate::slot_pool::SlotPool;
use crate::worker::Worker;

/// The longest `/health` answer read, in bytes.
const LONGEST_ANSWER: usize = 256 * 1024;
/// The most that is kept of what it says about itself, in characters.
const LONGEST_DETAIL: usize = 500;
/// While a worker has no verdict yet, probes follow each other faster, so that a restart takes no longer than it must.
const FIRST_INTERVAL: Duration = Duration::from_millis(100);

/// Probes one worker until the program ends, and tells the driver what changed.
pub(crate) async fn run(
    pool: Arc<SlotPool>,
    worker: Arc<Worker>,
    health: Health,
    driver: mpsc::Sender<Message>,
) {
    let mut rises = 0;
    let mut falls = 0;
    let mut timer = ticks(FIRST_INTERVAL.min(health.interval));
    let mut hurried = true;
    let mut start = worker.start();
    loop {
        timer.tick().await;
        if worker.start() != start {
            start = worker.start();
            (rises, falls) = (0, 0);
        }
        let asked = ask(worker.address, &worker.name, &health.path);
        let outcome = match tokio::time::timeout(health.timeout, asked).await {
            Ok(outcome) => outcome.map(|answer| (answer.status, answer.identity)),
            Err(_) => {
                Err(format!("no answer within {}", humantime::format_duration(health.timeout)))
            }
        };
        let (identity, detail) = match outcome {
            Ok((200, identity)) => {
                worker.counters.probe_ready.inc();
                worker.set_failed(start, false);
                rises += 1;
                falls = 0;
                (identity, String::new())
            }
            Ok((status, identity)) => {
                worker.counters.probe_not_ready.inc();
                rises = 0;
                let says = identity
                    .as_ref()
                    .and_then(|identity| identity.health["status"].as_str().map(str::to_owned));
                // A worker that says it is stopping is no flapping probe: believe it at once.
                falls = if says.as_deref() == Some("draining") { health.fall } else { falls + 1 };
                worker.set_failed(start, says.as_deref() == Some("failed"));
                (identity.clone(), detail(status, identity.as_ref()))
            }
            // Nobody is there, and nobody should be.
            Err(_) if pool.is_asleep() => {
                (rises, falls) = (0, health.fall);
                (None, String::new())
            }
            Err(cause) => {
                worker.counters.probe_failed.inc();
                rises = 0;
                falls += 1;
                (None, cause)
            }
        };
        let was_healthy = worker.is_healthy();
        let verdict = if rises >= health.rise {
            Some(true)
        } else if falls >= health.fall {
            Some(false)
        } else if worker.is_judged() {
            Some(was_healthy)
        } else {
            None
        };
        let Some(healthy) = verdict else { continue };
        if hurried {
            hurried = false;
            timer = ticks(health.interval);
            timer.tick().await;
        }
        // An answer that is not a success does not change what the worker is known to serve.
        let changed = worker.judge(start, healthy, identity.filter(|_| rises > 0), detail);
        let mismatch = worker.compare(pool.expected().as_deref());
        if changed || mismatch {
            tracing::info!(
                slot = %worker.slot, worker = worker.name, state = pool.state_of(&worker), detail = %worker.detail(),
                "worker changed"
            );
            let news = Message::WorkerChanged { worker: Arc::clone(&worker), mismatch };
            if driver.send(news).await.is_err() {
                return;
            }
        }
    }
}

/// What a worker that is not ready says, such as `answers 503 loading: language model`.
fn detail(status: u16, identity: Option<&Identity>) -> String {
    let health = identity.map_or(&Value::Null, |identity| &identity.health);
    let says = health["status"].as_str().unwrap_or_default();
    let more = match says {
        "loading" => health["loading"].as_str(),
        "failed" => health.pointer("/error/message").and_then(Value::as_str),
        _ => None,
    };
    let more = more.map_or_else(String::new, |more| format!(": {more}"));
    let text = format!("answers {status} {says}{more}");
    text.trim_end().chars().take(LONGEST_DETAIL).collect()
}

fn ticks(interval: Duration) -> tokio::time::Interval {
    let mut timer = tokio::time::interval_at(Instant::now(), interval);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

/// What somebody says of themselves.
pub(crate) struct Answer {
    pub status: u16,
    /// The slot that a proxy in between names.
    pub slot: Option<String>,
    pub identity: Option<Identity>,
}

/// One question on a connection of its own: a worker that no longer accepts is found out.
///
/// # Errors
/// The cause, in words.
pub(crate) async fn ask(address: SocketAddr, host: &str, path: &str) -> Result<Answer, String> {
    let request = http::Request::get(path).body(Full::default()).map_err(|e| e.to_string())?;
    let answer = exchange(address, host, request, LONGEST_ANSWER).await?;
    let slot = answer.headers().get(SLOT_HEADER).and_then(|slot| slot.to_str().ok());
    Ok(Answer {
        status: answer.status().as_u16(),
        slot: slot.map(str::to_owned),
        identity: serde_json::from_slice(answer.body()).ok().map(Identity::read),
    })
}
