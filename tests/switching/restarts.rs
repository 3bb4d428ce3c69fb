//! `kill -9`, SIGTERM, and what is still true afterwards.

use std::time::Duration;

use rustix::process::Signal;
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::{Process, eventually, program};

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_of_a_promotion_it_comes_back_on_the_last_recorded_slot() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let mut gateway = Gateway::start(&[blue.address], &[green.address], "").await;
    for round in 0..12_u64 {
        gateway.wait("blue");
        gateway.wait("green");
        let before = gateway.status();
        let target = if before["live"] == "blue" { "green" } else { "blue" };
        let mut command = std::process::Command::new(program("switchctl"));
        command.args(["promote", target]).current_dir(gateway.directory.path());
        let mut promote = Process::start_command("switchctl", command, gateway.directory.path());
        // From before the request arrives until after the answer: a command takes a few milliseconds.
        std::thread::sleep(Duration::from_micros(round * 1_100));
        gateway.crash_and_restart().await;
        let promoted = promote.wait(Duration::from_secs(10)).success();
        let history: serde_json::Value =
            serde_json::from_slice(&gateway.switchctl(&["history", "--output", "json"]).stdout)
                .unwrap();
        let status = gateway.status();
        let recorded =
            history["decisions"].get(0).map_or("blue", |decision| decision["to"].as_str().unwrap());
        assert_eq!(status["live"], recorded, "round {round}");
        if promoted {
            assert_eq!(status["live"], target, "round {round}: the command said it was done");
        }
        let answer = http::get(gateway.address, "/").await.unwrap();
        assert_eq!((answer.status, answer.json()["worker"].as_str()), (200, Some(recorded)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_stop_it_finishes_the_running_stream_and_closes_idle_connections() {
    let blue = FakeWorker::start("blue", "v1").await;
    let mut gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.wait("blue");
    let mut idle = Connection::open(gateway.address).await.unwrap();
    idle.get("/").await.unwrap();
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let response =
        connection.begin(http::request("GET", "/stream?events=30&every=20", "")).await.unwrap();
    gateway.process.signal(Signal::TERM);
    eventually("the front door is closed", Duration::from_secs(2), async || {
        tokio::net::TcpStream::connect(gateway.address).await.err()
    })
    .await;
    assert!(gateway.admin_get("/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(gateway.admin_get("/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(gateway.process.is_running());
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(String::from_utf8_lossy(&body).matches("data: ").count(), 30);
    assert_eq!(gateway.process.wait(Duration::from_secs(2)).code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_running_it_stops_at_once_and_a_second_signal_cuts() {
    let blue = FakeWorker::start("blue", "v1").await;
    let mut gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.process.signal(Signal::TERM);
    assert_eq!(gateway.process.wait(Duration::from_secs(1)).code(), Some(0));

    let mut gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.wait("blue");
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let _response =
        connection.begin(http::request("GET", "/stream?events=3000&every=20", "")).await.unwrap();
    gateway.process.signal(Signal::INT);
    eventually("the front door is closed", Duration::from_secs(2), async || {
        tokio::net::TcpStream::connect(gateway.address).await.err()
    })
    .await;
    gateway.process.signal(Signal::INT);
    assert_eq!(gateway.process.wait(Duration::from_secs(2)).code(), Some(1));
}
