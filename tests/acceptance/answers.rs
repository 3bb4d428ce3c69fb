//! What a worker answers: citations, streams, refusals, limits, and how it stops.

use std::time::Duration;

use http_body_util::BodyExt;
use rustix::process::Signal;
use serde_json::json;
use switchyard_tests::harness::http::{self, Connection};
use switchyard_tests::harness::processes::eventually;
use switchyard_tests::harness::rag_worker::{
    BILINGUAL, BILINGUAL_MODEL, ENGLISH, Worker, WorkerSettings, question,
};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test(flavor = "multi_thread")]
async fn questions_in_both_languages_are_answered_with_file_and_page() {
    let settings = WorkerSettings { model: BILINGUAL_MODEL, ..WorkerSettings::small(BILINGUAL) };
    let worker = Worker::start(settings).await;

    let body = question("How long is the probation period?", json!({ "max_tokens": 60 }));
    let answer = http::post(worker.address, CHAT, &body).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("four months") || text.contains("4 months"), "{text}");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let first = &answer["citations"][0];
    assert_eq!(first["file"], "employee-handbook.pdf", "{answer}");
    assert!(first["page"].as_u64().unwrap() >= 6, "{first}");
    assert!(first["text"].as_str().unwrap().contains("four months"), "{first}");
    assert!(answer["usage"]["completion_tokens"].as_u64().unwrap() > 3);

    let body = question("共享盘的备份保留多少天？", json!({ "max_tokens": 60 }));
    let answer = http::post(worker.address, CHAT, &body).await.unwrap().json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("90"), "{text}");
    let first = &answer["citations"][0];
    assert_eq!(first["file"], "信息安全与设备指南.docx");
    assert!(first["page"].is_null());
    assert!(first["heading"].as_str().unwrap().ends_with("数据 > 备份"), "{first}");

    // What the documents do not say is not invented, and nothing is cited.
    for (asked, said) in [
        ("Who wrote Hamlet?", "The documents do not contain"),
        ("法国的首都是哪里？", "文档中没有"),
    ] {
        let answer =
            http::post(worker.address, CHAT, &question(asked, json!({}))).await.unwrap().json();
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(text.contains(said), "{text}");
        assert_eq!(answer["citations"], json!([]));
    }

    let body = json!({ "query": "年假有几天？", "top_k": 3 }).to_string();
    let found = http::post(worker.address, "/v1/search", &body).await.unwrap().json();
    let passages = found["passages"].as_array().unwrap();
    assert_eq!(passages.len(), 3);
    assert_eq!((&passages[0]["rank"], &passages[0]["file"]), (&json!(1), &json!("员工手册.pdf")));
    assert!(passages[0]["score"].as_f64() >= passages[1]["score"].as_f64());
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_what_is_served() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let answer = http::get(worker.address, "/health").await.unwrap();
    assert_eq!(answer.status, 200);
    let health = answer.json();
    let models = std::env::var("SWITCHYARD_MODELS")
        .unwrap_or_else(|_| format!("{}/.cache/switchyard/models", std::env::var("HOME").unwrap()));
    let file = std::path::Path::new(&models).join(health["model"]["file"].as_str().unwrap());
    assert_eq!(health["model"]["sha256"], sha256(&std::fs::read(file).unwrap()));
    assert_eq!(health["model"]["quantization"], "Q4_1");
    assert_eq!(health["model"]["context"], 2048);
    assert_eq!(health["embedding"]["name"], ENGLISH);
    assert_eq!(health["embedding"]["dimensions"], 384);
    let declared = switchyard_tests::harness::rag_worker::knowledge(ENGLISH).join("FINGERPRINT");
    let declared = std::fs::read_to_string(declared).unwrap();
    assert_eq!(health["knowledge"]["fingerprint"], declared.trim());
    assert_eq!(health["knowledge"]["documents"], 4);
    assert!(health["knowledge"]["passages"].as_u64().unwrap() > 40);

    let page = http::get(worker.address, "/").await.unwrap();
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(page.header("content-type").starts_with("text/html"));
    for elsewhere in ["src=\"http", "href=\"http", "//cdn", "@import"] {
        assert!(!html.contains(elsewhere), "the page loads something from elsewhere: {elsewhere}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_answers_share_one_context_and_each_is_its_own() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let questions = [
        "How long is the probation period?",
        "Who operates the pressure tank?",
        "How many days of annual leave do employees have?",
        "What is the hotel limit per night in Norway?",
    ];
    let mut alone = Vec::new();
    for asked in questions {
        alone.push(text_of(&worker, asked).await);
    }
    let generated = worker.metric("switchyard_worker_generated_tokens_total").await;
    let steps = worker.metric("switchyard_worker_decode_steps_total").await;
    let together = futures::future::join_all(questions.map(|asked| text_of(&worker, asked))).await;
    let generated = worker.metric("switchyard_worker_generated_tokens_total").await - generated;
    let steps = worker.metric("switchyard_worker_decode_steps_total").await - steps;
    // One after the other every token takes a step of its own.
    assert!(
        generated > 1.5 * steps,
        "{generated} tokens in {steps} steps: the answers did not share them"
    );
    // Batching may change a last bit and so a word; never whose answer it is.
    for (asked, (alone, together)) in questions.iter().zip(alone.iter().zip(&together)) {
        let first = |text: &str| text.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        assert_eq!(first(alone), first(together), "{asked}");
    }
}

async fn text_of(worker: &Worker, asked: &str) -> String {
    let body = question(asked, json!({ "max_tokens": 48 }));
    let answer = http::post(worker.address, CHAT, &body).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_when_to_come_back_and_a_client_that_leaves_frees_its_place() {
    let extra =
        "inference: { device: cpu, context: 2048, slots: 1, queue: 1, threads: 2, batch: 128 }";
    let worker = Worker::start(WorkerSettings::small(ENGLISH).with(extra)).await;
    // The longest answers there are, so that both places stay taken.
    let long = json!({ "stream": true, "max_tokens": 1000, "temperature": 1.5, "seed": 1 });
    let body = question("When are salaries paid?", long);
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(worker.address).await.unwrap();
        let response = connection.begin(http::request("POST", CHAT, &body)).await.unwrap();
        assert_eq!(response.status(), 200);
        clients.push(response);
    }
    let refused = http::post(worker.address, CHAT, &body).await.unwrap();
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");

    drop(clients);
    eventually("the places are free", Duration::from_secs(10), async || {
        let processing = worker.metric("switchyard_worker_answers_processing").await;
        (processing == 0.0).then_some(())
    })
    .await;
    let abandoned = worker.metric("switchyard_worker_answers_total{outcome=\"abandoned\"}").await;
    assert_eq!(abandoned, 2.0);
    let body = question("When are salaries paid?", json!({ "max_tokens": 4 }));
    assert_eq!(http::post(worker.address, CHAT, &body).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_does_not_fit_loses_whole_passages_and_says_so() {
    let extra = "inference: { device: cpu, context: 512, slots: 1, threads: 2, max_tokens: 32 }\n\
        retrieval: { top_k: 8, min_score: 0.0 }";
    let worker = Worker::start(WorkerSettings::small(ENGLISH).with(extra)).await;
    let body = question("How long is the probation period?", json!({}));
    let answer = http::post(worker.address, CHAT, &body).await.unwrap().json();
    let cited = answer["citations"].as_array().unwrap().len();
    assert!((1..8).contains(&cited), "{answer}");
    let said = answer["notices"][0].as_str().unwrap();
    assert!(said.starts_with(&format!("{} of 8 passages were left out", 8 - cited)), "{said}");

    let body = question(&"why ".repeat(600), json!({}));
    let refused = http::post(worker.address, CHAT, &body).await.unwrap();
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["code"], "context_length_exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_says_so_and_finishes_its_answers() {
    let extra = "shutdown: { notice: 1s, timeout: 60s }";
    let mut worker = Worker::start(WorkerSettings::small(ENGLISH).with(extra)).await;
    let more = json!({ "stream": true, "max_tokens": 150, "temperature": 1.2, "seed": 3 });
    let mut connection = Connection::open(worker.address).await.unwrap();
    let body = question("When are salaries paid?", more);
    let response = connection.begin(http::request("POST", CHAT, &body)).await.unwrap();
    worker.process.signal(Signal::TERM);
    eventually("health says draining", Duration::from_secs(5), async || {
        let answer = http::get(worker.address, "/health").await.unwrap();
        (answer.status == 503 && answer.json()["status"] == "draining").then_some(())
    })
    .await;
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.ends_with("data: [DONE]\n\n"), "the answer was cut: {text}");
    assert!(worker.process.wait(Duration::from_secs(20)).success());
}
