//! One trace from the front door through retrieval to the last token, told to a real OTLP receiver.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::peers::free_address;
use switchyard_tests::harness::processes::{Process, eventually};
use switchyard_tests::harness::python;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings, question};

/// A collector of traces, metrics and logs, with its program in the package.
const RECEIVER: &str = "rotel==0.0.1a15";
const PROBES: &str = "health: { interval: 100ms, timeout: 2s, rise: 1, fall: 3 }";
const QUESTION: &str = "How long is the probation period?";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENT: &str = "b7ad6b7169203331";

/// A receiver that writes down what it gets.
struct Receiver {
    process: Process,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

/// A span as the receiver has written it down.
#[derive(Debug, Clone, Default)]
struct Span {
    service: String,
    trace: String,
    parent: String,
    id: String,
    name: String,
    kind: String,
    attributes: BTreeMap<String, String>,
}

impl Receiver {
    async fn start() -> Self {
        let environment = python::environment(RECEIVER, "python");
        let find = "import rotel, os; print(os.path.dirname(rotel.__file__))";
        let folder = python::run(Command::new(environment.join("bin/python")).args(["-c", find]));
        let program = PathBuf::from(folder.trim()).join("rotel-agent");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (address, grpc) = (free_address(), free_address());
        let mut command = Command::new(program);
        command.args(["start", "--exporter", "blackhole", "--debug-log", "traces"]);
        command.args(["--debug-log-verbosity", "detailed"]);
        command.args(["--otlp-http-endpoint", &address.to_string()]);
        command.args(["--otlp-grpc-endpoint", &grpc.to_string()]);
        let process = Process::start_command("receiver", command, directory.path());
        eventually("the receiver listens", Duration::from_secs(30), async || {
            Connection::open(address).await.ok().map(|_| ())
        })
        .await;
        Self { process, address, _directory: directory }
    }

    /// Makes a program tell it its spans soon.
    fn told_by(&self, command: &mut Command) {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", self.address));
        command.env("OTEL_BSP_SCHEDULE_DELAY", "100");
        command.env("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true");
    }

    fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut service = String::new();
        for line in self.process.log_text().lines() {
            let line = line.trim();
            if line.starts_with("Span #") {
                spans.push(Span { service: service.clone(), ..Span::default() });
            }
            if let Some((key, value)) = line.strip_prefix("-> ").and_then(|it| it.split_once(": "))
            {
                let value = value.split_once('(').map_or(value, |(_, value)| value);
                let value = value.strip_suffix(')').unwrap_or(value).to_owned();
                match spans.last_mut() {
                    _ if key == "service.name" => service = value,
                    Some(span) => drop(span.attributes.insert(key.to_owned(), value)),
                    None => {}
                }
            } else if let (Some(span), Some((key, value))) =
                (spans.last_mut(), line.split_once(':'))
            {
                let value = value.trim().to_owned();
                match key.trim() {
                    "Trace ID" => span.trace = value,
                    "Parent ID" => span.parent = value,
                    "ID" => span.id = value,
                    "Name" => span.name = value,
                    "Kind" => span.kind = value,
                    _ => {}
                }
            }
        }
        spans
    }

    /// The spans of a trace, once so many are there.
    async fn trace(&self, id: &str, count: usize) -> Vec<Span> {
        eventually("the spans of the trace are told", Duration::from_secs(30), async || {
            let mut spans = self.spans();
            spans.retain(|span| span.trace == id);
            (spans.len() >= count).then_some(spans)
        })
        .await
    }
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name}: {spans:#?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_front_door_to_the_last_token() {
    let receiver = Receiver::start().await;
    let worker =
        Worker::launch_with(WorkerSettings::small(ENGLISH), |it| receiver.told_by(it)).await;
    let (blue, green) = ([worker.address], [free_address()]);
    let gateway = Gateway::start_with(&blue, &green, PROBES, |it| receiver.told_by(it)).await;
    gateway.wait("blue");

    for stream in [false, true] {
        let body = question(QUESTION, json!({ "stream": stream, "max_tokens": 5 }));
        let trace = if stream { TRACE.replace('0', "1") } else { TRACE.to_owned() };
        let mut request = http::request("POST", "/v1/chat/completions", &body);
        let parent = format!("00-{trace}-{CLIENT}-01");
        request.headers_mut().insert("traceparent", parent.parse().unwrap());
        let answer = Connection::open(gateway.address).await.unwrap().send(request).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");

        let spans = receiver.trace(&trace, 11).await;
        let front = named(&spans, "POST");
        assert_eq!((front.service.as_str(), front.parent.as_str()), ("switchyard", CLIENT));
        assert_eq!(front.kind, "SPAN_KIND_SERVER");
        assert_eq!(front.attributes["switchyard.slot"], "blue");
        assert_eq!(front.attributes["http.response.status_code"], "200");
        let tried = named(&spans, "worker");
        assert_eq!((&tried.parent, tried.kind.as_str()), (&front.id, "SPAN_KIND_CLIENT"));
        let answered = named(&spans, "POST /v1/chat/completions");
        assert_eq!((answered.service.as_str(), &answered.parent), ("rag-worker", &tried.id));
        assert_eq!(answered.attributes["gen_ai.operation.name"], "chat");
        assert_eq!(answered.attributes["gen_ai.usage.output_tokens"], "5");
        assert_eq!(answered.attributes["switchyard.outcome"], "answered");
        let retrieved = named(&spans, "retrieve");
        assert_eq!(retrieved.parent, answered.id);
        assert_eq!(retrieved.attributes["switchyard.question"], QUESTION);
        for part in ["embed", "dense", "lexical", "fuse"] {
            assert_eq!(named(&spans, part).parent, retrieved.id, "{part}");
        }
        for part in ["queue", "prompt", "decode"] {
            assert_eq!(named(&spans, part).parent, answered.id, "{part}");
        }
        assert_eq!(named(&spans, "decode").attributes["switchyard.tokens"], "5");
        let read = &named(&spans, "prompt").attributes["switchyard.prompt_tokens"];
        assert_eq!(read, &answered.attributes["gen_ai.usage.input_tokens"]);
        // The access log leads to the trace.
        assert!(gateway.process.log_text().contains(&trace), "{}", gateway.process.log_text());
    }
}
