//! What a request and its answer look like on the way.

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_sees_who_asks_and_the_client_sees_who_answered() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.wait("blue");
    let mut request = http::request("POST", "/v1/chat/completions", r#"{"stream":false}"#);
    let headers = request.headers_mut();
    headers.insert("host", "kb.example.com".parse().unwrap());
    headers.insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
    headers.insert("x-real-ip", "6.6.6.6".parse().unwrap());
    headers.insert("x-request-id", "mine-42".parse().unwrap());
    let answer = Connection::open(gateway.address).await.unwrap().send(request).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-switchyard-slot"), "blue");
    assert_eq!(answer.header("x-switchyard-release"), "fake@v1");
    assert_eq!(answer.header("x-request-id"), "mine-42");
    let (seen, body) = blue.state.last().unwrap();
    assert_eq!(body, r#"{"stream":false}"#);
    for (name, value) in [
        ("host", "kb.example.com"),
        // Nobody in front is trusted: what the client says about itself is not passed on.
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-request-id", "mine-42"),
    ] {
        assert_eq!(seen.headers.get(name).unwrap(), value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_whose_end_is_doubtful_are_refused() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = Gateway::start(&[blue.address], &[], "").await;
    gateway.wait("blue");
    for headers in [
        "host: a\r\ncontent-length: 3\r\ncontent-length: 3\r\n",
        "host: a\r\ncontent-length: 3,3\r\n",
        "host: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n",
        "content-length: 3\r\n",
    ] {
        let answer =
            http::raw(gateway.address, format!("POST / HTTP/1.1\r\n{headers}\r\nabc").as_bytes())
                .await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{headers:?}: {answer}");
    }
    assert_eq!(blue.state.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_may_be_named_only_where_the_settings_allow_it() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let ask = |gateway: &Gateway| {
        let address = gateway.address;
        async move {
            let mut request = http::request("GET", "/", "");
            request.headers_mut().insert("x-switchyard-slot", "green".parse().unwrap());
            Connection::open(address).await.unwrap().send(request).await.unwrap()
        }
    };
    let strict = Gateway::start(&[blue.address], &[green.address], "").await;
    strict.wait("green");
    assert_eq!(ask(&strict).await.status, 403);
    let open =
        Gateway::start(&[blue.address], &[green.address], "routing: { allow_slot_header: true }")
            .await;
    open.wait("green");
    assert_eq!(ask(&open).await.json()["worker"], "green");
}
