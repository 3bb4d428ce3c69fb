//! A reranker puts the best passages in order, in `kbctl` and in a worker; one that is wrong is named.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use switchyard_tests::harness::cross_encoder::{CrossEncoder, shared, words};
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes;
use switchyard_tests::harness::rag_worker::{ENGLISH, Worker, WorkerSettings};

use crate::building::{build, kbctl};

const DOCUMENTS: [(&str, &str); 3] = [
    ("leave.md", "# Leave\n\nEmployees receive fifteen days of paid annual leave each year.\n"),
    (
        "travel.md",
        "# Travel\n\nThe hotel is booked by the office and the limit of the night is the one of the city.\n",
    ),
    ("devices.md", "# Devices\n\nThe laptop is replaced every four years by the service desk.\n"),
];

/// The leave policy answers it; the travel policy has more words in common with it.
const QUESTION: &str = "What is the number of days of annual leave?";

/// Knows every word of the documents and of the question, and reads all of them.
const RIGHT: CrossEncoder<'_> = CrossEncoder {
    knows: &[DOCUMENTS[0].1, DOCUMENTS[1].1, DOCUMENTS[2].1, QUESTION],
    factors: &[1.0],
    max_tokens: 128,
    calibration: None,
};

/// A knowledge base of the documents, and rerankers beside it.
struct Handbook {
    folder: tempfile::TempDir,
}

impl Handbook {
    fn build() -> Self {
        let handbook = Self { folder: tempfile::tempdir().unwrap() };
        let documents = handbook.path("documents");
        std::fs::create_dir(&documents).unwrap();
        for (name, text) in DOCUMENTS {
            std::fs::write(documents.join(name), text).unwrap();
        }
        build(&documents, handbook.folder.path(), "v1", &[]);
        handbook
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of a reranker, written.
    fn reranker(&self, name: &str, like: &CrossEncoder<'_>) -> String {
        let folder = self.path(name);
        like.write(&folder);
        folder.to_str().unwrap().to_owned()
    }

    fn ask(&self, question: &str, more: &[&str]) -> Value {
        let knowledge = self.path("v1");
        let mut arguments = vec!["search", knowledge.to_str().unwrap(), question];
        arguments.extend(["--output", "json"]);
        arguments.extend(more);
        kbctl(&arguments)["passages"].clone()
    }

    /// What `kbctl search` says when it does not do it.
    fn refused(&self, reranker: &str) -> String {
        let knowledge = self.path("v1");
        let arguments = ["search", knowledge.to_str().unwrap(), QUESTION, "--reranker", reranker];
        let output = processes::run("kbctl", &arguments, Path::new("."));
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// One key of every passage.
fn each<'a>(passages: &'a Value, key: &str) -> Vec<&'a Value> {
    passages.as_array().unwrap().iter().map(|passage| &passage[key]).collect()
}

/// What the cross-encoder is to say of each passage, when it reads so many words of the question and of the
/// heading and text.
fn counted(passages: &Value, question: &str, of_question: usize, of_passage: usize) -> Vec<Value> {
    let first =
        |text: &str, most: usize| -> Vec<String> { words(text).into_iter().take(most).collect() };
    let count = |passage: &Value| {
        let (heading, text) = (passage["heading"].as_str(), passage["text"].as_str());
        let read = format!("{} {}", heading.unwrap(), text.unwrap());
        shared(&first(question, of_question), &first(&read, of_passage))
    };
    passages.as_array().unwrap().iter().map(|passage| json!(count(passage) as f32)).collect()
}

fn same(found: &[&Value], expected: &[Value]) {
    assert_eq!(found.iter().map(|value| (*value).clone()).collect::<Vec<_>>(), expected);
}

#[test]
fn the_best_passages_are_put_in_the_order_of_their_logits() {
    let handbook = Handbook::build();
    let reranker = handbook.reranker("words-in-common", &RIGHT);
    let fused = handbook.ask(QUESTION, &[]);
    assert_eq!(each(&fused, "file")[0], "leave.md");
    assert!(fused.as_array().unwrap().iter().all(|passage| passage.get("logit").is_none()));

    let reranked = handbook.ask(QUESTION, &["--reranker", &reranker]);
    assert_eq!(each(&reranked, "file"), ["travel.md", "leave.md", "devices.md"]);
    assert_eq!(each(&reranked, "logit"), [12.0, 6.0, 3.0]);
    same(&each(&reranked, "logit"), &counted(&reranked, QUESTION, usize::MAX, usize::MAX));
    // It says nothing of what its logits mean, so that each passage keeps its score.
    for passage in reranked.as_array().unwrap() {
        let at = each(&fused, "file").iter().position(|file| **file == passage["file"]).unwrap();
        assert_eq!(passage["score"], fused[at]["score"]);
    }

    let one = handbook.ask(QUESTION, &["--reranker", &reranker, "--reranked", "1"]);
    assert_eq!(each(&one, "file"), each(&fused, "file"));
    same(&each(&one, "logit"), &[json!(6.0), Value::Null, Value::Null]);

    let knowledge = handbook.path("v1");
    let arguments = ["search", knowledge.to_str().unwrap(), QUESTION, "--reranker", &reranker];
    let output = processes::run("kbctl", &arguments, Path::new("."));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("1. travel.md, Travel (score "), "{text}");
    assert!(text.lines().next().unwrap().ends_with(", logit 12.000)"), "{text}");
}

#[test]
fn the_question_is_read_whole_and_a_long_passage_loses_its_end() {
    let handbook = Handbook::build();
    // 18 tokens: 3 special ones, 10 of the question with its question mark, 5 of the passage.
    let short = CrossEncoder { max_tokens: 18, ..RIGHT };
    let reranker = handbook.reranker("short", &short);
    let found = handbook.ask(QUESTION, &["--reranker", &reranker]);
    same(&each(&found, "logit"), &counted(&found, QUESTION, usize::MAX, 5));
    // All have the same logit, and keep their order.
    assert_eq!(each(&found, "logit"), [2.0, 2.0, 2.0]);
    assert_eq!(each(&found, "file"), each(&handbook.ask(QUESTION, &[]), "file"));

    // Of a question that would leave no room, three quarters of it are read: 11 tokens, one of them a
    // question mark.
    let long = [QUESTION; 6].join(" ");
    let found = handbook.ask(&long, &["--reranker", &reranker]);
    same(&each(&found, "logit"), &counted(&found, &long, 10, 4));
}

#[test]
fn a_calibrated_logit_is_the_score() {
    let handbook = Handbook::build();
    let (slope, offset) = (0.5, -4.0);
    let calibrated = CrossEncoder { calibration: Some((slope, offset)), ..RIGHT };
    let reranker = handbook.reranker("calibrated", &calibrated);
    let found = handbook.ask(QUESTION, &["--reranker", &reranker]);
    for passage in found.as_array().unwrap() {
        let logit = passage["logit"].as_f64().unwrap();
        let expected = 1.0 / (1.0 + (-(slope * logit + offset)).exp());
        let score = passage["score"].as_f64().unwrap();
        assert!((score - expected).abs() < 1e-6, "{score} is not {expected}");
    }
    // A passage that was not reranked keeps the score of its evidence.
    let one = handbook.ask(QUESTION, &["--reranker", &reranker, "--reranked", "1"]);
    assert_eq!(one[1]["score"], handbook.ask(QUESTION, &[])[1]["score"]);
}

#[test]
fn what_logits_mean_is_measured_on_a_question_set() {
    let handbook = Handbook::build();
    let reranker = handbook.reranker("words-in-common", &RIGHT);
    let answered = [
        "How many days of paid annual leave do employees receive each year?",
        "Do employees receive paid annual leave?",
        "What annual leave do employees receive each year?",
        "Are fifteen days of annual leave paid each year?",
        "Is the hotel booked by the office?",
        "What is the limit of the night in the city?",
        "Who has the hotel of the night booked by the office?",
        "Is the laptop replaced by the service desk?",
        "How often is the laptop replaced by the desk?",
        "Does the service desk replace the laptop every four years?",
    ];
    let unanswered = [
        "Who painted this portrait?",
        "When did dinosaurs live?",
        "How tall are volcanoes?",
        "Where do penguins breed?",
        "Why are bananas curved?",
        "Which planets have rings?",
        "Who invented chess?",
        "How do bees make honey?",
        "What is jazz?",
        "Where was coffee first grown?",
    ];
    let line = |at: usize, question: &str, key: &str, answer: Value| {
        let mut line = json!({ "id": format!("q{at}"), "question": question, "language": "en" });
        line[key] = answer;
        line.to_string()
    };
    let gold = json!([{ "file": "leave.md" }]);
    let answered_lines =
        answered.iter().enumerate().map(|(at, text)| line(at, text, "gold", gold.clone()));
    let others = unanswered
        .iter()
        .enumerate()
        .map(|(at, text)| line(10 + at, text, "answerable", json!(false)));
    let set: Vec<String> = answered_lines.chain(others).collect();
    std::fs::write(handbook.path("questions.jsonl"), set.join("\n")).unwrap();
    std::fs::write(handbook.path("few.jsonl"), set[..12].join("\n")).unwrap();
    let of = |questions: &str| {
        let (knowledge, questions) = (handbook.path("v1"), handbook.path(questions));
        format!("{}={}", knowledge.display(), questions.display())
    };

    let fitted =
        kbctl(&["calibrate", &of("questions.jsonl"), "--reranker", &reranker, "--output", "json"]);
    assert_eq!((&fitted["answerable"], &fitted["unanswerable"]), (&json!(10), &json!(10)));
    assert!(fitted["answered"].as_f64().unwrap() >= 0.9, "{fitted}");
    assert!(fitted["refused"].as_f64().unwrap() >= 0.9, "{fitted}");
    let curve = |name: &str| fitted["calibration"][name].as_f64().unwrap();
    let calibrated = CrossEncoder { calibration: Some((curve("slope"), curve("offset"))), ..RIGHT };
    let calibrated = handbook.reranker("calibrated", &calibrated);
    let score = |question: &str| {
        handbook.ask(question, &["--reranker", &calibrated])[0]["score"].as_f64().unwrap()
    };
    assert!(score(answered[0]) > 0.5 && score(unanswered[0]) < 0.5);

    // Without a reranker it is the embedding's scores that are measured.
    let fitted = kbctl(&["calibrate", &of("questions.jsonl"), "--output", "json"]);
    assert!(fitted["calibration"]["cosine"].as_f64().unwrap() > 0.0, "{fitted}");
    assert!(fitted["calibration"].get("slope").is_none());

    let too_few = ["calibrate", &of("few.jsonl"), "--reranker", &reranker];
    let output = processes::run("kbctl", &too_few, Path::new("."));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("10 questions with an answer in the documents and 2 without are too few"),
        "{said}"
    );
}

#[test]
fn a_reranker_that_is_wrong_is_refused_by_name() {
    let handbook = Handbook::build();
    let broken = handbook.reranker("broken", &RIGHT);
    std::fs::write(handbook.path("broken/model.onnx"), b"not a model").unwrap();
    let misdescribed = handbook.reranker("misdescribed", &RIGHT);
    std::fs::write(handbook.path("misdescribed/reranker.json"), b"{\"nmae\": \"\"}").unwrap();
    let two = handbook.reranker("two-logits", &CrossEncoder { factors: &[1.0, 2.0], ..RIGHT });
    let none = handbook.reranker("no-number", &CrossEncoder { factors: &[f32::NAN], ..RIGHT });
    let falling = CrossEncoder { calibration: Some((-1.0, 0.0)), ..RIGHT };
    let falling = handbook.reranker("falling", &falling);
    for (reranker, cause) in [
        (broken.as_str(), "broken/model.onnx: "),
        (&misdescribed, "misdescribed/reranker.json: unknown field `nmae`"),
        (&two, "two-logits/model.onnx: `logits` is "),
        (&none, "no-number/model.onnx: the model gave a number that is not finite"),
        (&falling, "falling/reranker.json: a reranker's calibration needs a positive slope"),
        ("/nowhere/reranker", "/nowhere/reranker: no such folder"),
    ] {
        let said = handbook.refused(reranker);
        assert!(said.contains(cause) && said.contains("hint: "), "{said}");
    }
    let hint = handbook.refused(&misdescribed);
    assert!(
        hint.contains("a description file looks like this: {") && hint.contains("\"max_tokens\"")
    );
}

#[test]
fn runs_with_and_without_a_reranker_are_compared() {
    let handbook = Handbook::build();
    let reranker = handbook.reranker("words-in-common", &RIGHT);
    let questions = handbook.path("questions.jsonl");
    let asked = json!({
        "id": "days", "question": QUESTION, "language": "en", "gold": [{ "file": "leave.md" }],
    });
    std::fs::write(&questions, asked.to_string()).unwrap();
    let (knowledge, saved) = (handbook.path("v1"), handbook.path("fused.json"));
    let [knowledge, questions, saved] =
        [&knowledge, &questions, &saved].map(|path| path.to_str().unwrap());
    let evaluate = |more: &[&str]| {
        let mut arguments = vec!["evaluate", knowledge, questions, "--output", "json"];
        arguments.extend(more);
        kbctl(&arguments)
    };
    let mrr = |measured: &Value| measured["groups"][0]["measures"]["MRR"].clone();
    let fused = evaluate(&["--save", saved]);
    assert_eq!(mrr(&fused["run"])["mean"], 1.0, "{fused}");
    let reranked = evaluate(&["--reranker", &reranker, "--compare", saved]);
    let found = mrr(&reranked["comparison"]);
    assert_eq!((&found["baseline"], &found["candidate"]), (&json!(1.0), &json!(0.5)));
    // Another knowledge base is asked in the same way.
    let both = evaluate(&["--reranker", &reranker, "--compare", knowledge]);
    let found = mrr(&both["comparison"]);
    assert_eq!((&found["baseline"], &found["candidate"]), (&json!(0.5), &json!(0.5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_reranks_as_kbctl_does_and_says_with_what() {
    let handbook = Handbook::build();
    let calibrated = CrossEncoder { calibration: Some((0.5, -4.0)), ..RIGHT };
    let reranker = handbook.reranker("calibrated", &calibrated);
    let with = |reranker: &str| format!("retrieval: {{ reranker: {reranker:?}, reranked: 2 }}");
    let settings =
        || WorkerSettings { knowledge: handbook.path("v1"), ..WorkerSettings::small(ENGLISH) };

    let extra = with(&reranker);
    let worker = Worker::start(settings().with(&extra)).await;
    let health = worker.health().await;
    assert_eq!(health["reranker"], json!({ "name": "words-in-common", "version": "1.0" }));
    let body = json!({ "query": QUESTION, "top_k": 3 }).to_string();
    let found = http::post(worker.address, "/v1/search", &body).await.unwrap().json();
    let expected = handbook.ask(QUESTION, &["--reranker", &reranker, "--reranked", "2"]);
    for key in ["file", "logit"] {
        assert_eq!(each(&found["passages"], key), each(&expected, key), "{key}");
    }
    for (found, expected) in each(&found["passages"], "score").iter().zip(each(&expected, "score"))
    {
        assert!((found.as_f64().unwrap() - expected.as_f64().unwrap()).abs() < 1e-6);
    }
    drop(worker);

    let plain = Worker::start(settings()).await;
    assert!(plain.health().await.get("reranker").is_none());
    let found = http::post(plain.address, "/v1/search", &body).await.unwrap().json();
    assert_eq!(each(&found["passages"], "file")[0], "leave.md");
    assert!(found["passages"][0].get("logit").is_none());
    drop(plain);

    let extra = with("/nowhere/reranker");
    let health = Worker::launch(settings().with(&extra)).await.failure().await;
    let reason = health["error"]["message"].as_str().unwrap();
    assert!(reason.contains("opening the reranker: /nowhere/reranker"), "{reason}");
}
