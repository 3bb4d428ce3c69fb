//! Workers that the gateway starts: an idle slot is put to sleep, woken and promoted.

mod crashes;
mod drivers;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::{self, Gateway};
use switchyard_tests::harness::http;
use switchyard_tests::harness::peers::free_address;
use switchyard_tests::harness::processes::{eventually, program};
use tempfile::TempDir;

/// No worker here takes longer to do anything.
const SOON: Duration = Duration::from_secs(20);

/// A gateway whose slots have one pretended worker each, started by the gateway.
struct Started {
    blue: SocketAddr,
    green: SocketAddr,
    gateway: Gateway,
}

impl Started {
    /// `standby` is more for `slots.*.standby`, `extra` for the top level. Ready when both slots are.
    async fn new(standby: &str, extra: &str) -> Self {
        let (blue, green) = (free_address(), free_address());
        let directory = directory();
        let slot = |slot: &str, address: SocketAddr, tag: &str| {
            let standby = format!("{}{standby}", process(directory.path(), tag));
            format!("  {slot}: {{ workers: [\"{address}\"], standby: {{ {standby} }} }}\n")
        };
        let slots = slot("blue", blue, "v1") + &slot("green", green, "v2");
        write(directory.path(), &slots, extra);
        let gateway = Gateway::start_in(directory).await;
        gateway.wait("blue");
        gateway.wait("green");
        Self { blue, green, gateway }
    }

    /// Makes the next workers do something else than usual; see `fake_worker.rs`.
    fn control(&self, what: &str, on: bool) {
        let file = self.gateway.directory.path().join("control").join(what);
        if on { std::fs::write(file, "").unwrap() } else { std::fs::remove_file(file).unwrap() }
    }
}

/// A folder with one for what the workers are told.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("control")).unwrap();
    directory
}

/// Settings of a pretended worker as a process.
fn process(directory: &Path, tag: &str) -> String {
    let program = program("examples/fake-worker");
    let control = directory.join("control");
    format!(
        "driver: process, command: [{program:?}, --listen, \"{{worker}}\", --tag, {tag}, --control, {control:?}], \
         cpu_arguments: [--device, cpu], restart: {{ first: 10ms, longest: 20ms, most: 3 }}"
    )
}

fn write(directory: &Path, slots: &str, extra: &str) {
    let text = gateway::settings(&[], &[], extra);
    let (before, rest) = text.split_once("slots:\n").unwrap();
    let rest: Vec<&str> = rest.lines().skip(2).collect();
    let text = format!("{before}slots:\n{slots}{}\n", rest.join("\n"));
    std::fs::write(directory.join("gateway.yaml"), text).unwrap();
}

/// What a worker says on `/health`; `None` when nobody is there.
async fn health(address: SocketAddr) -> Option<Value> {
    Some(http::get(address, "/health").await.ok()?.json())
}

/// `switchctl sleep` and `wake`, which must end soon.
fn ask(gateway: &Gateway, arguments: &[&str], code: i32) -> String {
    gateway.expect(&[arguments, &["--timeout", "20s"]].concat(), code)
}

fn slot(gateway: &Gateway, name: &str) -> Value {
    gateway.status()["slots"][name].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_slot_sleeps_is_woken_and_promoted() {
    let Started { green, gateway, .. } = &Started::new("", "").await;
    let said = ask(gateway, &["sleep", "green", "--reason", "the card is needed"], 0);
    assert!(said.starts_with("green is asleep\n"), "{said}");
    assert_eq!(health(*green).await, None, "its worker is stopped");
    let found = slot(gateway, "green");
    assert_eq!(
        (&found["state"], &found["standby"]["mode"], &found["workers"][0]["state"]),
        (&json!("asleep"), &json!("asleep"), &json!("asleep"))
    );
    assert!(gateway.expect(&["status"], 0).ends_with("green is asleep: switchctl wake green\n"));
    let sample = "switchyard_slot_mode{mode=\"asleep\",slot=\"green\"}";
    assert_eq!(gateway.metric(sample).await, 1.0);

    let refused = "error: green is asleep\nhint: switchctl wake green\n";
    assert_eq!(gateway.expect(&["promote"], 1), refused);
    assert_eq!(gateway.expect(&["wait", "green"], 1), refused);
    assert_eq!(gateway.expect(&["promote", "--force", "--reason", "now"], 1), refused);
    assert_eq!(gateway.expect(&["promote", "--steps", "5%,100%"], 1), refused);
    assert_eq!(gateway.expect(&["canary", "5%"], 1), refused);

    let said = ask(gateway, &["wake"], 0);
    assert!(said.contains("green is waking") && said.starts_with("green is awake\n"), "{said}");
    gateway.expect(&["promote", "green"], 0);
    assert_eq!(http::get(gateway.address, "/").await.unwrap().json()["worker"], green.to_string());
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert!(notes.contains("green is to be asleep (the card is needed)"), "{notes}");
    assert!(notes.contains("promote: green is asleep"), "{notes}");
    let done = "switchyard_mode_changes_total{mode=\"full\",outcome=\"done\",slot=\"green\"}";
    assert_eq!(gateway.metric(done).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_gets_requests_or_is_kept_for_a_rollback_does_not_sleep() {
    let Started { blue, gateway, .. } = &Started::new("", "").await;
    let said = ask(gateway, &["sleep", "blue"], 1);
    let live = "error: blue is live: only the idle slot can be set to asleep\n";
    assert!(said.starts_with(live) && said.contains("hint: switchctl promote green"), "{said}");
    gateway.expect(&["canary", "5%"], 0);
    let said = ask(gateway, &["sleep", "green", "--mode", "cpu"], 1);
    assert!(said.contains("green gets the requests of a canary"), "{said}");
    gateway.expect(&["promote", "--wait", "drained"], 0);

    let said = ask(gateway, &["sleep"], 1);
    assert!(said.contains("error: blue is kept for a rollback"), "{said}");
    assert!(said.contains("switchctl sleep blue --mode asleep --force --reason TEXT"), "{said}");
    assert!(ask(gateway, &["sleep", "--force"], 1).contains("force needs a reason"));
    ask(gateway, &["sleep", "--force", "--reason", "no way back"], 0);
    assert_eq!(health(*blue).await, None);
    assert_eq!(gateway.status()["kept"], Value::Null);
    let said = gateway.expect(&["rollback"], 1);
    assert_eq!(said, "error: blue is asleep\nhint: switchctl wake blue\n");
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert!(notes.contains("the rollback to it is given up (no way back)"), "{notes}");
    ask(gateway, &["wake", "blue"], 0);
    gateway.expect(&["promote", "blue"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_cpu_it_answers_health_and_is_not_promoted() {
    let Started { green, gateway, .. } = &Started::new("", "").await;
    let before = health(*green).await.unwrap();
    assert_eq!(before["inference"]["device"], "auto");
    let said = ask(gateway, &["sleep", "--mode", "cpu"], 0);
    assert!(said.starts_with("green is awake on the CPU only\n"), "{said}");
    assert_eq!(health(*green).await.unwrap()["inference"]["device"], "cpu");
    let refused = "error: green runs on the CPU only\nhint: switchctl wake green\n";
    assert_eq!(gateway.expect(&["promote"], 1), refused);
    ask(gateway, &["wake"], 0);
    let after = health(*green).await.unwrap();
    assert_eq!(after["inference"]["device"], "auto");
    assert_ne!(after["pid"], before["pid"]);
    gateway.expect(&["promote"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn waking_says_what_goes_on_and_returns_when_it_is_over() {
    let started = Started::new("", "").await;
    let Started { gateway, .. } = &started;
    ask(gateway, &["sleep"], 0);
    started.control("load", true);
    let said = gateway.expect(&["wake", "green", "--timeout", "1s"], 1);
    assert!(said.contains("answers 503 loading"), "{said}");
    assert!(said.contains("error: green is waking after 1s"), "{said}");
    assert_eq!(slot(gateway, "green")["standby"]["state"], "waking");
    assert!(gateway.expect(&["promote"], 1).contains("green is not ready"));
    started.control("load", false);
    ask(gateway, &["wake"], 0);
    ask(gateway, &["sleep"], 0);
    started.control("fail", true);
    let said = ask(gateway, &["wake"], 1);
    assert!(said.contains("error: green is not awake: "), "{said}");
    assert!(said.contains("answers 503 failed: the model is missing"), "{said}");
    assert!(said.contains("switchctl sleep green && switchctl wake green"), "{said}");
    started.control("fail", false);
    ask(gateway, &["sleep"], 0);
    let output = gateway.switchctl(&["wake", "green", "--output", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["state"], &found["standby"]["state"]), (&json!("ready"), &json!("awake")));
    assert_eq!(gateway.switchctl(&["wake", "red"]).status.code(), Some(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_worker_of_a_slot_sleeps_and_is_woken() {
    let blue = FakeWorker::start("blue", "v1").await;
    let (green, directory) = ([free_address(), free_address()], directory());
    let standby = process(directory.path(), "v2");
    let [one, two] = green;
    let slots = format!(
        "  blue: {{ workers: [\"{}\"] }}\n  green: {{ workers: [\"{one}\", \"{two}\"], standby: {{ {standby}, log: \"logs/{{slot}}.{{number}}\" }} }}\n",
        blue.address
    );
    write(directory.path(), &slots, "");
    let gateway = Gateway::start_in(directory).await;
    gateway.wait("green");
    ask(&gateway, &["sleep"], 0);
    for address in green {
        assert_eq!(health(address).await, None);
    }
    ask(&gateway, &["wake"], 0);
    let done = "switchyard_mode_changes_total{mode=\"full\",outcome=\"done\",slot=\"green\"}";
    assert_eq!(gateway.metric(done).await, 1.0, "once for the slot");
    gateway.expect(&["promote"], 0);
    let file = gateway.directory.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&two.to_string(), &free_address().to_string())).unwrap();
    let said = gateway.expect(&["reload"], 1);
    assert!(
        said.contains("only a restart can change slots.green.workers where there is"),
        "{said}"
    );
    for number in 1..=2 {
        let log = gateway.directory.path().join(format!("logs/green.{number}"));
        assert_eq!(std::fs::read_to_string(log).unwrap().matches("listening").count(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_it_is_refused_and_named() {
    let (_blue, _green, gateway) = Gateway::with_two_slots("").await;
    let said = ask(&gateway, &["sleep"], 1);
    assert!(said.contains("error: the settings do not say how green is set to asleep"), "{said}");
    assert!(said.contains("hint: add slots.green.standby to the gateway's settings"), "{said}");
    assert_eq!(slot(&gateway, "green")["standby"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_slot_goes_to_sleep_by_itself_and_once() {
    let more = ", after_keep: asleep";
    let Started { blue, mut gateway, .. } =
        Started::new(more, "promotion: { keep_old: 300ms }").await;
    gateway.expect(&["promote"], 0);
    eventually("blue sleeps", SOON, async || {
        (slot(&gateway, "blue")["standby"]["state"] == "asleep").then_some(())
    })
    .await;
    assert_eq!(health(blue).await, None);
    assert_eq!(slot(&gateway, "blue")["retired"], true);
    ask(&gateway, &["wake", "blue"], 0);
    gateway.crash_and_restart().await;
    gateway.wait("blue");
    assert_eq!(slot(&gateway, "blue")["standby"]["mode"], "full", "nobody has asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_somebody_else_has_started_is_left_alone() {
    let (blue, green) = (FakeWorker::start("blue", "v1").await, free_address());
    let directory = directory();
    let standby = process(directory.path(), "v1");
    let slots = format!(
        "  blue: {{ workers: [\"{}\"], standby: {{ {standby} }} }}\n  green: {{ workers: [\"{green}\"] }}\n",
        blue.address
    );
    write(directory.path(), &slots, "");
    let gateway = Gateway::start_in(directory).await;
    gateway.wait("blue");
    let found = eventually("the gateway has looked", SOON, async || {
        let found = slot(&gateway, "blue")["standby"].clone();
        (found["state"] == "failed").then_some(found)
    })
    .await;
    let detail = found["detail"][0].as_str().unwrap().to_owned();
    assert!(detail.contains("a process that this gateway has not started listens at"), "{detail}");
    assert_eq!(http::get(gateway.address, "/").await.unwrap().status, 200);
}
