//! A new process takes the listening sockets over while requests are running: none fails, none is cut.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::{Gateway, settings};
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::{self, Process, eventually};

/// Begins a long answer and gives a task that reads it to its end.
async fn long_answer(
    gateway: &Gateway,
    path: &str,
) -> tokio::task::JoinHandle<Result<String, hyper::Error>> {
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let response = connection.begin(http::request("GET", path, "")).await.unwrap();
    tokio::spawn(async move {
        let body = response.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8_lossy(&body).into_owned())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_under_load_fail_nothing_and_cut_nothing() {
    let (_blue, _green, mut gateway) = Gateway::with_two_slots("").await;
    let address = gateway.address;
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let stop = Arc::clone(&stop);
        clients.spawn(async move {
            let mut connection = Connection::open(address).await.unwrap();
            let mut count = 0;
            while !stop.load(Ordering::SeqCst) {
                let request = http::request("POST", "/v1/chat/completions", "{}");
                let answer = connection.send(request).await.unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                if answer.header("connection") == "close" {
                    connection = Connection::open(address).await.unwrap();
                }
                count += 1;
            }
            count
        });
    }
    for _ in 0..10 {
        let stop = Arc::clone(&stop);
        clients.spawn(async move {
            let mut count = 0;
            while !stop.load(Ordering::SeqCst) {
                let answer = http::get(address, "/stream?events=20&every=20").await.unwrap();
                assert_eq!(answer.body.iter().filter(|byte| **byte == b':').count(), 20);
                count += 1;
            }
            count
        });
    }
    let directory = gateway.directory.path().to_owned();
    let asked = Arc::clone(&stop);
    // Operators ask all the time, too.
    let operators = tokio::task::spawn_blocking(move || {
        let mut count = 0;
        while !asked.load(Ordering::SeqCst) {
            let output = processes::run("switchctl", &["status"], &directory);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "an operator was turned away: {said}");
            count += 1;
        }
        count
    });
    let whole = long_answer(&gateway, "/stream?events=400&every=20").await;
    let mut old = Vec::new();
    for upgrade in 0..4 {
        old.push(gateway.upgrade().await);
        gateway.expect(&[if upgrade % 2 == 0 { "promote" } else { "rollback" }], 0);
    }
    stop.store(true, Ordering::SeqCst);
    let mut answered = 0;
    while let Some(count) = clients.join_next().await {
        answered += count.unwrap();
    }
    assert!(answered > 500, "only {answered} requests were answered");
    assert!(operators.await.unwrap() > 10);
    let text = whole.await.unwrap().unwrap();
    assert_eq!(text.matches("data: blue").count(), 400, "the first process finished its answer");
    for process in &mut old {
        assert!(process.wait(Duration::from_secs(20)).success(), "{}", process.log_text());
    }
    let history = gateway.expect(&["history"], 0);
    assert_eq!(history.matches("promote blue → green").count(), 2, "{history}");
    assert!(!history.contains("interrupted"), "{history}");
    let notes = gateway.expect(&["history", "--notes"], 0);
    assert_eq!(notes.matches("takes over from process").count(), 4, "{notes}");
    // The files of the sockets are still those of the process that serves.
    assert!(gateway.directory.path().join("run/switchyard.sock").exists());
    gateway.upgrade().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_goes_on_across_an_upgrade_and_its_deadline_reaches_the_old_process() {
    let (_blue, _green, mut gateway) = Gateway::with_two_slots("").await;
    let endless = long_answer(&gateway, "/stream?events=100000&every=20").await;
    let short = long_answer(&gateway, "/stream?events=60&every=50").await;
    gateway.expect(&["promote"], 0);
    let mut old = gateway.upgrade().await;
    let status = gateway.status();
    assert_eq!((&status["phase"], &status["drain"]["left"]), (&"draining".into(), &2.into()));
    let shown = gateway.expect(&["drain"], 0);
    assert!(shown.contains("not safe to stop") && shown.contains("/stream"), "{shown}");
    assert_eq!(short.await.unwrap().unwrap().matches("data: blue").count(), 60);
    eventually("one answer is left", Duration::from_secs(5), async || {
        (gateway.status()["drain"]["left"] == 1).then_some(())
    })
    .await;
    gateway.expect(&["drain", "--deadline", "300ms"], 0);
    assert!(endless.await.unwrap().is_err(), "the deadline cuts it");
    let watched = gateway.expect(&["drain", "blue", "--watch", "--timeout", "20s"], 0);
    assert!(watched.ends_with("blue: safe to stop\n"), "{watched}");
    assert!(old.wait(Duration::from_secs(10)).success());
    let history = gateway.expect(&["history"], 0);
    assert!(history.contains("drained") && !history.contains("interrupted"), "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_handed_over_to_nobody() {
    let (_blue, _green, mut gateway) = Gateway::with_two_slots("").await;
    let place = gateway.directory.path().join("run/switchyard.sock.upgrade");
    // Somebody who leaves, somebody who talks nonsense, somebody with another state file.
    drop(UnixStream::connect(&place).unwrap());
    let mut nonsense = UnixStream::connect(&place).unwrap();
    nonsense.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut stranger = UnixStream::connect(&place).unwrap();
    stranger
        .write_all(b"{\"hello\":{\"version\":\"9\",\"pid\":1,\"state\":\"/elsewhere.db\"}}\n")
        .unwrap();
    let mut said = String::new();
    BufReader::new(&stranger).read_line(&mut said).unwrap();
    assert!(said.contains("refused") && said.contains("/elsewhere.db"), "{said}");
    // Somebody who takes the sockets and leaves without a word: decisions wait, and then go on.
    let state = gateway.directory.path().canonicalize().unwrap().join("var/switchyard.db");
    let mut taker = UnixStream::connect(&place).unwrap();
    let hello = serde_json::json!({"hello": {"version": "9", "pid": 1, "state": state}});
    taker.write_all(format!("{hello}\n").as_bytes()).unwrap();
    let mut offer = String::new();
    BufReader::new(&taker).read_line(&mut offer).unwrap();
    assert!(offer.contains("\"offer\"") && offer.contains("admin_socket"), "{offer}");
    drop(taker);
    gateway.expect(&["promote"], 0);
    // A program that cannot prove the live slot.
    let blind = tempfile::tempdir().unwrap();
    let unreachable = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let text = settings(&[unreachable], &[], "")
        .replace(
            "run/switchyard.sock",
            &gateway.directory.path().join("run/switchyard.sock").display().to_string(),
        )
        .replace("var/switchyard.db", &state.display().to_string());
    std::fs::write(blind.path().join("gateway.yaml"), text).unwrap();
    let arguments = ["--config", "gateway.yaml", "--upgrade"];
    let output = processes::run("switchyard", &arguments, blind.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no worker of the live slot is ready for this process"), "{said}");
    assert!(gateway.process.is_running());
    gateway.expect(&["rollback"], 0);
    assert_eq!(http::get(gateway.address, "/").await.unwrap().json()["worker"], "blue");
    assert_eq!(gateway.status()["pid"], gateway.process.pid());
    // And where no gateway runs, there is nothing to take over.
    let empty = tempfile::tempdir().unwrap();
    std::fs::write(empty.path().join("gateway.yaml"), settings(&[unreachable], &[], "")).unwrap();
    let output = processes::run("switchyard", &arguments, empty.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no gateway waits for a successor"), "{said}");
    assert!(said.contains("leave out --upgrade"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_is_killed_halfway_changes_nothing() {
    let (blue, _green, mut gateway) = Gateway::with_two_slots("").await;
    // Its probes get no answer, so it waits to prove the live slot.
    blue.state.set_hung(true);
    let arguments = ["--config", "gateway.yaml", "--upgrade"];
    let mut successor = Process::start("switchyard", &arguments, gateway.directory.path());
    eventually("it has been offered the sockets", Duration::from_secs(10), async || {
        successor.log_text().contains("offers its listening sockets").then_some(())
    })
    .await;
    successor.kill();
    blue.state.set_hung(false);
    gateway.wait("blue");
    gateway.expect(&["promote"], 0);
    assert_eq!(http::get(gateway.address, "/").await.unwrap().json()["worker"], "green");
    gateway.upgrade().await;
    assert_eq!(http::get(gateway.address, "/").await.unwrap().json()["worker"], "green");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_starts_the_successor_and_the_service_manager_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let notified = std::os::unix::net::UnixDatagram::bind(directory.path().join("notify")).unwrap();
    notified.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let blue = FakeWorker::start("blue", "v1").await;
    std::fs::write(directory.path().join("gateway.yaml"), settings(&[blue.address], &[], ""))
        .unwrap();
    let mut command = std::process::Command::new(processes::program("switchyard"));
    command
        .args(["--config", "gateway.yaml"])
        .current_dir(directory.path())
        .env("NOTIFY_SOCKET", directory.path().join("notify"));
    let mut first = Process::start_command("switchyard", command, directory.path());
    let told = || {
        let mut datagram = [0; 256];
        let length = notified.recv(&mut datagram).unwrap();
        String::from_utf8_lossy(&datagram[..length]).into_owned()
    };
    assert_eq!(told(), format!("READY=1\nMAINPID={}\n", first.pid()));
    first.signal(rustix::process::Signal::USR2);
    let said = told();
    let second = said.strip_prefix("READY=1\nMAINPID=").unwrap().trim().parse::<u32>().unwrap();
    assert_ne!(second, first.pid());
    assert!(first.wait(Duration::from_secs(20)).success());
    let output = processes::run("switchctl", &["status", "--output", "json"], directory.path());
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["pid"], second);
    // It is nobody's child any more.
    let second = rustix::process::Pid::from_raw(i32::try_from(second).unwrap()).unwrap();
    rustix::process::kill_process(second, rustix::process::Signal::TERM).unwrap();
    eventually("the second process is gone", Duration::from_secs(10), async || {
        (!directory.path().join("run/switchyard.sock").exists()).then_some(())
    })
    .await;
}
