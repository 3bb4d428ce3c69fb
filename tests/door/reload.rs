//! Reading the settings again: all of them, or none when something is wrong.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::{self, Gateway};
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes::eventually;

fn write(gateway: &Gateway, text: &str) {
    std::fs::write(gateway.directory.path().join("gateway.yaml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_and_limits_change_without_a_restart() {
    let one = FakeWorker::start("one", "v1").await;
    let two = FakeWorker::start("two", "v1").await;
    let gateway = Gateway::start(&[one.address], &[], "limits: { request_body: 1KiB }").await;
    gateway.wait("blue");
    let address = gateway.address;
    let running =
        tokio::spawn(async move { http::get(address, "/stream?events=30&every=50").await });
    eventually("the stream runs", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["in_flight"] == 1).then_some(())
    })
    .await;

    write(&gateway, &gateway::settings(&[two.address], &[], "limits: { request_body: 4KiB }"));
    let said = gateway.expect(&["reload"], 0);
    assert_eq!(
        said,
        format!(
            "limits.request_body: 1KiB → 4KiB\nslots.blue.workers[0]: {} → {}\n",
            one.address, two.address
        )
    );
    gateway.wait("blue");
    let answer = http::post(gateway.address, "/", &"x".repeat(2_000)).await.unwrap();
    assert_eq!((answer.status, answer.json()["worker"].as_str()), (200, Some("two")));
    // What ran on the worker that went finishes there.
    let whole = running.await.unwrap().unwrap();
    assert_eq!(whole.body.iter().filter(|byte| **byte == b':').count(), 30);
    assert_eq!(gateway.expect(&["reload"], 0), "nothing changed\n");
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert!(notes.contains("limits.request_body: 1KiB → 4KiB"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_with_a_mistake_changes_nothing_at_all() {
    let one = FakeWorker::start("one", "v1").await;
    let gateway = Gateway::start(&[one.address], &[], "").await;
    gateway.wait("blue");
    let good = gateway::settings(&[one.address], &[], "");
    for (wrong, said) in [
        (format!("{good}limits: {{ request_body: 1, header_timeout: 0s }}\n"), "header_timeout"),
        (format!("{good}limit: {{ request_body: 1 }}\n"), "unknown key `limit`"),
        (good.replace("127.0.0.1:0", "127.0.0.1:1"), "only a restart can change listen.http"),
        (
            format!("{good}threads: 7\nlimits: {{ request_body: 1 }}\n"),
            "only a restart can change threads",
        ),
    ] {
        write(&gateway, &wrong);
        let refused = gateway.expect(&["reload"], 1);
        assert!(
            refused.contains("the settings stay as they were") && refused.contains(said),
            "{refused}"
        );
        assert_eq!(http::post(gateway.address, "/", "{}").await.unwrap().status, 200);
    }
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert_eq!(notes.matches("refused").count(), 4, "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_signal_reloads_and_worker_counts_stay() {
    let one = FakeWorker::start("one", "v1").await;
    let gateway = Gateway::start(&[one.address], &[], "").await;
    gateway.wait("blue");
    let more = format!("{{ address: \"{}\", max_requests: 1 }}", one.address);
    let settings =
        gateway::settings(&[one.address], &[], "").replace(&format!("\"{}\"", one.address), &more);
    let address = gateway.address;
    let slow = tokio::spawn(async move { http::get(address, "/slow?every=1500").await });
    eventually("it runs", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["in_flight"] == 1).then_some(())
    })
    .await;
    write(&gateway, &settings);
    let pid = Pid::from_raw(i32::try_from(gateway.process.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    eventually("the settings are in force", Duration::from_secs(5), async || {
        gateway.expect(&["history", "--notes"], 0).contains("reload").then_some(())
    })
    .await;
    // The request from before the reload counts against the new limit.
    assert_eq!(http::get(gateway.address, "/").await.unwrap().status, 503);
    assert_eq!(slow.await.unwrap().unwrap().status, 200);
    assert_eq!(http::get(gateway.address, "/").await.unwrap().status, 200);
}
