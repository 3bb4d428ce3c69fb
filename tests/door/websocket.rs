//! Upgraded connections pass through, count as running, end with their drain's deadline only, and outlive the gateway's own
//! upgrade.

use std::time::Duration;

use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::processes::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn read(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = async {
        while !bytes.ends_with(end) {
            bytes.push(stream.read_u8().await.unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(5), read).await.unwrap();
    bytes
}

/// Opens a WebSocket to a worker that says again what it is told.
async fn open(gateway: &Gateway) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream
        .write_all(
            b"GET /echo HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
              sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await
        .unwrap();
    let header = read(&mut stream, b"\r\n\r\n").await;
    assert!(header.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&header));
    stream
}

/// Says something, a full stop at its end, and hears it again.
async fn say(stream: &mut TcpStream, message: &str) {
    stream.write_all(message.as_bytes()).await.unwrap();
    assert_eq!(read(stream, b".").await, message.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_outlives_a_promotion_and_is_drained_like_any_answer() {
    let extra = "limits: { body_timeout: 300ms }";
    let (_blue, _green, gateway) = Gateway::with_two_slots(extra).await;
    let mut stream = open(&gateway).await;
    for message in ["before the switch.", "still before."] {
        say(&mut stream, message).await;
    }
    gateway.expect(&["promote"], 0);
    // Silence for longer than a body may be silent: nothing of the kind is being sent.
    let silence = tokio::time::timeout(Duration::from_millis(900), stream.read_u8()).await;
    assert!(silence.is_err(), "the connection was cut");
    let shown = gateway.expect(&["drain"], 0);
    assert!(shown.contains("GET /echo") && shown.contains("answers are running: 1"), "{shown}");
    say(&mut stream, "after it.").await;
    drop(stream);
    eventually("the drain is over", Duration::from_secs(5), async || {
        (gateway.status()["phase"] == "steady").then_some(())
    })
    .await;
    gateway.expect(&["drain", "--watch", "--timeout", "5s"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_outlives_an_upgrade_and_the_old_process_waits_for_it() {
    let (_blue, _green, mut gateway) = Gateway::with_two_slots("").await;
    let mut stream = open(&gateway).await;
    say(&mut stream, "before the upgrade.").await;
    let mut old = gateway.upgrade().await;
    say(&mut stream, "after it.").await;
    let mut another = open(&gateway).await;
    say(&mut another, "with the new process.").await;
    assert!(old.is_running(), "it has left its connection behind:\n{}", old.log_text());
    drop(stream);
    assert!(old.wait(Duration::from_secs(10)).success(), "{}", old.log_text());
    say(&mut another, "and still.").await;
}
