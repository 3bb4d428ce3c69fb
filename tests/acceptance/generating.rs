//! How answers are made: what is computed once, for whom, and the forms and choices of OpenAI's API.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};
use switchyard_tests::harness::http::{self, Answer, Connection};
use switchyard_tests::harness::rag_worker::{
    BILINGUAL, BILINGUAL_MODEL, ENGLISH, Worker, WorkerSettings, question,
};

const CHAT: &str = "/v1/chat/completions";
const PROBATION: &str = "How long is the probation period?";

/// Asks as the caller with this key.
async fn ask(worker: &Worker, key: &str, body: &str) -> Answer {
    let mut request = http::request("POST", CHAT, body);
    request.headers_mut().insert("x-api-key", key.parse().unwrap());
    Connection::open(worker.address).await.unwrap().send(request).await.unwrap()
}

async fn answer(worker: &Worker, body: &str) -> Value {
    let response = http::post(worker.address, CHAT, body).await.unwrap();
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

fn text(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap()
}

fn cached(answer: &Value) -> u64 {
    answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap()
}

fn prompt_tokens(answer: &Value) -> u64 {
    answer["usage"]["prompt_tokens"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_computed_once_for_each_caller() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let body = question(PROBATION, json!({ "max_tokens": 24 }));
    let first = ask(&worker, "anna", &body).await.json();
    // The instructions were computed before anybody asked; nothing else was.
    let house = cached(&first);
    assert!((10..100).contains(&house), "{first}");

    let again = ask(&worker, "anna", &body).await.json();
    assert_eq!(cached(&again), prompt_tokens(&again) - 1, "{again}");
    assert_eq!(text(&again), text(&first));

    let other = ask(&worker, "ben", &body).await.json();
    assert_eq!(cached(&other), house, "what was computed for another caller was used: {other}");
    let nobody = answer(&worker, &body).await;
    assert_eq!(cached(&nobody), house, "{nobody}");

    let reused = worker.metric("switchyard_worker_prompt_tokens_reused_total").await;
    assert!(reused >= (cached(&again) + 3 * house) as f64, "{reused}");
    assert!(worker.metric("switchyard_worker_kept_prompts").await >= 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_from_what_was_computed_of_it() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let mut messages = vec![json!({ "role": "user", "content": PROBATION })];
    let mut cached_of_turns = Vec::new();
    for asked in ["How many days of annual leave are there?", "Who operates the pressure tank?"] {
        messages.push(json!({ "role": "assistant", "content": "Four months." }));
        messages.push(json!({ "role": "user", "content": asked }));
        let body = json!({ "messages": messages, "max_tokens": 8, "temperature": 0 }).to_string();
        let told = answer(&worker, &body).await;
        cached_of_turns.push(cached(&told));
    }
    // The second time, the first question and its answer were there already.
    assert!(cached_of_turns[1] > cached_of_turns[0] + 10, "{cached_of_turns:?}");
}

/// A conversation of a question, its answer and another question.
fn follow_up([first, answered, last]: [&str; 3]) -> String {
    let messages = json!([
        { "role": "user", "content": first },
        { "role": "assistant", "content": answered },
        { "role": "user", "content": last },
    ]);
    json!({ "messages": messages, "max_tokens": 40, "temperature": 0 }).to_string()
}

const NORWAY: [&str; 3] = [
    "What is the hotel limit per night in Sweden?",
    "The travel chapter says it.",
    "And in Norway?",
];

fn cites(answer: &Value, text: &str) -> bool {
    let cited = answer["citations"].as_array().unwrap();
    cited.iter().any(|one| one["text"].as_str().unwrap().contains(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_question_finds_what_is_meant() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let told = answer(&worker, &follow_up(NORWAY)).await;
    assert_eq!(told["rewritten"], format!("{} {}", NORWAY[0], NORWAY[2]), "{told}");
    assert!(cites(&told, "Norway | 70 EUR | 190 EUR"), "{told}");
    // The first question of a conversation is searched for as it is.
    assert!(answer(&worker, &question(PROBATION, json!({}))).await["rewritten"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_rewrites_follow_up_questions_where_it_is_told_to() {
    let settings = WorkerSettings { model: BILINGUAL_MODEL, ..WorkerSettings::small(BILINGUAL) };
    let worker = Worker::start(settings.with("retrieval: { follow_ups: rewrite }")).await;
    let told = answer(&worker, &follow_up(NORWAY)).await;
    let rewritten = told["rewritten"].as_str().unwrap();
    assert!(rewritten.contains("hotel") && rewritten.contains("Norway"), "{told}");
    assert!(!rewritten.contains("Sweden"), "joined, not rewritten: {told}");
    assert!(cites(&told, "Norway | 70 EUR | 190 EUR"), "{told}");
    // What a small model cannot rewrite is joined.
    let chinese = ["试用期有多长？", "四个月。", "年假呢？"];
    let told = answer(&worker, &follow_up(chinese)).await;
    assert!(told["rewritten"].as_str().unwrap().contains("年假"), "{told}");
    assert!(cites(&told, "年假"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_caller_reaches_another_when_memory_is_short() {
    // Two places for four callers, and memory for little more than one prompt: answers wait for a place, and prompts are
    // copied out of it, given back and let go all the time.
    let settings = "inference: { device: cpu, context: 1024, slots: 2, kept_prompts: 3, kept_memory: 20MiB, threads: 2 }";
    let worker = Worker::start(WorkerSettings::small(ENGLISH).with(settings)).await;
    let body = |marker: &str, round: usize| {
        let told = format!("My code word is {marker}. Remember it.");
        let asked = format!("What is the code word? And, {round} times over: {PROBATION}");
        let messages = json!([
            { "role": "user", "content": told },
            { "role": "assistant", "content": "Noted." },
            { "role": "user", "content": asked },
        ]);
        json!({ "messages": messages, "max_tokens": 24, "temperature": 0 }).to_string()
    };
    let callers = ["ALPHAZEBRA", "BRAVOQUARTZ", "CHARLIEMANGO", "DELTAWALRUS"];
    let house = cached(&answer(&worker, &question(PROBATION, json!({ "max_tokens": 1 }))).await);
    let mut first_of = BTreeSet::new();
    for round in 0..4 {
        let asked = callers.map(|marker| {
            let body = body(marker, round);
            let worker = &worker;
            async move { (marker, ask(worker, marker, &body).await) }
        });
        for (marker, response) in join_all(asked).await {
            assert_eq!(response.status, 200, "{response:?}");
            let told = response.json();
            for other in callers.iter().filter(|other| **other != marker) {
                assert!(!text(&told).contains(other), "{marker} was told {other}: {told}");
            }
            if first_of.insert(marker) {
                assert!(cached(&told) <= house, "{marker} began with another's prompt: {told}");
            }
        }
    }
    assert_eq!(worker.metric("switchyard_worker_answers_total{outcome=\"failed\"}").await, 0.0);
    let held = worker.metric("switchyard_worker_context_tokens").await;
    assert!(held <= 2.0 * 1024.0, "{held}");
    let kept = worker.metric("switchyard_worker_kept_prompts").await;
    let bytes = worker.metric("switchyard_worker_kept_prompts_bytes").await;
    assert!(kept <= 3.0 && bytes <= (20 << 20) as f64, "{kept} prompts, {bytes} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_choices_share_the_prompt() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let more = json!({ "n": 3, "temperature": 1.5, "seed": 7, "max_tokens": 16 });
    let body = question(PROBATION, more);
    let computed = worker.metric("switchyard_worker_prompt_tokens_total").await;
    let told = answer(&worker, &body).await;
    let computed = worker.metric("switchyard_worker_prompt_tokens_total").await - computed;
    let choices = told["choices"].as_array().unwrap();
    let indexes: Vec<u64> =
        choices.iter().map(|choice| choice["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, [0, 1, 2]);
    let texts: BTreeSet<&str> =
        choices.iter().map(|choice| choice["message"]["content"].as_str().unwrap()).collect();
    assert!(texts.len() > 1, "three times the same: {texts:?}");
    // The prompt once, and its last token for each of the others.
    assert!(computed <= (prompt_tokens(&told) + 2) as f64, "{computed}: {told}");
    assert!(told["usage"]["completion_tokens"].as_u64().unwrap() > 16, "{told}");

    let mut streamed: Value = serde_json::from_str(&body).unwrap();
    streamed["stream"] = json!(true);
    let events = http::post(worker.address, CHAT, &streamed.to_string()).await.unwrap();
    let events = String::from_utf8(events.body.to_vec()).unwrap();
    let mut said = vec![String::new(); 3];
    for data in events.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let chunk: Value = serde_json::from_str(&format!("{{{data}")).unwrap();
        let choice = &chunk["choices"][0];
        let index = usize::try_from(choice["index"].as_u64().unwrap()).unwrap();
        said[index].push_str(choice["delta"]["content"].as_str().unwrap_or_default());
    }
    assert!(said.iter().all(|text| !text.is_empty()), "{events}");
    assert!(events.trim_end().ends_with("[DONE]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_gives_the_same_answer_again() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let body = |seed: u32| {
        question(PROBATION, json!({ "temperature": 1.2, "seed": seed, "max_tokens": 24 }))
    };
    let first = answer(&worker, &body(3)).await;
    assert_eq!(text(&answer(&worker, &body(3)).await), text(&first));
    let mut others = BTreeSet::new();
    for seed in 4..8 {
        others.insert(text(&answer(&worker, &body(seed)).await).to_owned());
    }
    assert!(others.len() > 1, "{others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_the_form_that_was_asked_for() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let schema = json!({
        "type": "object",
        "properties": {
            "months": { "type": "integer", "minimum": 0, "maximum": 99 },
            "sure": { "type": "boolean" },
        },
        "required": ["months", "sure"],
        "additionalProperties": false,
    });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "p", "schema": schema } });
    let body = question(PROBATION, json!({ "response_format": format, "max_tokens": 60 }));
    let told = answer(&worker, &body).await;
    let read: Value = serde_json::from_str(text(&told)).unwrap_or_else(|e| panic!("{e}: {told}"));
    assert!(read["months"].is_u64() && read["sure"].is_boolean(), "{read}");
    assert_eq!(read.as_object().unwrap().len(), 2);
    assert_eq!(told["choices"][0]["finish_reason"], "stop");

    let body = question(PROBATION, json!({ "grammar": "root ::= \"four\" | \"five\"" }));
    let told = answer(&worker, &body).await;
    assert!(["four", "five"].contains(&text(&told)), "{told}");

    let object = json!({ "response_format": { "type": "json_object" }, "max_tokens": 200 });
    let told = answer(&worker, &question(PROBATION, object.clone())).await;
    if told["choices"][0]["finish_reason"] == "stop" {
        assert!(serde_json::from_str::<Value>(text(&told)).unwrap().is_object(), "{told}");
    } else {
        assert!(text(&told).trim_start().starts_with('{'), "{told}");
    }
    // What is not in the documents is said as a refusal, not as JSON that nobody found.
    let told = answer(&worker, &question("Who wrote Hamlet?", object)).await;
    let message = &told["choices"][0]["message"];
    assert!(message["content"].is_null(), "{told}");
    assert!(message["refusal"].as_str().unwrap().contains("do not contain"), "{told}");

    for (wrong, said) in [
        (json!({ "grammar": "root ::= nothing" }), "grammar"),
        (json!({ "grammar": "no grammar at all" }), "grammar"),
        (
            json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": { "type": "nothing" } } } }),
            "schema",
        ),
        (json!({ "response_format": { "type": "xml" } }), "xml"),
    ] {
        let response =
            http::post(worker.address, CHAT, &question(PROBATION, wrong.clone())).await.unwrap();
        assert_eq!(response.status, 400, "{wrong}: {response:?}");
        let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "{wrong}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_how_likely_each_token_was() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let more =
        json!({ "logprobs": true, "top_logprobs": 3, "max_tokens": 12, "repeat_penalty": 1.0 });
    let told = answer(&worker, &question(PROBATION, more)).await;
    let tokens = told["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!(tokens.len() as u64, told["usage"]["completion_tokens"].as_u64().unwrap());
    let mut bytes = Vec::new();
    for token in tokens {
        let logprob = token["logprob"].as_f64().unwrap();
        let top = token["top_logprobs"].as_array().unwrap();
        assert_eq!(top.len(), 3);
        // At temperature 0 and without penalties the likeliest is taken.
        assert_eq!(token["token"], top[0]["token"]);
        assert_eq!(logprob, top[0]["logprob"].as_f64().unwrap());
        let sum: f64 = top.iter().map(|one| one["logprob"].as_f64().unwrap().exp()).sum();
        assert!(logprob <= 0.0 && sum <= 1.0 + 1e-4, "{token}");
        bytes.extend(token["bytes"].as_array().unwrap().iter().map(|b| b.as_u64().unwrap() as u8));
    }
    assert_eq!(String::from_utf8(bytes).unwrap(), text(&told));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bias_keeps_a_token_out() {
    let worker = Worker::start(WorkerSettings::small(ENGLISH)).await;
    let plain =
        answer(&worker, &question(PROBATION, json!({ "max_tokens": 1, "logprobs": true }))).await;
    // Every token is biased away but one: it comes, again and again.
    let kept = 198;
    let bias: serde_json::Map<String, Value> =
        (0..300).filter(|token| *token != kept).map(|t| (t.to_string(), json!(-100))).collect();
    let mut one = bias.clone();
    one.insert(kept.to_string(), json!(100));
    let body = question(PROBATION, json!({ "max_tokens": 4, "logit_bias": one }));
    let biased = answer(&worker, &body).await;
    assert_ne!(text(&biased), text(&plain));
    let said: BTreeSet<char> = text(&biased).chars().collect();
    assert_eq!(said.len(), 1, "{biased}");
}
