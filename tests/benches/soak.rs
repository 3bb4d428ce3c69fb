//! `scripts/bench soak`: a long moderate load with switches in between: nothing fails, and the memory stays as it is.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::memory::resident;
use switchyard_tests::harness::peers::Proxy;
use switchyard_tests::harness::report::{Report, number};

const CLIENTS: u64 = 16;
const STREAMS: u64 = 50;
/// Requests a second of each client.
const RATE: u64 = 60;
/// The first part of the time in which memory may still grow.
const WARM_UP: f64 = 0.2;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let minutes = number(&arguments, "--minutes", 10);
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let proxy = Proxy::switchyard([blue.address, green.address]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let [answered, streamed, failed] = [(); 3].map(|()| Arc::new(AtomicU64::new(0)));
    let mut clients = tokio::task::JoinSet::new();
    let address = proxy.address;
    for _ in 0..CLIENTS {
        let (stop, answered, failed) =
            (Arc::clone(&stop), Arc::clone(&answered), Arc::clone(&failed));
        clients.spawn(async move {
            let mut connection = Connection::open(address).await.unwrap();
            let mut due = tokio::time::interval(Duration::from_millis(1000 / RATE));
            while !stop.load(Ordering::Relaxed) {
                due.tick().await;
                let request = http::request("POST", "/v1/chat/completions", "{\"stream\":false}");
                match connection.send(request).await {
                    Ok(answer) if answer.status == 200 => {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(_) | Err(_) => {
                        failed.fetch_add(1, Ordering::Relaxed);
                        connection = Connection::open(address).await.unwrap();
                    }
                }
            }
        });
    }
    for _ in 0..STREAMS {
        let (stop, streamed, failed) =
            (Arc::clone(&stop), Arc::clone(&streamed), Arc::clone(&failed));
        clients.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let answer = http::get(address, "/stream?events=20&every=100").await;
                let whole = answer.is_ok_and(|answer| {
                    String::from_utf8_lossy(&answer.body).matches("data: ").count() == 20
                });
                if whole { &streamed } else { &failed }.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let began = Instant::now();
    let whole = Duration::from_secs(60 * minutes as u64);
    let mut samples = Vec::new();
    let mut switches = 0;
    while began.elapsed() < whole {
        tokio::time::sleep(Duration::from_secs(2)).await;
        switches += 1;
        let status = proxy.switch_command(switches % 2).status().unwrap();
        assert!(status.success(), "switch {switches} failed");
        if began.elapsed() > whole.mul_f64(WARM_UP) {
            samples.push(resident(proxy.process.pid()) as f64 / f64::from(1 << 20));
        }
    }
    stop.store(true, Ordering::Relaxed);
    while clients.join_next().await.is_some() {}
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let most = samples.iter().copied().fold(0.0, f64::max);
    let report = Report {
        name: "soak",
        work: format!(
            "{minutes} minutes: {CLIENTS} clients of {RATE} requests/s, {STREAMS} streams, a promotion every 2 s; resident memory after the first fifth of the time"
        ),
        columns: vec![
            "answered",
            "streams",
            "failed or cut",
            "promotions",
            "memory first",
            "most",
            "last",
        ],
        rows: vec![vec![
            answered.load(Ordering::Relaxed).to_string(),
            streamed.load(Ordering::Relaxed).to_string(),
            failed.load(Ordering::Relaxed).to_string(),
            switches.to_string(),
            format!("{first:.1} MiB"),
            format!("{most:.1} MiB"),
            format!("{last:.1} MiB"),
        ]],
    };
    report.publish(&arguments);
}
