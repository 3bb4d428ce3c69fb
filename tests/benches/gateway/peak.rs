//! As fast as it goes: requests per second, processor time per request, latency.

use std::net::SocketAddr;
use std::process::Command;

use switchyard_tests::harness::fake_worker;
use switchyard_tests::harness::http;
use switchyard_tests::harness::peers::{Proxy, free_address, installed, listening};
use switchyard_tests::harness::processes::Process;
use switchyard_tests::harness::report::{Report, median, number};

/// What the origin answers: 100 bytes.
pub(super) fn answer() -> String {
    format!("{{\"answer\":\"{}\"}}", "x".repeat(87))
}

const CONNECTIONS: usize = 32;

/// One run against one proxy.
struct Run {
    per_second: f64,
    cpu_micros: f64,
    p50: f64,
    p99: f64,
}

pub(super) async fn run(arguments: &[String]) -> Report {
    let rounds = number(arguments, "--rounds", 5);
    let seconds = number(arguments, "--seconds", 5);
    let folder = tempfile::tempdir().unwrap();
    let (origins, _process) = origin(folder.path()).await;
    let proxies = [
        Proxy::switchyard(origins).await,
        Proxy::nginx(origins).await,
        Proxy::haproxy(origins).await,
        Proxy::pingora(origins).await,
    ];
    for proxy in &proxies {
        let got = http::get(proxy.address, "/v1/models").await.unwrap();
        assert_eq!((got.status, got.body.as_ref()), (200, answer().as_bytes()), "{}", proxy.name);
    }
    let mut runs: [Vec<Run>; 4] = Default::default();
    for round in 0..=rounds {
        for (proxy, runs) in proxies.iter().zip(&mut runs) {
            let run = load(proxy, if round == 0 { 1 } else { seconds });
            // The first round warms up.
            if round > 0 {
                runs.push(run);
            }
        }
    }
    let middle = |runs: &[Run], figure: fn(&Run) -> f64| {
        median(&runs.iter().map(figure).collect::<Vec<_>>())
    };
    let nginx = (middle(&runs[1], |run| run.per_second), middle(&runs[1], |run| run.cpu_micros));
    let rows = proxies
        .iter()
        .zip(&runs)
        .map(|(proxy, runs)| {
            let (per_second, cpu) =
                (middle(runs, |run| run.per_second), middle(runs, |run| run.cpu_micros));
            vec![
                proxy.name.to_owned(),
                format!("{:.1} k", per_second / 1e3),
                format!("{:.2}×", per_second / nginx.0),
                format!("{cpu:.1} µs"),
                format!("{:.2}×", cpu / nginx.1),
                format!("{:.2} ms", middle(runs, |run| run.p50)),
                format!("{:.2} ms", middle(runs, |run| run.p99)),
            ]
        })
        .collect();
    Report {
        name: "gateway",
        work: format!(
            "{CONNECTIONS} connections, 100-byte answers, one proxy thread, {rounds} rounds of {seconds} s each, alternating, medians; client and origin share the cores"
        ),
        columns: vec![
            "proxy",
            "requests/s",
            "of nginx",
            "CPU per request",
            "of nginx",
            "p50",
            "p99",
        ],
        rows,
    }
}

/// An origin faster than any proxy here: nginx giving a constant answer, and a worker's `/health`.
pub(super) async fn origin(folder: &std::path::Path) -> ([SocketAddr; 2], Process) {
    // One for each slot: a worker belongs to one slot only.
    let addresses = [free_address(), free_address()];
    let health = fake_worker::health("v1").to_string();
    let answer = answer();
    let path = folder.display();
    let configuration = format!(
        "daemon off;\nworker_processes 1;\npid {path}/nginx.pid;\nerror_log stderr error;\n\
         events {{ worker_connections 8192; }}\nhttp {{\n  access_log off;\n  keepalive_requests 100000000;\n\
         client_body_temp_path {path}/body;\n  proxy_temp_path {path}/proxy;\n  fastcgi_temp_path {path}/f;\n\
         uwsgi_temp_path {path}/u;\n  scgi_temp_path {path}/s;\n  default_type application/json;\n\
         server {{ listen {} backlog=1024; listen {} backlog=1024;\n    location = /health {{ return 200 '{health}'; }}\n\
         location / {{ return 200 '{answer}'; }} }}\n}}\n",
        addresses[0], addresses[1]
    );
    std::fs::write(folder.join("nginx.conf"), configuration).unwrap();
    let mut command = Command::new(installed("nginx", &["/usr/sbin/nginx"]));
    command.arg("-c").arg(folder.join("nginx.conf")).arg("-p").arg(folder);
    let process = Process::start_command("origin", command, folder);
    listening(addresses[1]).await;
    (addresses, process)
}

/// `wrk` for some seconds.
fn load(proxy: &Proxy, seconds: usize) -> Run {
    let before = cpu_seconds(proxy.process.pid());
    let output = Command::new(installed("wrk", &[]))
        .args(["-t1", "--latency"])
        .arg(format!("-c{CONNECTIONS}"))
        .arg(format!("-d{seconds}s"))
        .arg(format!("http://{}/v1/models", proxy.address))
        .output()
        .unwrap();
    let cpu = cpu_seconds(proxy.process.pid()) - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(
        !text.contains("Non-2xx") && !text.contains("Socket errors"),
        "{}: wrong answers\n{text}",
        proxy.name
    );
    let after = |word: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(word));
        line.and_then(|line| line.split_whitespace().nth(1))
            .unwrap_or_else(|| panic!("no {word} in {text}"))
    };
    let requests: f64 = text
        .lines()
        .find(|line| line.contains("requests in"))
        .and_then(|line| line.split_whitespace().next())
        .and_then(|count| count.parse().ok())
        .unwrap();
    Run {
        per_second: after("Requests/sec:").parse().unwrap(),
        cpu_micros: cpu * 1e6 / requests,
        p50: milliseconds(after("50%")),
        p99: milliseconds(after("99%")),
    }
}

/// wrk writes `640.00us`, `1.20ms` or `2.10s`.
fn milliseconds(text: &str) -> f64 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let value: f64 = digits.parse().unwrap();
    match &text[digits.len()..] {
        "us" => value / 1e3,
        "s" => value * 1e3,
        _ => value,
    }
}

/// Processor time of a process and its children, user and system (proc(5), fields 14 and 15 of `stat`).
fn cpu_seconds(pid: u32) -> f64 {
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(text) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name, in parentheses, may hold spaces: the fields are counted behind it.
        let Some((head, rest)) = text.rsplit_once(") ") else { continue };
        let fields: Vec<u64> =
            rest.split(' ').skip(1).map(|field| field.parse().unwrap_or(0)).collect();
        let own = head.split(' ').next().and_then(|id| id.parse().ok());
        if own == Some(pid) || fields[0] == u64::from(pid) {
            ticks += fields[10] + fields[11];
        }
    }
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}
