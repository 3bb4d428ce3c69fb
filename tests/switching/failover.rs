//! When the live slot dies, the idle one takes over if the settings say so, and it is recorded.

use std::time::Duration;

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn the_idle_slot_takes_over_and_a_rollback_goes_back() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let extra = "routing: { failover: { after: 200ms } }";
    let gateway = Gateway::start(&[blue.address], &[green.address], extra).await;
    gateway.wait("blue");
    gateway.wait("green");
    blue.state.set_ready(false);
    eventually("green took over", Duration::from_secs(10), async || {
        (gateway.status()["live"] == "green").then_some(())
    })
    .await;
    assert_eq!(http::get(gateway.address, "/").await.unwrap().json()["worker"], "green");
    let history = gateway.expect(&["history"], 0);
    assert!(history.contains("failover blue → green"), "{history}");
    assert!(history.contains("switchyard") && history.contains("blue has no ready worker"));
    assert_eq!(gateway.metric("switchyard_failovers_total").await, 1.0);
    // Nothing goes back by itself.
    blue.state.set_ready(true);
    gateway.wait("blue");
    assert_eq!(gateway.status()["live"], "green");
    gateway.expect(&["rollback"], 0);
    assert_eq!(gateway.status()["live"], "blue");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_takes_over_that_is_not_ready_or_was_not_asked_to() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    green.state.set_ready(false);
    let extra = "routing: { failover: { after: 100ms } }";
    let ready = Gateway::start(&[blue.address], &[green.address], extra).await;
    let without = Gateway::start(&[blue.address], &[green.address], "").await;
    for gateway in [&ready, &without] {
        gateway.wait("blue");
    }
    blue.state.set_ready(false);
    for gateway in [&ready, &without] {
        eventually("blue is down", Duration::from_secs(5), async || {
            (gateway.status()["slots"]["blue"]["state"] == "down").then_some(())
        })
        .await;
    }
    green.state.set_ready(true);
    eventually("green took over as soon as it was ready", Duration::from_secs(5), async || {
        (ready.status()["live"] == "green").then_some(())
    })
    .await;
    without.wait("green");
    assert_eq!(without.status()["live"], "blue");
}
