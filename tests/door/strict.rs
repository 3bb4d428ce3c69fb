//! Requests that two readers could understand differently are refused.

use std::path::PathBuf;

use cargo_metadata::MetadataCommand;
use serde::Deserialize;
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;

/// One case of the corpus of http_desync_guardian.
#[derive(Deserialize)]
struct Case {
    name: String,
    uri: String,
    method: String,
    version: String,
    headers: Vec<Header>,
    expected: Expected,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: serde_yaml::Value,
}

#[derive(Deserialize)]
struct Expected {
    tier: String,
}

impl Case {
    /// The request's bytes. Characters of the corpus stand for bytes.
    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} {}\r\n", self.method, self.uri, self.version);
        if !self.headers.iter().any(|header| header.name.trim().eq_ignore_ascii_case("host")) {
            text.push_str("Host: localhost\r\n");
        }
        for Header { name, value } in &self.headers {
            let value = match value {
                serde_yaml::Value::String(text) => text.clone(),
                serde_yaml::Value::Number(number) => number.to_string(),
                _ => String::new(),
            };
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
    }
}

fn corpus() -> Vec<Case> {
    let metadata = MetadataCommand::new()
        .manifest_path(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"))
        .exec()
        .unwrap();
    let package = metadata.packages.iter().find(|p| *p.name == "http_desync_guardian").unwrap();
    let folder = package.manifest_path.parent().unwrap().join("tests");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let found: Vec<Case> = serde_yaml::from_str(&text).unwrap();
            cases.extend(found);
        }
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn every_severe_case_of_the_corpus_is_refused_and_no_worker_sees_it() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.wait("blue");
    let mut severe = 0;
    for case in corpus().iter().filter(|case| case.expected.tier == "Severe") {
        severe += 1;
        let answer = http::raw(gateway.address, &case.bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{}: {answer:?}", case.name);
        assert_eq!(blue.state.requests(), 0, "{}: a worker saw it", case.name);
    }
    assert!(severe >= 45, "only {severe} cases");
}

#[tokio::test(flavor = "multi_thread")]
async fn compliant_cases_of_the_corpus_are_answered() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.wait("blue");
    let cases = corpus();
    // HTTP/1.1 has no empty target, whatever the corpus thinks of it.
    let compliant =
        || cases.iter().filter(|case| case.expected.tier == "Compliant" && !case.uri.is_empty());
    assert!(compliant().count() > 20);
    for case in compliant() {
        let mut bytes = case.bytes();
        let header =
            |name: &str| case.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        if let Some(length) = header("content-length") {
            let length = match &length.value {
                serde_yaml::Value::Number(number) => number.as_u64().unwrap(),
                other => other.as_str().unwrap().trim().parse().unwrap(),
            };
            bytes.extend(vec![b'x'; usize::try_from(length).unwrap()]);
        } else if header("transfer-encoding").is_some() {
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
        // Codings other than chunked are allowed by the RFC and refused here: no worker asks for them, and readers
        // disagree about them.
        let codings =
            case.headers.iter().filter(|h| h.name.eq_ignore_ascii_case("transfer-encoding"));
        let only_chunked = codings
            .map(|header| header.value.as_str().unwrap_or_default().trim())
            .all(|coding| coding == "chunked");
        let status = if only_chunked { "HTTP/1.1 200" } else { "HTTP/1.1 400" };
        let answer = http::raw(gateway.address, &bytes).await;
        assert!(answer.starts_with(status), "{}: {answer:?}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_behind_a_refused_request_is_taken_for_another_one() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.wait("blue");
    for first in [
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +3\r\n\r\nabc",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    ] {
        let both = format!("{first}GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n");
        let answer = http::raw(gateway.address, both.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{first:?}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{first:?}: {answer:?}");
    }
    assert_eq!(blue.state.requests(), 0);
}
