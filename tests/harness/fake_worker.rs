//! A pretended worker in this process: identity, readiness, speed and misbehavior can be set while it runs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A pretended worker. Dropping it closes its listener and every connection.
pub struct FakeWorker {
    pub address: SocketAddr,
    pub state: Arc<State>,
    task: JoinHandle<()>,
}

/// What a pretended worker does; change it at any time.
pub struct State {
    name: String,
    health: Mutex<Value>,
    ready: AtomicBool,
    /// Answers nothing, not even `/health`, as if stopped with SIGSTOP.
    hung: AtomicBool,
    /// Ends its connections in the middle of a stream.
    dies: AtomicBool,
    /// Closes the connection instead of answering, but for `/health`.
    breaks: AtomicBool,
    /// Answers chat requests as our workers do.
    chats: AtomicBool,
    requests: AtomicU64,
    last: Mutex<Option<(http::request::Parts, Bytes)>>,
}

impl FakeWorker {
    /// Starts a ready worker on a free port; `name` is in its answers, and `tag` names the knowledge base it serves.
    pub async fn start(name: &str, tag: &str) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), name, tag).await
    }

    /// The same at an address.
    pub async fn start_at(address: SocketAddr, name: &str, tag: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            name: name.to_owned(),
            health: Mutex::new(health(tag)),
            ready: AtomicBool::new(true),
            hung: AtomicBool::new(false),
            dies: AtomicBool::new(false),
            breaks: AtomicBool::new(false),
            chats: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            last: Mutex::new(None),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let _ = stream.set_nodelay(true);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, state, task }
    }

    /// Ends at once, as `kill -9` would.
    pub fn kill(&self) {
        self.task.abort();
    }
}

impl Drop for FakeWorker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::SeqCst);
    }

    pub fn set_hung(&self, hung: bool) {
        self.hung.store(hung, Ordering::SeqCst);
    }

    pub fn set_dies(&self, dies: bool) {
        self.dies.store(dies, Ordering::SeqCst);
    }

    pub fn set_chats(&self, chats: bool) {
        self.chats.store(chats, Ordering::SeqCst);
    }

    pub fn set_breaks(&self, breaks: bool) {
        self.breaks.store(breaks, Ordering::SeqCst);
    }

    /// Serves another knowledge base from now on.
    pub fn set_tag(&self, tag: &str) {
        *self.health.lock().unwrap() = health(tag);
    }

    /// Says something else on `/health`.
    pub fn set_health(&self, health: Value) {
        *self.health.lock().unwrap() = health;
    }

    /// Requests so far, probes not counted.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// The last request that was not a probe.
    pub fn last(&self) -> Option<(http::request::Parts, Bytes)> {
        self.last.lock().unwrap().clone()
    }
}

/// A `/health` answer whose fingerprint is made from the tag.
pub fn health(tag: &str) -> Value {
    let fingerprint: String =
        tag.bytes().cycle().take(32).map(|byte| format!("{byte:02x}")).collect();
    json!({
        "status": "ready", "version": "0.1.0", "inference": {"device": "cpu", "gpu_layers": 0},
        "model": {"name": "fake", "file": "fake.gguf", "sha256": "00", "quantization": "Q4_K_M", "context": 8192},
        "embedding": {"name": "fake-embedding", "version": "1", "dimensions": 4},
        "knowledge": {"tag": tag, "fingerprint": fingerprint, "documents": 1, "passages": 1, "built_at": "2026-11-23T01:02:03Z"},
    })
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// What [`FakeWorker`]s answer to a chat request: one character an event.
pub const ANSWER: &str = "Ten days. 年假有十天，病假另计。 Ask the service desk.";

/// Once told to, `/v1/chat/completions` streams [`ANSWER`], or goes on with it; `/stream?events=N&every=MS` streams events; `/echo` upgrades and gives back what it gets; everything else answers `{"worker": name}`,
/// with a count of tokens for `?tokens=N`.
async fn answer(
    state: Arc<State>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, std::io::Error> {
    if state.hung.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    if request.uri().path() == "/echo" && request.headers().contains_key("upgrade") {
        state.requests.fetch_add(1, Ordering::SeqCst);
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let Ok(upgraded) = upgraded.await else { return };
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
        return Ok(Response::builder()
            .status(101)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .body(Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync())
            .unwrap());
    }
    let (head, body) = request.into_parts();
    if head.uri.path() == "/health" {
        let ready = state.ready.load(Ordering::SeqCst);
        let mut health = state.health.lock().unwrap().clone();
        if !ready && health["status"] != "failed" {
            health["status"] = json!("loading");
        }
        return Ok(full(if ready { 200 } else { 503 }, health.to_string()));
    }
    if state.breaks.load(Ordering::SeqCst) {
        return Err(std::io::Error::other("breaks"));
    }
    state.requests.fetch_add(1, Ordering::SeqCst);
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let number = |name: &str, default: u64| {
        let query = head.uri.query().unwrap_or_default();
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (events, every) = (number("events", 10), number("every", 20));
    let tokens = number("tokens", 0);
    let path = head.uri.path().to_owned();
    *state.last.lock().unwrap() = Some((head, body.clone()));
    if state.chats.load(Ordering::SeqCst) && path == "/v1/chat/completions" {
        return Ok(chat(&state, &body));
    }
    if path == "/slow" {
        tokio::time::sleep(Duration::from_millis(every)).await;
    }
    if path == "/stream" {
        let dies = state.dies.load(Ordering::SeqCst);
        let name = state.name.clone();
        let stream = futures::stream::unfold(0, move |count| async move {
            if count == events || (dies && count == events / 2) {
                return (dies && count < events)
                    .then(|| (Err(std::io::Error::other("died")), events));
            }
            tokio::time::sleep(Duration::from_millis(every)).await;
            Some((Ok(count), count + 1))
        })
        .map(move |count| {
            count.map(|count| Frame::data(Bytes::from(format!("data: {name} {count}\n\n"))))
        });
        let body = StreamBody::new(stream).boxed_unsync();
        return Ok(Response::builder()
            .header("content-type", "text/event-stream")
            .body(body)
            .unwrap());
    }
    if tokens > 0 {
        let answer = json!({"worker": state.name, "usage": {"total_tokens": tokens}});
        return Ok(full(200, answer.to_string()));
    }
    Ok(full(200, json!({"worker": state.name}).to_string()))
}

/// One character of the answer an event, as our workers stream it. One that dies does so in the middle, or so many events
/// before the end as the request says it `lacks`.
fn chat(state: &State, body: &[u8]) -> Response<Body> {
    let request: Value = serde_json::from_slice(body).unwrap();
    let said = if request["continue_final_message"] == true {
        request["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap()
    } else {
        ""
    };
    let rest = ANSWER.strip_prefix(said).expect("the beginning is not of this answer");
    let id = format!("chatcmpl-{}-{}", state.name, state.requests());
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason});
        let chunk = json!({"id": id, "object": "chat.completion.chunk", "created": 1, "model": "fake",
            "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend(rest.chars().map(|c| chunk(json!({"content": c.to_string()}), Value::Null)));
    let ends = request["lacks"].as_u64().map(|count| usize::try_from(count).unwrap());
    if state.dies.load(Ordering::SeqCst) && ends.is_none() {
        events.truncate(events.len() / 2);
    } else {
        events.extend([chunk(json!({}), json!("stop")), "data: [DONE]\n\n".to_owned()]);
        events.truncate(events.len() - ends.unwrap_or(0));
    }
    // Cut anywhere, also within a character.
    let bytes = events.concat().into_bytes();
    let mut parts: Vec<_> =
        bytes.chunks(101).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    if state.dies.load(Ordering::SeqCst) {
        parts.push(Err(std::io::Error::other("died")));
    }
    let stream = futures::stream::iter(parts).then(|part| async move {
        tokio::task::yield_now().await;
        part.map(Frame::data)
    });
    let mut response = Response::builder().header("content-type", "text/event-stream");
    if request["logprobs"] != true {
        response = response.header("x-switchyard-continuable", "1");
    }
    response.body(StreamBody::new(stream).boxed_unsync()).unwrap()
}

fn full(status: u16, text: String) -> Response<Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}
