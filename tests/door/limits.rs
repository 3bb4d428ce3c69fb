//! Limits on size and time.

use std::time::{Duration, Instant};

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_with_its_own_status() {
    let blue = FakeWorker::start("blue", "v1").await;
    let extra = "limits: { request_body: 1KiB, request_header: 2KiB }";
    let gateway = Gateway::start(&[blue.address], &[], extra).await;
    gateway.wait("blue");
    let answer = http::post(gateway.address, "/", &"x".repeat(1_024)).await.unwrap();
    assert_eq!(answer.status, 200);
    let answer = http::post(gateway.address, "/", &"x".repeat(1_025)).await.unwrap();
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (413, Some("request_too_large"))
    );
    let chunks = format!("{:x}\r\n{}\r\n", 600, "y".repeat(600)).repeat(2);
    let chunked = format!(
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    );
    let answer = http::raw(gateway.address, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "z".repeat(3_000));
    let answer = http::raw(gateway.address, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

/// Sends a byte now and then until the connection is closed. Gives how long that took.
async fn drip(gateway: &Gateway, first: &str) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    let mut answer = [0; 1024];
    loop {
        match tokio::time::timeout(Duration::from_millis(100), stream.read(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => return began.elapsed(),
            Ok(Ok(_)) => {}
            Err(_) => {
                let _ = stream.write_all(b"a").await;
            }
        }
        assert!(began.elapsed() < Duration::from_secs(30), "the connection is still open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_drips_in_is_cut_off() {
    let blue = FakeWorker::start("blue", "v1").await;
    let extra = "limits: { header_timeout: 1s, keep_alive: 2s }";
    let gateway = Gateway::start(&[blue.address], &[], extra).await;
    gateway.wait("blue");
    for first in ["", "G", "GET / HTTP/1.1\r\nx-drip: "] {
        let took = drip(&gateway, first).await;
        assert!(took < Duration::from_secs(4), "{first:?}: {took:?}");
    }
    // The second request of a connection has its own time.
    let whole = "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HT";
    let took = drip(&gateway, whole).await;
    assert!(took < Duration::from_secs(6), "{took:?}");
    // An answer may take longer than a header.
    let answer = http::get(gateway.address, "/slow?every=2500").await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_is_given_up_and_an_idle_connection_closed() {
    let blue = FakeWorker::start("blue", "v1").await;
    let extra = "limits: { body_timeout: 500ms, keep_alive: 1s }";
    let gateway = Gateway::start(&[blue.address], &[], extra).await;
    gateway.wait("blue");
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    // A worker may take longer to answer than a client to ask.
    let slow = http::get(gateway.address, "/slow?every=1500").await.unwrap();
    assert_eq!(slow.status, 200);
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_limit_are_closed_and_counted() {
    let blue = FakeWorker::start("blue", "v1").await;
    let gateway = Gateway::start(&[blue.address], &[], "limits: { connections: 2 }").await;
    gateway.wait("blue");
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut connection = http::Connection::open(gateway.address).await.unwrap();
        assert_eq!(connection.get("/").await.unwrap().status, 200);
        kept.push(connection);
    }
    assert!(http::get(gateway.address, "/").await.is_err());
    assert_eq!(gateway.metric("switchyard_connections_refused_total").await, 1.0);
}
