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
    /// Seconds to the first token of prompts asked for the first time, and again.
    first: Vec<f64>,
    again: Vec<f64>,
    /// Seconds between two pieces of an answer.
    gaps: Vec<f64>,
    /// A round's tokens per second: of the prompts until all first tokens are there, of the answers from the first token
    /// on.
    prompt: Vec<f64>,
    made: Vec<f64>,
}

/// One answer.
struct Answered {
    text: String,
    prompt_tokens: u64,
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
            "first token, p50 / p99",
            "asked again, p50 / p99",
            "gap between tokens, p99",
            "prompt, answer, first, again, gap of llama-server",
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
    vec![
        together.to_string(),
        name.to_owned(),
        format!("{:.0}", median(&shown.prompt)),
        format!("{:.0}", median(&shown.made)),
        both(&shown.first),
        both(&shown.again),
        format!("{:.0} ms", 1e3 * gap(shown)),
        format!(
            "{:.2}×, {:.2}×, {:.2}×, {:.2}×, {:.2}×",
            median(&shown.prompt) / median(&peer.prompt),
            median(&shown.made) / median(&peer.made),
            median(&shown.first) / median(&peer.first),
            median(&shown.again) / median(&peer.again),
            gap(shown) / gap(peer)
        ),
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
    let needed: usize = TOGETHER.iter().sum();
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
    let (address, _running): (SocketAddr, Box<dyn std::any::Any>) = match system {
        System::Ours => {
            let (worker, address) = ours().await;
            (address, Box::new(worker))
        }
        System::Peer => {
            let (process, address) = peer().await;
            (address, Box::new(process))
        }
    };
    let mut texts = Vec::new();
    let mut rest = asked;
    for (together, shown) in TOGETHER.into_iter().zip(shown) {
        let (these, others) = rest.split_at(together);
        rest = others;
        let answers = join_all(these.iter().map(|asked| ask(system, address, asked))).await;
        let first: Vec<f64> = answers.iter().map(|answer| answer.pieces[0]).collect();
        let (soonest, latest) = (percentile(&first, 0.0), percentile(&first, 1.0));
        let ends: Vec<f64> = answers.iter().map(|answer| *answer.pieces.last().unwrap()).collect();
        let read: u64 = answers.iter().map(|answer| answer.prompt_tokens).sum();
        shown.prompt.push(read as f64 / latest);
        shown.made.push((MADE * together) as f64 / (percentile(&ends, 1.0) - soonest));
        shown.first.extend(first);
        for answer in &answers {
            shown.gaps.extend(answer.pieces.windows(2).map(|pair| pair[1] - pair[0]));
        }
        texts.extend(answers.into_iter().map(|answer| answer.text));
        let again = join_all(these.iter().map(|asked| ask(system, address, asked))).await;
        shown.again.extend(again.iter().map(|answer| answer.pieces[0]));
    }
    texts
}

/// Asks one question, and reads the answer as it comes.
async fn ask(system: System, address: SocketAddr, asked: &Asked) -> Answered {
    let messages = match system {
        System::Ours => json!([{ "role": "user", "content": asked.question }]),
        System::Peer => asked.messages.clone(),
    };
    let body = json!({
        "messages": messages,
        "max_tokens": MADE,
        "temperature": 0,
        "repeat_penalty": 1.0,
        "stream": true,
        "stream_options": { "include_usage": true },
        // The tokens that end an answer (<|endoftext|>, <|im_end|>): all answers are of one length.
        "logit_bias": { "0": -100, "2": -100 },
    });
    let mut connection = Connection::open(address).await.unwrap();
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
    assert_eq!(usage["completion_tokens"], MADE, "{usage} {text}");
    assert_eq!(usage["prompt_tokens"], asked.prompt_tokens, "the prompts differ: {usage}");
    Answered { text, prompt_tokens: asked.prompt_tokens, pieces }
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
