//! A fixed rate in an open loop: requests are sent when they are due, whether or not earlier ones have been answered, and
//! their latency counts from when they were due. What the way through a proxy adds is the difference to the origin alone.

use std::net::SocketAddr;
use std::time::Duration;

use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::peers::Proxy;
use switchyard_tests::harness::report::{Report, median, number, percentile};
use tokio::time::Instant;

use super::peak;

/// More than are ever busy at once, so that a request need not wait for a connection.
const CONNECTIONS: usize = 64;

pub(super) async fn run(arguments: &[String], rate: usize) -> Report {
    let rounds = number(arguments, "--rounds", 5);
    let seconds = number(arguments, "--seconds", 10);
    let folder = tempfile::tempdir().unwrap();
    let (origins, _process) = peak::origin(folder.path()).await;
    let proxies = [
        Proxy::switchyard(origins).await,
        Proxy::nginx(origins).await,
        Proxy::haproxy(origins).await,
    ];
    let mut places: Vec<(&str, SocketAddr)> = vec![("origin alone", origins[0])];
    places.extend(proxies.iter().map(|proxy| (proxy.name, proxy.address)));
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); places.len()];
    for round in 0..=rounds {
        for ((_, address), runs) in places.iter().zip(&mut runs) {
            let latencies = load(*address, rate, if round == 0 { 1 } else { seconds }).await;
            if round > 0 {
                runs.push((percentile(&latencies, 0.5), percentile(&latencies, 0.99)));
            }
        }
    }
    let middle = |runs: &[(f64, f64)], which: fn(&(f64, f64)) -> f64| {
        median(&runs.iter().map(which).collect::<Vec<_>>())
    };
    let alone = (middle(&runs[0], |run| run.0), middle(&runs[0], |run| run.1));
    let rows = places
        .iter()
        .zip(&runs)
        .map(|((name, _), runs)| {
            let (p50, p99) = (middle(runs, |run| run.0), middle(runs, |run| run.1));
            vec![
                (*name).to_owned(),
                format!("{p50:.3} ms"),
                format!("{p99:.3} ms"),
                format!("{:.3} ms", p50 - alone.0),
                format!("{:.3} ms", p99 - alone.1),
            ]
        })
        .collect();
    Report {
        name: "gateway-rate",
        work: format!(
            "{rate} requests/s in an open loop over {CONNECTIONS} connections, {rounds} rounds of {seconds} s each, alternating, medians"
        ),
        columns: vec!["proxy", "p50", "p99", "added p50", "added p99"],
        rows,
    }
}

/// Latencies in milliseconds, counted from when each request was due.
async fn load(address: SocketAddr, rate: usize, seconds: usize) -> Vec<f64> {
    let (give, take) = tokio::sync::mpsc::channel(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        give.send(Connection::open(address).await.unwrap()).await.unwrap();
    }
    let mut free = take;
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..rate * seconds {
        let due = began + Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep_until(due).await;
        let mut connection = free.recv().await.unwrap();
        let give = give.clone();
        running.spawn(async move {
            let answer = connection.send(http::request("GET", "/v1/models", "")).await.unwrap();
            assert_eq!(answer.status, 200);
            let latency = due.elapsed().as_secs_f64() * 1e3;
            give.send(connection).await.unwrap();
            latency
        });
    }
    running.join_all().await
}
