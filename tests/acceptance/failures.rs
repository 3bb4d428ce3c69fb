//! Workers that die, hang, or come back as something else, behind a real gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::eventually;
use switchyard_tests::harness::rag_worker::{BILINGUAL, ENGLISH, Worker, WorkerSettings};

const PROBES: &str = "health: { interval: 100ms, timeout: 2s, rise: 2, fall: 3 }";

/// Asks for the list of models until told to stop; every answer must be 200.
fn steady_clients(address: SocketAddr, stop: &Arc<AtomicBool>) -> tokio::task::JoinSet<u64> {
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let stop = Arc::clone(stop);
        clients.spawn(async move {
            let mut connection = Connection::open(address).await.unwrap();
            let mut count = 0;
            while !stop.load(Ordering::SeqCst) {
                let answer = connection.get("/v1/models").await.unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                count += 1;
            }
            count
        });
    }
    clients
}

async fn finish(mut clients: tokio::task::JoinSet<u64>, stop: &AtomicBool) -> u64 {
    stop.store(true, Ordering::SeqCst);
    let mut answered = 0;
    while let Some(count) = clients.join_next().await {
        answered += count.unwrap();
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_workers_is_killed_and_nobody_notices() {
    let first = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let mut second = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let gateway = Gateway::start(&[first.address, second.address], &[], PROBES).await;
    gateway.wait("blue");
    let stop = Arc::new(AtomicBool::new(false));
    let clients = steady_clients(gateway.address, &stop);
    tokio::time::sleep(Duration::from_millis(300)).await;
    second.process.kill();
    eventually("the dead worker is out", Duration::from_secs(10), async || {
        let status = gateway.status();
        let workers = status["slots"]["blue"]["workers"].as_array().unwrap();
        workers.iter().any(|worker| worker["state"] != "ready").then_some(())
    })
    .await;
    assert!(finish(clients, &stop).await > 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_worker_gets_no_new_requests_and_comes_back() {
    let first = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let second = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let probes = "health: { interval: 100ms, timeout: 500ms, rise: 2, fall: 3 }";
    let gateway = Gateway::start(&[first.address, second.address], &[], probes).await;
    gateway.wait("blue");
    let state_of_second = || {
        let status = gateway.status();
        let workers = status["slots"]["blue"]["workers"].as_array().unwrap().clone();
        let address = second.address.to_string();
        let found = workers.iter().find(|worker| worker["address"] == address.as_str());
        found.map(|worker| worker["state"].as_str().unwrap().to_owned()).unwrap()
    };
    second.process.signal(Signal::STOP);
    eventually("the hung worker is out", Duration::from_secs(15), async || {
        (state_of_second() != "ready").then_some(())
    })
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients = steady_clients(gateway.address, &stop);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(finish(clients, &stop).await > 50);

    second.process.signal(Signal::CONT);
    eventually("the worker is back", Duration::from_secs(15), async || {
        (state_of_second() == "ready").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_back_with_another_knowledge_base_gets_no_traffic() {
    let blue = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let mut green = Worker::start(WorkerSettings::small(BILINGUAL)).await;
    let gateway = Gateway::start(&[blue.address], &[green.address], PROBES).await;
    gateway.wait("blue");
    gateway.wait("green");
    gateway.expect(&["promote", "green"], 0);
    assert_eq!(
        http::get(gateway.address, "/v1/models").await.unwrap().header("x-switchyard-slot"),
        "green"
    );

    // The same address, another release: not the one that was proven.
    let address = green.address;
    green.process.kill();
    let _other =
        Worker::start(WorkerSettings { listen: address, ..WorkerSettings::small(ENGLISH) }).await;
    eventually("the changed worker is recognized", Duration::from_secs(15), async || {
        let status = gateway.status();
        (status["slots"]["green"]["workers"][0]["state"] == "mismatch").then_some(())
    })
    .await;
    let refused = http::get(gateway.address, "/v1/models").await.unwrap();
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.header("retry-after").is_empty());
    assert!(refused.json()["error"]["message"].is_string());

    gateway.expect(&["rollback", "--reason", "green is not what was promoted"], 0);
    let answer = http::get(gateway.address, "/v1/models").await.unwrap();
    assert_eq!((answer.status, answer.header("x-switchyard-slot")), (200, "blue"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_failed_to_load_is_not_promoted() {
    let blue = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let knowledge = switchyard_tests::harness::rag_worker::knowledge(BILINGUAL);
    let green =
        Worker::launch(WorkerSettings { knowledge, ..WorkerSettings::small(ENGLISH) }).await;
    let gateway = Gateway::start(&[blue.address], &[green.address], PROBES).await;
    gateway.wait("blue");
    let said = gateway.expect(&["promote", "green"], 1);
    assert!(said.contains("error: green is not ready: 0 of 1"), "{said}");
    assert_eq!(gateway.status()["live"], "blue");
}
