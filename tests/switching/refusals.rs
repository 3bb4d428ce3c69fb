//! What is not done, and what is said about it.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::{Gateway, settings};
use switchyard_tests::harness::processes::{self, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_unready_slot_is_refused_with_numbers_and_forced_only_with_a_reason() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = [FakeWorker::start("green", "v2").await, FakeWorker::start("green", "v2").await];
    green[1].state.set_ready(false);
    let gateway = Gateway::start(&[blue.address], &[green[0].address, green[1].address], "").await;
    gateway.wait("blue");
    eventually("green is half ready", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["green"]["state"] == "degraded").then_some(())
    })
    .await;
    let said = gateway.expect(&["promote", "green"], 1);
    assert_eq!(
        said,
        "error: green is not ready: 1 of 2 workers ready\nhint: switchctl wait green --timeout 60s\n"
    );
    assert!(gateway.expect(&["promote", "--force"], 1).contains("force needs a reason"));
    assert_eq!(gateway.status()["live"], "blue");
    gateway.expect(&["promote", "--force", "--reason", "one is enough"], 0);
    assert_eq!(gateway.status()["live"], "green");
    let history: serde_json::Value =
        serde_json::from_slice(&gateway.switchctl(&["history", "--output", "json"]).stdout)
            .unwrap();
    assert_eq!(history["decisions"][0]["forced"], true);
    assert_eq!(history["decisions"][0]["uid"], rustix::process::getuid().as_raw());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_hides_its_fingerprint_is_refused() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    green.state.set_health(serde_json::json!({"status": "ready"}));
    let gateway = Gateway::start(&[blue.address], &[green.address], "").await;
    gateway.wait("green");
    assert!(gateway.expect(&["promote"], 1).contains("its fingerprint is unknown"));
    assert!(gateway.expect(&["promote", "--dry-run"], 1).contains("its fingerprint is unknown"));
    assert!(gateway.expect(&["rollback"], 1).contains("nothing to roll back to"));
    assert_eq!(gateway.status()["attempt"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_promotions_at_once_one_wins() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let gateway = Gateway::start(&[blue.address], &[green.address], "").await;
    gateway.wait("blue");
    gateway.wait("green");
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..2).map(|_| scope.spawn(|| gateway.switchctl(&["promote", "green"]))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut codes: Vec<_> = outputs.iter().map(|output| output.status.code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)]);
    let loser = outputs.iter().find(|output| output.status.code() == Some(1)).unwrap();
    let said = String::from_utf8_lossy(&loser.stderr);
    assert!(said.contains("already live") || said.contains("still being recorded"), "{said}");
    assert_eq!(
        (gateway.status()["live"].as_str(), gateway.status()["attempt"].as_u64()),
        (Some("green"), Some(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_cannot_be_written_moves_nothing() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let gateway = Gateway::start(&[blue.address], &[green.address], "").await;
    gateway.wait("blue");
    gateway.wait("green");
    // Root may write read-only files, so the disk is made full instead: no file of the gateway may grow.
    let pid = rustix::process::Pid::from_raw(i32::try_from(gateway.process.pid()).unwrap());
    let limit = rustix::process::Rlimit { current: Some(0), maximum: None };
    let before = rustix::process::prlimit(pid, rustix::process::Resource::Fsize, limit).unwrap();
    let said = gateway.expect(&["promote"], 1);
    assert!(
        said.contains("error: the decision could not be recorded, so blue stays live"),
        "{said}"
    );
    assert!(
        said.contains("  caused by: ")
            && said.contains("var/switchyard.db")
            && said.contains("hint: "),
        "{said}"
    );
    assert_eq!(
        (gateway.status()["live"].as_str(), gateway.status()["phase"].as_str()),
        (Some("blue"), Some("steady"))
    );
    rustix::process::prlimit(pid, rustix::process::Resource::Fsize, before).unwrap();
    gateway.expect(&["promote"], 0);
    assert_eq!(gateway.status()["live"], "green");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_private_and_a_second_gateway_is_refused() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = Gateway::start(&[blue.address], &[], "").await;
    let mode = |path: &str| {
        std::fs::metadata(gateway.directory.path().join(path)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("run"), mode("run/switchyard.sock")), (0o700, 0o660));
    let second =
        processes::run("switchyard", &["--config", "gateway.yaml"], gateway.directory.path());
    assert_eq!(second.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&second.stderr)
            .contains("another gateway answers on run/switchyard.sock")
    );
}

#[test]
fn check_names_the_line_the_key_and_the_nearest_key() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.yaml");
    std::fs::write(&file, settings(&[], &[], "passive: { max_fail: 3 }")).unwrap();
    let output =
        processes::run("switchyard", &["--config", "gateway.yaml", "--check"], directory.path());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: gateway.yaml:8: unknown key `passive.max_fail`\n\
         hint: did you mean `max_fails`? valid keys here: max_fails, fail_timeout\n"
    );
    std::fs::write(&file, settings(&[], &[], "")).unwrap();
    let output =
        processes::run("switchyard", &["--config", "gateway.yaml", "--check"], directory.path());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        processes::run("switchyard", &["--chekc"], directory.path()).status.code(),
        Some(64)
    );
    assert_eq!(
        processes::run("switchctl", &["promote", "red"], directory.path()).status.code(),
        Some(64)
    );
    assert_eq!(processes::run("switchctl", &["status"], directory.path()).status.code(), Some(2));
}
