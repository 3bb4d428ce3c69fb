//! Many streams that say something once in a while: how much later an event arrives through a proxy, and how much memory
//! a stream takes there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use switchyard_tests::harness::fake_worker;
use switchyard_tests::harness::memory::resident;
use switchyard_tests::harness::peers::Proxy;
use switchyard_tests::harness::report::{Report, number, percentile};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

/// How many streams are being opened at once.
const OPENING: usize = 64;
/// HTTP/2 streams that share a connection of the clients.
const SHARING: usize = 100;

/// How clients reach the proxy. With a connection for each stream a proxy needs two files a stream, of which a process may
/// not have as many as one likes; over HTTP/2 it needs one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Http {
    One,
    Two,
}

pub(super) async fn run(arguments: &[String], streams: usize) -> Report {
    let every = number(arguments, "--every", 2);
    let seconds = number(arguments, "--seconds", 20);
    let http = if arguments.iter().any(|it| it == "--http2") { Http::Two } else { Http::One };
    let zero = Instant::now();
    let mut rows = Vec::new();
    let mut alone = 0.0;
    // The origin speaks HTTP/1 only, and this process has both ends of its connections.
    let first = if http == Http::Two { 1 } else { 0 };
    for which in first..4 {
        let origins = [origin(zero, every).await, origin(zero, every).await];
        let proxy = match which {
            0 => None,
            1 => Some(Proxy::switchyard(origins).await),
            2 => Some(Proxy::nginx(origins).await),
            _ => Some(Proxy::haproxy(origins).await),
        };
        let (address, http) = match (&proxy, http) {
            (None, _) => (origins[0], Http::One),
            (Some(proxy), Http::One) => (proxy.address, http),
            (Some(proxy), Http::Two) => (proxy.http2, http),
        };
        // What the first requests make once and for all is not the streams'.
        let _ = listen_and(zero, address, http, 50, 1, || ()).await;
        let before = proxy.as_ref().map_or(0, |proxy| resident(proxy.process.pid()));
        let (delays, refused, after) = listen_and(zero, address, http, streams, seconds, || {
            proxy.as_ref().map_or(0, |proxy| resident(proxy.process.pid()))
        })
        .await;
        let (p50, p99) = (percentile(&delays, 0.5), percentile(&delays, 0.99));
        if proxy.is_none() {
            alone = p99;
        }
        let bytes = after.saturating_sub(before) as f64 / (streams - refused) as f64;
        rows.push(vec![
            proxy.as_ref().map_or("origin alone", |proxy| proxy.name).to_owned(),
            format!("{p50:.2} ms"),
            format!("{p99:.2} ms"),
            if first == 0 { format!("{:.2} ms", p99 - alone) } else { "-".to_owned() },
            if proxy.is_some() { format!("{:.1} KiB", bytes / 1024.0) } else { "-".to_owned() },
            refused.to_string(),
        ]);
    }
    Report {
        name: match http {
            Http::One => "gateway-streams",
            Http::Two => "gateway-streams-http2",
        },
        work: format!(
            "{streams} streams at once{}, each with an event every {every} s, for {seconds} s; delay from writing an event to reading it; \
             memory: what all processes of the proxy have resident, after opening less before",
            if http == Http::Two { ", 100 on each HTTP/2 connection of the clients" } else { "" }
        ),
        columns: vec![
            "proxy",
            "delay p50",
            "delay p99",
            "added p99",
            "memory per stream",
            "refused",
        ],
        rows,
    }
}

/// Gives the time of each event as its data, in nanoseconds since `zero`; answers `/health`, too.
async fn origin(zero: Instant, every: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let turn = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let turn = turn.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move { drop(serve(stream, zero, every, turn).await) });
        }
    });
    address
}

async fn serve(
    mut stream: TcpStream,
    zero: Instant,
    every: usize,
    turn: usize,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut part = [0; 2048];
            let read = stream.read(&mut part).await?;
            if read == 0 {
                return Ok(());
            }
            head.extend_from_slice(&part[..read]);
        }
        if head.starts_with(b"GET /health") {
            let health = fake_worker::health("v1").to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{health}",
                health.len()
            );
            stream.write_all(answer.as_bytes()).await?;
            continue;
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            .await?;
        let every = Duration::from_secs(every as u64);
        // Events of different streams are spread over the time.
        tokio::time::sleep(every.mul_f64((turn % 997) as f64 / 997.0)).await;
        loop {
            let event = format!("data: {:020}\n\n", zero.elapsed().as_nanos());
            stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
            tokio::time::sleep(every).await;
        }
    }
}

/// Opens the streams, reads them for some seconds, and asks `question` while all are open. Gives delays in milliseconds.
async fn listen_and<T>(
    zero: Instant,
    address: SocketAddr,
    http: Http,
    streams: usize,
    seconds: usize,
    question: impl Fn() -> T,
) -> (Vec<f64>, usize, T) {
    let (opened, mut all_opened) = mpsc::channel::<bool>(streams);
    let (tell, mut told) = mpsc::unbounded_channel::<f64>();
    let opening = Arc::new(Semaphore::new(OPENING));
    let mut clients = tokio::task::JoinSet::new();
    let mut shared = None;
    for number in 0..streams {
        let (opened, opening) = (opened.clone(), Arc::clone(&opening));
        let tell = Tell { zero, tell: tell.clone() };
        match http {
            Http::One => clients.spawn(read_alone(address, opened, opening, tell)),
            Http::Two => {
                if number % SHARING == 0 {
                    let stream = TcpStream::connect(address).await.unwrap();
                    let (client, connection) = h2::client::handshake(stream).await.unwrap();
                    tokio::spawn(connection);
                    shared = Some(client);
                }
                let client = shared.clone().unwrap().ready().await.unwrap();
                clients.spawn(read_shared(client, address, opened, opening, tell))
            }
        };
    }
    let mut refused = 0;
    for _ in 0..streams {
        refused += usize::from(!all_opened.recv().await.unwrap());
    }
    // What was told while streams were being opened is not counted.
    while told.try_recv().is_ok() {}
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds as u64);
    let mut delays = Vec::new();
    while let Ok(Some(delay)) = tokio::time::timeout_at(until, told.recv()).await {
        delays.push(delay);
    }
    let answer = question();
    drop(told);
    for _ in 0..refused {
        clients.join_next().await.unwrap().unwrap();
    }
    assert!(clients.try_join_next().is_none(), "a stream was cut");
    clients.shutdown().await;
    (delays, refused, answer)
}

/// Takes the lines of one stream.
struct Tell {
    zero: Instant,
    tell: mpsc::UnboundedSender<f64>,
}

impl Tell {
    /// `false` when nobody wants to know any more.
    fn line(&self, line: &str) -> bool {
        let Some(at) = line.strip_prefix("data: ") else { return true };
        let delay = self.zero.elapsed().as_nanos() as f64 - at.trim().parse::<f64>().unwrap();
        self.tell.send(delay / 1e6).is_ok()
    }
}

/// One stream on a connection of its own.
async fn read_alone(
    address: SocketAddr,
    opened: mpsc::Sender<bool>,
    opening: Arc<Semaphore>,
    tell: Tell,
) {
    let place = opening.acquire_owned().await.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /stream HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut lines = BufReader::with_capacity(512, stream).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    drop(place);
    opened.send(true).await.unwrap();
    while let Ok(Some(line)) = lines.next_line().await {
        if !tell.line(&line) {
            return;
        }
    }
    panic!("a stream was cut");
}

/// One of the streams on a connection.
async fn read_shared(
    mut client: h2::client::SendRequest<Bytes>,
    address: SocketAddr,
    opened: mpsc::Sender<bool>,
    opening: Arc<Semaphore>,
    tell: Tell,
) {
    let place = opening.acquire_owned().await.unwrap();
    let request = http::Request::get(format!("http://{address}/stream"))
        .header("accept", "text/event-stream")
        .body(())
        .unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let response = response.await.unwrap();
    drop(place);
    if response.status() != 200 {
        return opened.send(false).await.unwrap();
    }
    opened.send(true).await.unwrap();
    let mut body = response.into_body();
    let mut held = String::new();
    while let Some(Ok(data)) = body.data().await {
        body.flow_control().release_capacity(data.len()).unwrap();
        held.push_str(std::str::from_utf8(&data).unwrap());
        while let Some(end) = held.find('\n') {
            if !tell.line(&held[..end]) {
                return;
            }
            held.drain(..=end);
        }
    }
    panic!("a stream was cut");
}
