//! Workers that die, hang, or turn into something else.

use std::time::Duration;

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn when_one_of_two_workers_is_killed_the_other_answers() {
    let one = FakeWorker::start("one", "v1").await;
    let two = FakeWorker::start("two", "v1").await;
    let gateway =
        Gateway::start(&[one.address, two.address], &[], "health: { interval: 10s }").await;
    gateway.wait("blue");
    one.kill();
    for _ in 0..50 {
        let answer = http::post(gateway.address, "/v1/chat/completions", "{}").await.unwrap();
        assert_eq!((answer.status, answer.json()["worker"].as_str()), (200, Some("two")));
    }
    assert!(gateway.metric("switchyard_retries_total{slot=\"blue\"}").await >= 3.0);
    let status = gateway.status();
    assert_eq!(status["slots"]["blue"]["workers"][0]["state"], "ejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_worker_gets_no_new_requests() {
    let one = FakeWorker::start("one", "v1").await;
    let two = FakeWorker::start("two", "v1").await;
    let extra = "health: { interval: 20ms, timeout: 100ms }\nupstream: { read_timeout: 1s }";
    let gateway = Gateway::start(&[one.address, two.address], &[], extra).await;
    gateway.wait("blue");
    one.state.set_hung(true);
    eventually("the hung worker is down", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["workers"][0]["state"] == "down").then_some(())
    })
    .await;
    for _ in 0..20 {
        assert_eq!(http::get(gateway.address, "/").await.unwrap().json()["worker"], "two");
    }
    two.state.set_hung(true);
    let answer = http::post(gateway.address, "/v1/chat/completions", "{}").await.unwrap();
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (504, Some("worker_timeout"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_can_serve_the_answer_is_503_with_a_time_to_come_back() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let gateway = Gateway::start(&[blue.address], &[green.address], "").await;
    gateway.wait("blue");
    gateway.wait("green");
    blue.kill();
    eventually("blue is down", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["state"] == "down").then_some(())
    })
    .await;
    let answer = http::get(gateway.address, "/").await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert_eq!(answer.json()["error"]["message"], "no worker of blue is ready");
    assert_eq!(answer.json()["error"]["type"], "server_error");
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(green.state.requests(), 0, "traffic never goes to the other slot by itself");
    assert!(gateway.admin_get("/readyz").await.starts_with("HTTP/1.1 503"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_worker_that_changes_its_release_is_taken_out_until_it_is_promoted() {
    let blue = FakeWorker::start("blue", "v1").await;
    let one = FakeWorker::start("one", "v2").await;
    let two = FakeWorker::start("two", "v2").await;
    let gateway = Gateway::start(&[blue.address], &[one.address, two.address], "").await;
    gateway.wait("blue");
    gateway.wait("green");
    gateway.expect(&["promote"], 0);
    one.state.set_tag("v3");
    eventually("the changed worker is taken out", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["green"]["workers"][0]["state"] == "mismatch").then_some(())
    })
    .await;
    for _ in 0..10 {
        assert_eq!(http::get(gateway.address, "/").await.unwrap().json()["worker"], "two");
    }
    assert!(gateway.process.log_text().contains("it does not serve the recorded release"));
    two.state.set_tag("v3");
    eventually("nobody serves the recorded release", Duration::from_secs(5), async || {
        (http::get(gateway.address, "/").await.unwrap().status == 503).then_some(())
    })
    .await;
    assert_eq!(gateway.status()["slots"]["green"]["state"], "mismatch");
    gateway.expect(&["promote", "green", "--reason", "deployed in place"], 0);
    assert_eq!(
        http::get(gateway.address, "/").await.unwrap().header("x-switchyard-release"),
        "fake@v3"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_cut_by_its_worker_is_cut_for_the_client_and_counted() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.wait("blue");
    blue.state.set_dies(true);
    let mut connection = Connection::open(gateway.address).await.unwrap();
    connection.get("/stream?events=10&every=5").await.unwrap_err();
    eventually("the cut stream is counted", Duration::from_secs(2), async || {
        (gateway.metric("switchyard_truncated_streams_total{slot=\"blue\"}").await == 1.0)
            .then_some(())
    })
    .await;
}
