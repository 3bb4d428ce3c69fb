//! Drive mode with a real nginx: Switchyard decides, nginx carries the requests.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::peers::free_address;
use switchyard_tests::harness::processes::{Process, eventually};

/// A gateway without a front door, an nginx that follows it, and the workers of both slots.
struct Driven {
    blue: FakeWorker,
    green: FakeWorker,
    nginx: Process,
    /// Where nginx listens.
    address: SocketAddr,
    gateway: Gateway,
}

fn nginx_arguments(folder: &Path) -> Vec<String> {
    let folder = folder.display();
    [
        "-p".to_owned(),
        folder.to_string(),
        "-c".to_owned(),
        format!("{folder}/nginx.conf"),
        "-g".to_owned(),
        format!("pid {folder}/nginx.pid;"),
    ]
    .into()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Driven {
    /// `reload` takes the place of nginx's own command when it is not empty; `{nginx}` in it stands for that.
    async fn start(reload: &str) -> Self {
        let blue = FakeWorker::start("blue", "v1").await;
        let green = FakeWorker::start("green", "v2").await;
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path();
        let address = free_address();
        std::fs::create_dir(folder.join("sites")).unwrap();
        std::fs::write(
            folder.join("nginx.conf"),
            format!(
                "worker_processes 2;\nerror_log stderr warn;\nevents {{ worker_connections 256; }}\nhttp {{\n  access_log off;\n  \
                 include sites/*.conf;\n  server {{\n    listen {address};\n    location / {{\n      proxy_pass http://switchyard_live;\n      \
                 proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_buffering off;\n    }}\n  }}\n}}\n"
            ),
        )
        .unwrap();
        git(folder, &["init", "--quiet", "sites"]);
        let arguments = nginx_arguments(folder);
        let command = format!("exec nginx {} -s reload", quoted(&arguments));
        let reload = if reload.is_empty() { command } else { reload.replace("{nginx}", &command) };
        let test = format!("exec nginx {} -t", quoted(&arguments));
        let settings = serde_json::json!({
            "admin": { "socket": "run/switchyard.sock" },
            "state": "var/switchyard.db",
            "slots": {
                "blue": { "workers": [blue.address.to_string()] },
                "green": { "workers": [green.address.to_string()] },
            },
            "health": { "interval": "50ms", "timeout": "500ms" },
            "drive": {
                "upstream_file": "sites/live.conf",
                "test": ["sh", "-c", test],
                "reload": ["sh", "-c", reload],
                "confirm": { "address": address.to_string(), "timeout": "3s" },
                "git": "sites",
            },
        });
        std::fs::write(folder.join("gateway.yaml"), settings.to_string()).unwrap();
        let gateway = Gateway::start_in(directory).await;
        gateway.wait("blue");
        gateway.wait("green");
        let folder = gateway.directory.path();
        // nginx can start as soon as there is a file of live workers.
        eventually("the first file is there", Duration::from_secs(10), async || {
            folder.join("sites/live.conf").exists().then_some(())
        })
        .await;
        let mut arguments = nginx_arguments(folder);
        if let Some(directives) = arguments.last_mut() {
            directives.push_str(" daemon off;");
        }
        let mut command = Command::new("nginx");
        command.args(arguments);
        let nginx = Process::start_command("nginx", command, folder);
        let driven = Self { blue, green, nginx, address, gateway };
        driven.serves("blue").await;
        driven
    }

    /// Waits until the recorded decision has been followed.
    async fn serves(&self, slot: &str) {
        eventually("nginx follows", Duration::from_secs(20), async || {
            let state = self.gateway.status()["drive"].as_str().unwrap().to_owned();
            state.contains(&format!("live.conf serves {slot}, confirmed")).then_some(())
        })
        .await;
        assert_eq!(self.answers().await, slot);
    }

    async fn answers(&self) -> String {
        let answer = http::get(self.address, "/").await.unwrap();
        answer.json()["worker"].as_str().unwrap().to_owned()
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.gateway.directory.path().join("sites/live.conf")).unwrap()
    }
}

fn quoted(arguments: &[String]) -> String {
    arguments.iter().map(|argument| format!("'{argument}'")).collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_follows_a_promotion_and_a_rollback_under_load() {
    let driven = Driven::start("").await;
    assert!(driven.file().contains(&format!("server {};", driven.blue.address)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (stop, address) = (Arc::clone(&stop), driven.address);
        clients.spawn(async move {
            let mut count = 0;
            while !stop.load(Ordering::SeqCst) {
                let answer = http::post(address, "/v1/chat/completions", "{}").await.unwrap();
                assert_eq!(answer.status, 200);
                count += 1;
            }
            count
        });
    }
    let mut connection = Connection::open(driven.address).await.unwrap();
    let stream = connection.begin(http::request("GET", "/stream?events=150&every=20", "")).await;
    let said = driven.gateway.expect(&["promote", "--reason", "new handbook"], 0);
    assert!(said.contains("green is live (attempt 1)"), "{said}");
    for _ in 0..20 {
        assert_eq!(driven.answers().await, "green", "confirmed means that everybody gets green");
    }
    // The stream runs in an old process of nginx: blue is not drained before it has ended.
    let shown = driven.gateway.expect(&["drain"], 0);
    assert!(shown.contains("not safe to stop"), "{shown}");
    let whole = stream.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(String::from_utf8_lossy(&whole).matches("data: blue").count(), 150);
    drop(connection);
    driven.gateway.expect(&["drain", "blue", "--watch", "--timeout", "20s"], 0);
    driven.gateway.expect(&["rollback", "--reason", "it was better before"], 0);
    assert_eq!(driven.answers().await, "blue");
    stop.store(true, Ordering::SeqCst);
    let mut answered = 0;
    while let Some(count) = clients.join_next().await {
        answered += count.unwrap();
    }
    assert!(answered > 100, "only {answered} requests were answered");
    let log = git(&driven.gateway.directory.path().join("sites"), &["log", "--format=%B"]);
    for expected in
        ["promote blue → green (attempt 1)", "new handbook", "rollback green → blue", "By: "]
    {
        assert!(log.contains(expected), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nginx_refuses_changes_nothing() {
    let mut driven = Driven::start("").await;
    let before = driven.file();
    // The first file may have been written before nginx was there to follow.
    let not_followed = driven.gateway.metric("switchyard_not_followed_total").await;
    let broken = driven.gateway.directory.path().join("sites/zz.conf");
    std::fs::write(&broken, "nonsense;\n").unwrap();
    let said = driven.gateway.expect(&["promote"], 1);
    assert!(said.contains("could not be carried out, so blue stays live"), "{said}");
    assert!(said.contains("unknown directive") && said.contains("nonsense"), "{said}");
    assert_eq!(driven.file(), before);
    assert_eq!(driven.answers().await, "blue");
    assert_eq!(driven.gateway.status()["live"], "blue");
    assert!(driven.gateway.expect(&["history"], 0).contains("withdrawn"));
    assert_eq!(driven.gateway.metric("switchyard_not_followed_total").await, not_followed + 1.0);
    // It does not come back with a restart, either; and the next attempt has a number of its own.
    driven.gateway.crash_and_restart().await;
    assert_eq!(driven.gateway.status()["live"], "blue");
    std::fs::remove_file(&broken).unwrap();
    driven.serves("blue").await;
    driven.gateway.wait("green");
    assert!(driven.gateway.expect(&["promote"], 0).contains("green is live (attempt 2)"));
    driven.serves("green").await;
    assert!(driven.nginx.is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_does_nothing_is_found_out() {
    let driven = Driven::start("test -e deaf || {nginx}").await;
    let before = driven.file();
    std::fs::write(driven.gateway.directory.path().join("deaf"), "").unwrap();
    let said = driven.gateway.expect(&["promote"], 1);
    assert!(said.contains("green does not answer through"), "{said}");
    assert!(said.contains("which green does not"), "{said}");
    assert_eq!(driven.file(), before);
    assert_eq!(driven.answers().await, "blue");
    let _ = &driven.green;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_is_made_good_at_the_next_start() {
    let mut driven = Driven::start("test ! -e slow || sleep 30; {nginx}").await;
    let slow = driven.gateway.directory.path().join("slow");
    std::fs::write(&slow, "").unwrap();
    let directory = driven.gateway.directory.path().to_owned();
    let promote = tokio::task::spawn_blocking(move || {
        switchyard_tests::harness::processes::run("switchctl", &["promote"], &directory)
    });
    eventually("the file is written", Duration::from_secs(10), async || {
        driven.file().contains(&driven.green.address.to_string()).then_some(())
    })
    .await;
    // Other operators can look meanwhile: the driver waits for nobody.
    assert_eq!(driven.gateway.status()["phase"], "recording");
    assert_eq!(driven.answers().await, "blue");
    std::fs::remove_file(&slow).unwrap();
    driven.gateway.crash_and_restart().await;
    assert!(!promote.await.unwrap().status.success());
    driven.serves("green").await;
    assert_eq!(driven.gateway.status()["live"], "green");
}
