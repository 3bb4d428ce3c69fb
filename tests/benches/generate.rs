//! `scripts/bench generate`: answers beside llama-server's, from the same model file, prompts and threads.
//!
//! Ours also finds the passages; llama-server is given the prompt that ours makes of them.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::join_all;
use http_body_util::BodyExt;
use rag_core::{Message, Passage, Retrieved, Role, prompt};
use serde_json::{Value, json};
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::{Process, eventually};
use switchyard_tests::harness::rag_worker::{ENGLISH, SMALL_MODEL, Worker, WorkerSettings};
use switchyard_tests::harness::report::{Report, median, number, percentile};

const CHAT: &str = "/v1/chat/completions";
/// Answers asked for at the same time; each time other questions.
const TOGETHER: [usize; 4] = [1, 4, 8, 16];
const MADE: usize = 64;
const THREADS: usize = 2;
const CONTEXT: usize = 2048;

/// A question, and the prompt that ours makes of it.
struct Asked {
    question: String,
    messages: Value,
    prompt_tokens: u64,
}

#[derive(Clone, Copy)]
enum System {
    Ours,
    Peer,
}

/// What a system showed with so many answers at the same time.
#[derive(Default)]
struct Shown {
    /// A round's tokens per second of prompts that are only read, until the last is.
    prompt: Vec<f64>,
    /// A round's tokens per second of answers whose prompts were read before, each counted from its own first token on.
    made: Vec<f64>,
    /// A round's seconds from the questions to the end of the last answer, prompts and answers together.
    whole: Vec<f64>,
    /// Seconds to the first token of prompts asked for the first time, and again.
    first: Vec<f64>,
    again: Vec<f64>,
    /// Seconds to the first token of one question that all ask together, for the first time.
    shared: Vec<f64>,
    /// Seconds between two pieces of an answer, of those asked for the first time.
    gaps: Vec<f64>,
}

/// One answer.
struct Answered {
    text: String,
    /// When each piece came, from when the question was asked.
    pieces: Vec<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(bench(&arguments));
}

async fn bench(arguments: &[String]) {
    let rounds = number(arguments, "--rounds", 3);
    let asked = asked().await;
    let mut shown = [(); 2].map(|()| TOGETHER.map(|_| Shown::default()));
    let (mut same, mut all) = (0, 0);
    for _ in 0..rounds {
        let mut texts: Vec<Vec<String>> = Vec::new();
        for (system, shown) in [System::Ours, System::Peer].into_iter().zip(&mut shown) {
            texts.push(round(system, &asked, shown).await);
        }
        all += texts[0].len();
        same += texts[0].iter().zip(&texts[1]).filter(|(ours, theirs)| ours == theirs).count();
    }
    let mut rows = Vec::new();
    for (at, together) in TOGETHER.into_iter().enumerate() {
        for (system, name) in shown.iter().zip(["switchyard", "llama-server"]) {
            rows.push(row(together, name, &system[at], &shown[1][at]));
        }
    }
    let prompts: Vec<f64> = asked.iter().map(|asked| asked.prompt_tokens as f64).collect();
    Report {
        name: "generate",
        work: format!(
            "Answers of {MADE} tokens by SmolLM2-135M Q4_1 on {THREADS} threads to questions whose prompts have {:.0} \
             tokens (median); {rounds} rounds, alternating, each with fresh processes; {same} of {all} answers are the \
             same to the letter",
            median(&prompts)
        ),
        columns: vec![
            "at once",
            "system",
            "prompt tokens/s",
            "answer tokens/s",
            "whole",
            "first token, p50 / p99",
            "asked again, p50 / p99",
            "asked by all, p50",
            "gap between tokens, p99",
            "prompt, answer, whole, first, again, by all, gap of llama-server",
        ],
        rows,
    }
    .publish(arguments);
}

fn row(together: usize, name: &str, shown: &Shown, peer: &Shown) -> Vec<String> {
    let both = |values: &[f64]| {
        format!("{:.0} / {:.0} ms", 1e3 * median(values), 1e3 * percentile(values, 0.99))
    };
    let gap = |shown: &Shown| percentile(&shown.gaps, 0.99);
    let times = |of: fn(&Shown) -> f64| format!("{:.2}×", of(shown) / of(peer));
    vec![
        together.to_string(),
        name.to_owned(),
        format!("{:.0}", median(&shown.prompt)),
        format!("{:.0}", median(&shown.made)),
        format!("{:.2} s", median(&shown.whole)),
        both(&shown.first),
        both(&shown.again),
        format!("{:.0} ms", 1e3 * median(&shown.shared)),
        format!("{:.0} ms", 1e3 * gap(shown)),
        [
            times(|shown| median(&shown.prompt)),
            times(|shown| median(&shown.made)),
            times(|shown| median(&shown.whole)),
            times(|shown| median(&shown.first)),
            times(|shown| median(&shown.again)),
            times(|shown| median(&shown.shared)),
            times(|shown| percentile(&shown.gaps, 0.99)),
        ]
        .join(", "),
    ]
}

/// The questions of the sample handbook, with the prompts of ours: a threshold of 0 finds passages for all.
async fn asked() -> Vec<Asked> {
    let (worker, _) = ours().await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../questions/sample-handbook.jsonl");
    let mut asked = Vec::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["language"] != "en" {
            continue;
        }
        let question = line["question"].as_str().unwrap().to_owned();
        let messages = json!([{ "role": "user", "content": question }]);
        let body = json!({ "messages": messages, "max_tokens": 1 }).to_string();
        let answer = http::post(worker.address, CHAT, &body).await.unwrap().json();
        let cited = answer["citations"].as_array().unwrap();
        if !cited.is_empty() {
            asked.push(Asked {
                messages: prompt_of(&question, cited),
                question,
                prompt_tokens: answer["usage"]["prompt_tokens"].as_u64().unwrap(),
            });
        }
    }
    // Those that all ask together come last.
    let needed = TOGETHER.iter().sum::<usize>() + TOGETHER.len();
    assert!(asked.len() >= needed, "{} questions are answered, and {needed} needed", asked.len());
    asked.truncate(needed);
    asked
}

/// The prompt that a worker makes of a question and the passages it cites.
fn prompt_of(question: &str, cited: &[Value]) -> Value {
    let passages = cited.iter().map(|cited| Retrieved {
        passage: Passage {
            file: cited["file"].as_str().unwrap().to_owned(),
            page: cited["page"].as_u64().map(|page| u32::try_from(page).unwrap()),
            heading: cited["heading"].as_str().map(str::to_owned),
            text: cited["text"].as_str().unwrap().to_owned(),
        },
        score: 1.0,
    });
    let conversation = [Message::new(Role::User, question)];
    let made = prompt::fit(&conversation, passages.collect(), 1, |_| Ok::<_, ()>(1)).unwrap();
    let wire =
        |message: &Message| json!({ "role": message.role.as_str(), "content": message.content });
    made.messages.iter().map(wire).collect()
}

/// Asks a system, started anew, everything for the first time and again. The answers for the first time.
async fn round(
    system: System,
    asked: &[Asked],
    shown: &mut [Shown; TOGETHER.len()],
) -> Vec<String> {
    let (asked, of_all) = asked.split_at(TOGETHER.iter().sum());
    let started = start(system).await;
    let mut rest = asked;
    for (together, shown) in TOGETHER.into_iter().zip(&mut *shown) {
        let (these, others) = rest.split_at(together);
        rest = others;
        let answers = join_all(these.iter().map(|asked| ask(system, &started, asked, 1))).await;
        let read: u64 = these.iter().map(|asked| asked.prompt_tokens).sum();
        shown.prompt.push(read as f64 / latest(&answers));
    }
    drop(started);

    let started = start(system).await;
    let mut texts = Vec::new();
    let mut rest = asked;
    for ((together, shown), of_all) in TOGETHER.into_iter().zip(shown).zip(of_all) {
        let (these, others) = rest.split_at(together);
        rest = others;
        let all =
            async || join_all(these.iter().map(|asked| ask(system, &started, asked, MADE))).await;
        let answers = all().await;
        shown.whole.push(latest(&answers));
        for answer in &answers {
            shown.first.push(answer.pieces[0]);
            shown.gaps.extend(answer.pieces.windows(2).map(|pair| pair[1] - pair[0]));
        }
        texts.extend(answers.into_iter().map(|answer| answer.text));
        let again = all().await;
        shown.again.extend(again.iter().map(|answer| answer.pieces[0]));
        shown.made.push(again.iter().map(speed).sum());
        let shared = join_all((0..together).map(|_| ask(system, &started, of_all, 1))).await;
        shown.shared.extend(shared.iter().map(|answer| answer.pieces[0]));
    }
    texts
}

/// Tokens per second of an answer, behind its first.
fn speed(answer: &Answered) -> f64 {
    let (first, last) = (answer.pieces[0], answer.pieces[answer.pieces.len() - 1]);
    (MADE - 1) as f64 / (last - first)
}

/// Seconds until the last piece of all.
fn latest(answers: &[Answered]) -> f64 {
    answers.iter().filter_map(|answer| answer.pieces.last()).copied().fold(0.0, f64::max)
}

/// A running system.
struct Started {
    address: SocketAddr,
    _running: Box<dyn std::any::Any>,
}

async fn start(system: System) -> Started {
    match system {
        System::Ours => {
            let (worker, address) = ours().await;
            Started { address, _running: Box::new(worker) }
        }
        System::Peer => {
            let (process, address) = peer().await;
            Started { address, _running: Box::new(process) }
        }
    }
}

/// Asks one question, and reads the answer as it comes.
async fn ask(system: System, started: &Started, asked: &Asked, tokens: usize) -> Answered {
    let messages = match system {
        System::Ours => json!([{ "role": "user", "content": asked.question }]),
        System::Peer => asked.messages.clone(),
    };
    let body = json!({
        "messages": messages,
        "max_tokens": tokens,
        "temperature": 0,
        "repeat_penalty": 1.0,
        "stream": true,
        "stream_options": { "include_usage": true },
        // The tokens that end an answer (<|endoftext|>, <|im_end|>): all answers are of one length.
        "logit_bias": { "0": -100, "2": -100 },
    });
    let mut connection = Connection::open(started.address).await.unwrap();
    let begun = Instant::now();
    let response = connection.begin(http::request("POST", CHAT, &body.to_string())).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut stream = response.into_body();
    let (mut held, mut text, mut pieces, mut usage) =
        (Vec::new(), String::new(), Vec::new(), Value::Null);
    while let Some(frame) = stream.frame().await {
        let Ok(data) = frame.unwrap().into_data() else { continue };
        held.extend_from_slice(&data);
        while let Some(end) = held.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = held.drain(..end + 2).collect();
            let event = String::from_utf8(event).unwrap();
            let Some(data) = event.strip_prefix("data: {") else { continue };
            let chunk: Value = serde_json::from_str(&format!("{{{data}")).unwrap();
            if chunk["usage"].is_object() {
                usage = chunk["usage"].clone();
            }
            if let Some(piece) = chunk["choices"][0]["delta"]["content"].as_str()
                && !piece.is_empty()
            {
                text.push_str(piece);
                pieces.push(begun.elapsed().as_secs_f64());
            }
        }
    }
    assert_eq!(usage["completion_tokens"], tokens, "{usage} {text}");
    assert_eq!(usage["prompt_tokens"], asked.prompt_tokens, "the prompts differ: {usage}");
    // A token may be the half of a character: then it has no piece of its own.
    assert!(!pieces.is_empty(), "no text came: {usage}");
    Answered { text, pieces }
}

/// A worker over the sample documents.
async fn ours() -> (Worker, SocketAddr) {
    let slots = TOGETHER.iter().max().unwrap();
    let settings = format!(
        "inference: {{ device: cpu, context: {CONTEXT}, slots: {slots}, threads: {THREADS} }}\n\
         retrieval: {{ min_score: 0 }}"
    );
    let worker = Worker::start(WorkerSettings::small(ENGLISH).with(&settings)).await;
    let address = worker.address;
    (worker, address)
}

/// A llama-server with the same model, its own defaults for all but what both are given.
async fn peer() -> (Process, SocketAddr) {
    let folder = PathBuf::from(std::env::var("SWITCHYARD_PEERS").unwrap()).join("llama-server");
    let model = PathBuf::from(std::env::var("SWITCHYARD_MODELS").unwrap()).join(SMALL_MODEL);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let slots = *TOGETHER.iter().max().unwrap();
    let mut command = Command::new(folder.join("llama-server"));
    command.arg("--model").arg(model).args(["--host", "127.0.0.1"]);
    command.args(["--port", &address.port().to_string(), "--threads", &THREADS.to_string()]);
    command.args(["--parallel", &slots.to_string(), "--ctx-size", &(slots * CONTEXT).to_string()]);
    let process = Process::start_command("llama-server", command, &folder);
    eventually("llama-server is ready", Duration::from_secs(60), async || {
        http::get(address, "/health").await.is_ok_and(|health| health.status == 200).then_some(())
    })
    .await;
    (process, address)
}
