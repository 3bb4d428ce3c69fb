//! Who the client is: only trusted proxies may say.

use std::net::SocketAddr;

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::{self, Gateway};
use switchyard_tests::harness::http::{self, Connection};

/// A gateway whose `listen` has more in it.
async fn listening(blue: SocketAddr, more: &str) -> Gateway {
    let directory = tempfile::tempdir().unwrap();
    let settings = gateway::settings(&[blue], &[], "")
        .replace("http: \"127.0.0.1:0\"", &format!("http: \"127.0.0.1:0\", {more}"));
    std::fs::write(directory.path().join("gateway.yaml"), settings).unwrap();
    Gateway::start_in(directory).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_speaks_for_clients() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway =
        listening(blue.address, "trusted_proxies: [\"127.0.0.0/8\", \"10.0.0.0/8\"]").await;
    gateway.wait("blue");
    let mut request = http::request("GET", "/", "");
    request
        .headers_mut()
        .insert("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.1.1.1".parse().unwrap());
    request.headers_mut().insert("x-forwarded-proto", "https".parse().unwrap());
    Connection::open(gateway.address).await.unwrap().send(request).await.unwrap();
    let (seen, _) = blue.state.last().unwrap();
    for (name, value) in [
        ("x-real-ip", "203.0.113.9"),
        ("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.1.1.1, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
    ] {
        assert_eq!(seen.headers[name], value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_protocol_names_the_client() {
    let blue = FakeWorker::start("blue", "v1").await;
    let more = "proxy_protocol: true, trusted_proxies: [\"127.0.0.1\"]";
    let gateway = listening(blue.address, more).await;
    gateway.wait("blue");
    let v1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 5555 80\r\n".to_vec();
    let mut v2 = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    v2.extend_from_slice(&[0x21, 0x11, 0, 12, 192, 0, 2, 7, 10, 0, 0, 1, 0x15, 0xb3, 0, 80]);
    for mut bytes in [v1, v2] {
        bytes.extend_from_slice(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = http::raw(gateway.address, &bytes).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (seen, _) = blue.state.last().unwrap();
        assert_eq!(seen.headers["x-real-ip"], "192.0.2.7");
    }
    let answer = http::raw(gateway.address, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(answer, "", "a connection without the header is closed");
    assert_eq!(gateway.metric("switchyard_connections_failed_total").await, 1.0);
}
