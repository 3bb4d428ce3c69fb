//! Who may come in: end users at the front door, operators at the admin API, with the real programs.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

mod limits;
mod operators;
mod provider;
mod users;

use http_body_util::Full;
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::{Gateway, settings};
use switchyard_tests::harness::http::{Answer, Connection, request};
use switchyard_tests::harness::processes;

/// A gateway with one worker a slot, in a directory that `prepare` may put files into.
async fn gateway(
    extra: &str,
    prepare: impl FnOnce(&std::path::Path),
) -> (Gateway, FakeWorker, FakeWorker) {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path());
    // `admin` and the top level are both open to a test.
    let (admin, extra) = extra.split_once("---\n").unwrap_or(("", extra));
    let text = settings(&[blue.address], &[green.address], extra)
        .replace("run/switchyard.sock\" }", &format!("run/switchyard.sock\"{admin} }}"));
    std::fs::write(directory.path().join("gateway.yaml"), text).unwrap();
    let gateway = Gateway::start_in(directory).await;
    gateway.wait("blue");
    gateway.wait("green");
    (gateway, blue, green)
}

/// Asks the front door, with these headers.
async fn ask(gateway: &Gateway, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut request: http::Request<Full<bytes::Bytes>> = request("GET", path, "");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    Connection::open(gateway.address).await.unwrap().send(request).await.unwrap()
}

/// `switchctl … new …` with its entry appended to `file`: the secret.
fn new_secret(directory: &std::path::Path, what: &str, arguments: &[&str], file: &str) -> String {
    let mut all = vec![what, "new", "--output", "json", "--file", file];
    all.extend(arguments);
    let output = processes::run("switchctl", &all, directory);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    said["secret"].as_str().unwrap().to_owned()
}
