//! What is still true when the gateway or a worker is killed, at any moment.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::processes::{Process, eventually, program};

use super::{SOON, Started, ask, health, slot};

fn kill(pid: &Value) {
    let pid = Pid::from_raw(i32::try_from(pid.as_i64().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// How many processes were started with this address.
fn processes(address: SocketAddr) -> usize {
    let lines = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        entry.file_name().to_str()?.parse::<u32>().ok()?;
        std::fs::read(entry.path().join("cmdline")).ok()
    });
    let address = address.to_string();
    let is_one = |line: &Vec<u8>| {
        let line = String::from_utf8_lossy(line);
        line.contains("fake-worker") && line.contains(&address)
    };
    lines.filter(is_one).count()
}

async fn is(gateway: &Gateway, name: &str, state: &str) {
    eventually(&format!("{name} is {state}"), SOON, async || {
        (slot(gateway, name)["standby"]["state"] == state).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_leaves_its_workers_and_the_next_one_finds_them() {
    let Started { blue, green, mut gateway } = Started::new("", "").await;
    let before = [health(blue).await.unwrap(), health(green).await.unwrap()];
    let kept = std::fs::read_to_string(format!("/proc/{}/status", before[1]["pid"])).unwrap();
    assert!(!kept.contains("THP_enabled:\t0"), "the gateway alone does without huge pages");
    gateway.crash_and_restart().await;
    is(&gateway, "green", "awake").await;
    let after = [health(blue).await.unwrap(), health(green).await.unwrap()];
    assert_eq!(before.map(|it| it["pid"].clone()), after.map(|it| it["pid"].clone()));
    // Also one of which nothing was written down.
    for file in std::fs::read_dir(gateway.directory.path().join("var/workers")).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|ending| ending == "json") {
            std::fs::remove_file(file).unwrap();
        }
    }
    gateway.crash_and_restart().await;
    ask(&gateway, &["sleep", "green"], 0);
    assert_eq!((health(green).await, processes(green)), (None, 0));
    gateway.crash_and_restart().await;
    gateway.wait("blue");
    is(&gateway, "green", "asleep").await;
    assert_eq!((processes(blue), processes(green)), (1, 0), "what sleeps is not woken by a start");
    ask(&gateway, &["wake", "green"], 0);
    gateway.expect(&["promote"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_the_slot_reaches_the_mode_that_was_recorded() {
    let Started { green, mut gateway, .. } = Started::new("", "").await;
    for round in 0..12_u64 {
        let verb = if round % 2 == 0 { "sleep" } else { "wake" };
        let mut command = std::process::Command::new(program("switchctl"));
        command.args([verb, "green", "--timeout", "1s"]).current_dir(gateway.directory.path());
        let mut asked = Process::start_command("switchctl", command, gateway.directory.path());
        // From before the request arrives until after the worker is started or stopped.
        std::thread::sleep(Duration::from_micros(round * 3_300));
        gateway.crash_and_restart().await;
        asked.wait(SOON);
        let mode = slot(&gateway, "green")["standby"]["mode"].clone();
        let state = if mode == "asleep" { "asleep" } else { "awake" };
        is(&gateway, "green", state).await;
        assert_eq!(processes(green), usize::from(state == "awake"), "round {round}, {mode}");
        ask(&gateway, &[verb, "green"], 0);
        assert_eq!(processes(green), usize::from(verb == "wake"), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_leaves_workers_running_and_the_new_process_has_them() {
    let Started { blue, green, mut gateway } = Started::new("", "").await;
    let before = [health(blue).await.unwrap(), health(green).await.unwrap()];
    let mut old = gateway.upgrade().await;
    assert!(old.wait(SOON).success(), "{}", old.log_text());
    let after = [health(blue).await.unwrap(), health(green).await.unwrap()];
    assert_eq!(before.map(|it| it["pid"].clone()), after.map(|it| it["pid"].clone()));
    ask(&gateway, &["sleep", "green"], 0);
    assert_eq!(processes(green), 0);
    gateway.upgrade().await;
    is(&gateway, "green", "asleep").await;
    ask(&gateway, &["wake", "green"], 0);
    gateway.expect(&["promote", "green"], 0);
    // And one that another gateway has started is started again by this one.
    gateway.upgrade().await;
    let dead = health(green).await.unwrap()["pid"].clone();
    kill(&dead);
    eventually("green is there again", SOON, async || {
        health(green).await.filter(|it| it["pid"] != dead)
    })
    .await;
    gateway.wait("green");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ends_is_started_again_until_it_has_done_so_too_often() {
    let started = Started::new("", "").await;
    let Started { green, gateway, .. } = &started;
    let restarts = format!("switchyard_worker_restarts_total{{slot=\"green\",worker=\"{green}\"}}");
    let first = health(*green).await.unwrap()["pid"].clone();
    kill(&first);
    eventually("it is started again", SOON, async || {
        health(*green).await.filter(|it| it["pid"] != first)
    })
    .await;
    gateway.wait("green");
    assert_eq!(gateway.metric(&restarts).await, 1.0);
    started.control("crash", true);
    kill(&health(*green).await.unwrap()["pid"]);
    is(gateway, "green", "failed").await;
    assert_eq!(gateway.metric(&restarts).await, 3.0, "as often as the settings say");
    let failed = "switchyard_mode_changes_total{mode=\"full\",outcome=\"failed\",slot=\"green\"}";
    assert_eq!(gateway.metric(failed).await, 1.0);
    let shown = gateway.expect(&["status"], 0);
    assert!(shown.contains("it has ended 4 times in a row: exit status: 3"), "{shown}");
    assert!(shown.contains("hint: read its log"), "{shown}");
    let log = gateway.directory.path().join(format!("var/workers/green.{green}.log"));
    assert!(std::fs::read_to_string(log).unwrap().contains("told to crash"));
    let said = ask(gateway, &["wake", "green"], 1);
    assert!(said.contains("error: green is not awake: "), "{said}");
    started.control("crash", false);
    ask(gateway, &["wake", "green"], 0);
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert!(notes.contains("it has ended 4 times in a row"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_does_not_stop_is_killed_and_that_is_noted() {
    let started = Started::new(", timeout: 300ms", "").await;
    let Started { green, gateway, .. } = &started;
    started.control("stubborn", true);
    ask(gateway, &["sleep"], 0);
    assert_eq!(processes(*green), 0);
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert!(notes.contains("did not stop within 300ms and was killed"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_cannot_be_written_changes_nothing() {
    let Started { green, gateway, .. } = &Started::new("", "").await;
    let pid = Pid::from_raw(i32::try_from(gateway.process.pid()).unwrap());
    let limit = rustix::process::Rlimit { current: Some(0), maximum: None };
    let before = rustix::process::prlimit(pid, rustix::process::Resource::Fsize, limit).unwrap();
    let said = ask(gateway, &["sleep"], 1);
    let why = "error: the mode could not be recorded, so green stays as it was\n";
    assert!(said.starts_with(why) && said.contains("caused by: "), "{said}");
    assert_eq!((slot(gateway, "green")["state"].as_str(), processes(*green)), (Some("ready"), 1));
    rustix::process::prlimit(pid, rustix::process::Resource::Fsize, before).unwrap();
    ask(gateway, &["sleep"], 0);
}
