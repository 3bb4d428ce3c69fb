//! TLS with real certificates, HTTP/2 with and without it, asked with curl.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::{self, Gateway};
use switchyard_tests::harness::processes::eventually;

/// A self-signed certificate for a name, as `<name>.pem` and `<name>.key`.
fn certificate(folder: &Path, file: &str, name: &str) {
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-keyout", &format!("{file}.key"), "-out", &format!("{file}.pem")])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn secure(blue: std::net::SocketAddr) -> Gateway {
    let directory = tempfile::tempdir().unwrap();
    certificate(directory.path(), "one", "one.test");
    certificate(directory.path(), "two", "two.test");
    let listen = "https: \"127.0.0.1:0\", tls: { certificates: [\
                  { certificate: one.pem, key: one.key }, { certificate: two.pem, key: two.key }] }";
    let settings = gateway::settings(&[blue], &[], "limits: { header_timeout: 1s }")
        .replace("http: \"127.0.0.1:0\"", listen);
    std::fs::write(directory.path().join("gateway.yaml"), settings).unwrap();
    Gateway::start_in(directory).await
}

/// curl, which says an answer's body, then its HTTP version and its status.
fn command(gateway: &Gateway, arguments: &[&str], name: &str, path: &str) -> Command {
    let port = gateway.address.port();
    let scheme = if arguments.contains(&"--cacert") { "https" } else { "http" };
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--max-time", "20"])
        .args(["--write-out", " %{http_version} %{http_code}"])
        .args(["--resolve", &format!("{name}:{port}:127.0.0.1")])
        .args(arguments)
        .arg(format!("{scheme}://{name}:{port}{path}"))
        .current_dir(gateway.directory.path());
    command
}

/// What curl says about an answer.
fn curl(gateway: &Gateway, arguments: &[&str], name: &str, path: &str) -> Result<String, String> {
    let output = command(gateway, arguments, name, path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_name_gets_its_certificate_and_http_2_is_offered() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = secure(blue.address).await;
    gateway.wait("blue");
    for name in ["one", "two"] {
        let authority = format!("{name}.pem");
        let host = format!("{name}.test");
        let answer = curl(&gateway, &["--cacert", &authority], &host, "/").unwrap();
        assert_eq!(answer, "{\"worker\":\"blue\"} 2 200");
        let answer = curl(&gateway, &["--cacert", &authority, "--http1.1"], &host, "/").unwrap();
        assert_eq!(answer, "{\"worker\":\"blue\"} 1.1 200");
    }
    let (seen, _) = blue.state.last().unwrap();
    assert_eq!(seen.headers["x-forwarded-proto"], "https");
    assert!(curl(&gateway, &["--cacert", "one.pem"], "two.test", "/").is_err());
    let old = ["--cacert", "one.pem", "--tls-max", "1.1"];
    assert!(curl(&gateway, &old, "one.test", "/").is_err(), "TLS 1.1 is not spoken");
    let stream = curl(&gateway, &["--cacert", "one.pem"], "one.test", "/stream?events=3&every=5");
    assert!(stream.unwrap().ends_with("data: blue 2\n\n 2 200"));
    let body = "x".repeat(200_000);
    std::fs::write(gateway.directory.path().join("body"), &body).unwrap();
    let posted =
        curl(&gateway, &["--cacert", "one.pem", "--data-binary", "@body"], "one.test", "/");
    assert_eq!(posted.unwrap(), "{\"worker\":\"blue\"} 2 200");
    assert_eq!(blue.state.last().unwrap().1.len(), body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_used_after_a_reload_and_a_broken_one_is_not() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = secure(blue.address).await;
    gateway.wait("blue");
    let folder = gateway.directory.path();
    std::fs::copy(folder.join("one.pem"), folder.join("old.pem")).unwrap();
    std::fs::write(folder.join("one.pem"), "no certificate at all").unwrap();
    let refused = gateway.expect(&["reload"], 1);
    assert!(refused.contains("one.pem"), "{refused}");
    assert!(curl(&gateway, &["--cacert", "old.pem"], "one.test", "/").is_ok());
    certificate(folder, "one", "one.test");
    gateway.expect(&["reload"], 0);
    assert!(curl(&gateway, &["--cacert", "one.pem"], "one.test", "/").is_ok());
    assert!(curl(&gateway, &["--cacert", "old.pem"], "one.test", "/").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_cuts_no_answer_over_tls() {
    let blue = FakeWorker::start("blue", "v1").await;
    let mut gateway = secure(blue.address).await;
    gateway.wait("blue");
    let begin = |gateway: &Gateway, version: &str| {
        let arguments = ["--cacert", "one.pem", version];
        let mut curl = command(gateway, &arguments, "one.test", "/stream?events=150&every=20");
        curl.stdout(Stdio::piped()).spawn().unwrap()
    };
    let running = ["--http1.1", "--http2"].map(|version| begin(&gateway, version));
    eventually("both are being answered", Duration::from_secs(5), async || {
        (gateway.status()["slots"]["blue"]["in_flight"] == 2).then_some(())
    })
    .await;
    let mut old = gateway.upgrade().await;
    assert!(old.is_running(), "it has left its answers behind:\n{}", old.log_text());
    for version in ["1.1", "2"] {
        let asked = format!("--http{version}");
        let answer = curl(&gateway, &["--cacert", "one.pem", &asked], "one.test", "/").unwrap();
        assert_eq!(answer, format!("{{\"worker\":\"blue\"}} {version} 200"));
    }
    for (curl, version) in running.into_iter().zip(["1.1", "2"]) {
        let output = curl.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.ends_with(&format!("data: blue 149\n\n {version} 200")), "{text}");
    }
    assert!(old.wait(Duration::from_secs(20)).success(), "{}", old.log_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_spoken_without_tls_too() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.wait("blue");
    let answer = curl(&gateway, &["--http2-prior-knowledge"], "door.test", "/").unwrap();
    assert_eq!(answer, "{\"worker\":\"blue\"} 2 200");
    let events =
        curl(&gateway, &["--http2-prior-knowledge"], "door.test", "/stream?events=2&every=5");
    assert!(events.unwrap().ends_with("data: blue 1\n\n 2 200"));
    let old = curl(&gateway, &["--http1.0"], "door.test", "/").unwrap();
    assert!(old.starts_with("{\"worker\":\"blue\"} 1.") && old.ends_with(" 200"), "{old}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_shakes_hands_is_let_go() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = secure(blue.address).await;
    gateway.wait("blue");
    let _silent = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    eventually("the silent connection is closed", Duration::from_secs(5), async || {
        (gateway.metric("switchyard_connections_failed_total").await == 1.0).then_some(())
    })
    .await;
}
