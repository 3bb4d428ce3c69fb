//! `scripts/bench switch`: what clients notice of a switch, ours beside nginx's reload and HAProxy's runtime map.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::peers::Proxy;
use switchyard_tests::harness::processes::eventually;
use switchyard_tests::harness::report::{Report, median, number, percentile};

const SLOTS: [&str; 2] = ["blue", "green"];
const EVENTS: usize = 10;

/// What was seen of one switcher.
#[derive(Default)]
struct Seen {
    quick: u64,
    quick_failed: u64,
    late: u64,
    streams: u64,
    cut: u64,
    command: Vec<f64>,
    /// From the wish accepted to new requests on the new slot, as the gateway tells it.
    inside: Vec<f64>,
    first_answer: Vec<f64>,
}

/// What the clients of one round share.
struct Round {
    stop: AtomicBool,
    /// Twice the switches whose command has returned, plus one while a command runs.
    settled: AtomicU64,
    /// The number of the switch that is watched, and when an answer of its slot was first seen.
    first: Mutex<(u64, Option<Instant>)>,
    seen: Mutex<Seen>,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = number(&arguments, "--rounds", 5);
    let switches = number(&arguments, "--switches", 20);
    let mut all =
        [("switchyard", Seen::default()), ("nginx", Seen::default()), ("haproxy", Seen::default())];
    for round in 0..=rounds {
        for (name, seen) in &mut all {
            let measured = measure(name, if round == 0 { 2 } else { switches }).await;
            // The first round warms up.
            if round > 0 {
                seen.add(measured);
            }
        }
    }
    let ours = median(&all[0].1.command);
    let rows = all.iter().map(|(name, seen)| seen.row(name, ours)).collect();
    let report = Report {
        name: "switch",
        work: format!(
            "{} switches each, alternating, while 8 keep-alive clients and 20 SSE clients run against two pretended workers",
            rounds * switches
        ),
        columns: vec![
            "switcher",
            "quick requests failed",
            "late to the old slot",
            "streams cut",
            "whole command, median",
            "p99",
            "ours / theirs",
            "command begun to first new answer, median",
            "accepted to effective, median / p99",
        ],
        rows,
    };
    report.publish(&arguments);
    assert_eq!(
        (all[0].1.quick_failed, all[0].1.cut, all[0].1.late),
        (0, 0, 0),
        "a switch of ours was noticed"
    );
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.quick += other.quick;
        self.quick_failed += other.quick_failed;
        self.late += other.late;
        self.streams += other.streams;
        self.cut += other.cut;
        self.command.extend(other.command);
        self.inside.extend(other.inside);
        self.first_answer.extend(other.first_answer);
    }

    fn row(&self, name: &str, ours: f64) -> Vec<String> {
        let command = median(&self.command);
        vec![
            name.to_owned(),
            format!("{} of {}", self.quick_failed, self.quick),
            format!("{} of {}", self.late, self.quick),
            format!("{} of {}", self.cut, self.streams),
            format!("{command:.1} ms"),
            format!("{:.1} ms", percentile(&self.command, 0.99)),
            format!("{:.2}", ours / command),
            format!("{:.1} ms", median(&self.first_answer)),
            if self.inside.is_empty() {
                "-".to_owned()
            } else {
                let (median, p99) = (median(&self.inside), percentile(&self.inside, 0.99));
                format!("{median:.2} ms / {p99:.2} ms")
            },
        ]
    }
}

async fn measure(name: &str, switches: usize) -> Seen {
    let blue = FakeWorker::start(SLOTS[0], "v1").await;
    let green = FakeWorker::start(SLOTS[1], "v2").await;
    let workers = [blue.address, green.address];
    let proxy = match name {
        "nginx" => Proxy::nginx(workers).await,
        "haproxy" => Proxy::haproxy(workers).await,
        _ => Proxy::switchyard(workers).await,
    };
    let round = Arc::new(Round {
        stop: AtomicBool::new(false),
        settled: AtomicU64::new(0),
        first: Mutex::new((0, None)),
        seen: Mutex::new(Seen::default()),
    });
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        clients.spawn(quick(Arc::clone(&round), proxy.address));
    }
    for _ in 0..20 {
        clients.spawn(streaming(Arc::clone(&round), proxy.address));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for step in 1..=switches {
        *round.first.lock().unwrap() = (step as u64, None);
        round.settled.fetch_add(1, Ordering::SeqCst);
        let mut command = proxy.switch_command(step % 2);
        let begun = Instant::now();
        command.stdout(Stdio::piped());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let took = begun.elapsed();
        let told: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
        assert!(
            output.status.success(),
            "{name}: the switch command failed\n{}",
            proxy.process.log_text()
        );
        round.settled.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let first = eventually("the new slot answers", Duration::from_secs(10), async || {
            round.first.lock().unwrap().1
        })
        .await;
        let mut seen = round.seen.lock().unwrap();
        seen.inside.extend(told.and_then(|told| told["took_ms"].as_f64()));
        seen.command.push(took.as_secs_f64() * 1e3);
        seen.first_answer.push((first - begun).as_secs_f64() * 1e3);
    }
    round.stop.store(true, Ordering::SeqCst);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    std::mem::take(&mut *round.seen.lock().unwrap())
}

async fn quick(round: Arc<Round>, address: std::net::SocketAddr) {
    let mut connection = Connection::open(address).await.ok();
    while !round.stop.load(Ordering::SeqCst) {
        let before = round.settled.load(Ordering::SeqCst);
        let answer = match &mut connection {
            Some(connection) => connection.get("/v1/models").await,
            None => Err("no connection".into()),
        };
        let after = round.settled.load(Ordering::SeqCst);
        let slot = match &answer {
            Ok(answer) if answer.status == 200 => {
                answer.json()["worker"].as_str().map(str::to_owned)
            }
            _ => None,
        };
        let failed = slot.is_none();
        {
            let mut seen = round.seen.lock().unwrap();
            seen.quick += 1;
            seen.quick_failed += u64::from(failed);
            let live = SLOTS[usize::try_from(before / 2 % 2).unwrap()];
            // Even and unchanged: no switch command ran during this request.
            if before == after
                && before.is_multiple_of(2)
                && slot.as_deref().is_some_and(|slot| slot != live)
            {
                seen.late += 1;
            }
            let switch = after.div_ceil(2);
            let next = SLOTS[usize::try_from(switch % 2).unwrap()];
            let mut first = round.first.lock().unwrap();
            // Another switch may have begun since this answer came: that is not its answer.
            if slot.as_deref() == Some(next) && first.0 == switch {
                first.1.get_or_insert_with(Instant::now);
            }
        }
        if failed {
            connection = Connection::open(address).await.ok();
        }
    }
}

async fn streaming(round: Arc<Round>, address: std::net::SocketAddr) {
    while !round.stop.load(Ordering::SeqCst) {
        let answer = http::get(address, &format!("/stream?events={EVENTS}&every=20")).await;
        let whole = answer.is_ok_and(|answer| {
            String::from_utf8_lossy(&answer.body).matches("data: ").count() == EVENTS
        });
        let mut seen = round.seen.lock().unwrap();
        seen.streams += 1;
        seen.cut += u64::from(!whole);
    }
}
