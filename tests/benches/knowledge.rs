//! `scripts/bench retrieval` and `scripts/bench build`: how well passages are found, and how fast a
//! knowledge base is built, beside LangChain's loaders and splitter with the same embedding and FAISS.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evaluation::{Found, Granularity, Measure, QuestionSet, Resampling, Run, compare, evaluate};
use rag_core::Passage;
use serde_json::Value;
use switchyard_tests::harness::memory::peak_resident;
use switchyard_tests::harness::report::Report;

const MODEL: &str = "multilingual-e5-small";
/// The same with products in one-byte integers (`scripts/quantize-embedding`).
const INT8: &str = "multilingual-e5-small-int8";
/// What both sides are measured against.
const BASELINE: &str = "LangChain, FAISS";

/// Documents with questions about them.
struct Corpus {
    name: &'static str,
    documents: PathBuf,
    questions: PathBuf,
    granularity: Granularity,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let work = tempfile::tempdir().unwrap();
    if arguments.iter().any(|argument| argument == "--build") {
        build(&arguments, work.path());
    } else {
        retrieval(&arguments, work.path());
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn corpora(work: &Path) -> [Corpus; 2] {
    let manuals = PathBuf::from(std::env::var("SWITCHYARD_MANUALS").unwrap());
    let handbook = work.join("sample-handbook.jsonl");
    // The peer knows no headings: every system has to find the words of the answer in a passage.
    let text = std::fs::read_to_string(repository("questions/sample-handbook.jsonl")).unwrap();
    let lines: Vec<String> = text.lines().map(without_headings).collect();
    std::fs::write(&handbook, lines.join("\n")).unwrap();
    [
        Corpus {
            name: "sample handbook",
            documents: repository("docs/sample/documents"),
            questions: handbook,
            granularity: Granularity::Passage,
        },
        Corpus {
            name: "Debian's manuals",
            documents: manuals,
            questions: repository("questions/debian-manuals.jsonl"),
            granularity: Granularity::Page,
        },
    ]
}

/// What is built again and again: the sample handbook, and the shorter of the manuals in both languages.
fn to_build(work: &Path) -> [Corpus; 2] {
    let [handbook, manuals] = corpora(work);
    let shorter = work.join("shorter");
    std::fs::create_dir(&shorter).unwrap();
    for name in ["debmake-doc.en.pdf", "debmake-doc.zh-cn.pdf"] {
        std::fs::copy(manuals.documents.join(name), shorter.join(name)).unwrap();
    }
    [handbook, Corpus { name: "two of Debian's manuals, 285 pages", documents: shorter, ..manuals }]
}

fn without_headings(line: &str) -> String {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(keys) => {
                if keys.contains_key("text") {
                    keys.remove("heading");
                }
                keys.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(line).unwrap();
    strip(&mut value);
    value.to_string()
}

fn kbctl() -> Command {
    Command::new(PathBuf::from(std::env::var("SWITCHYARD_BIN").unwrap()).join("kbctl"))
}

fn peer() -> Command {
    let python = PathBuf::from(std::env::var("SWITCHYARD_PEERS").unwrap());
    let mut command = Command::new(python.join("retrieval/bin/python"));
    command.arg(repository("scripts/retrieval/peer.py"));
    command
}

fn folder_of(model: &str) -> PathBuf {
    PathBuf::from(std::env::var("SWITCHYARD_MODELS").unwrap()).join(model)
}

/// Runs a command to its end: seconds, and the most memory it had, in bytes.
fn measured(command: &mut Command) -> (f64, u64) {
    let begun = Instant::now();
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut peak = 0;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{command:?} failed: {status}");
            return (begun.elapsed().as_secs_f64(), peak);
        }
        peak = peak.max(peak_resident(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Into the tag `model` of `root`.
fn build_ours(documents: &Path, root: &Path, model: &str) -> (f64, u64) {
    measured(
        kbctl()
            .args(["build", "--threads", "2", "--tag", model, "--documents"])
            .arg(documents)
            .arg("--embedding")
            .arg(folder_of(model))
            .arg("--output")
            .arg(root),
    )
}

fn build_peer(documents: &Path, folder: &Path, model: &str) -> (f64, u64) {
    measured(peer().arg("build").arg(documents).arg(folder_of(model)).arg(folder).arg("2"))
}

fn retrieval(arguments: &[String], work: &Path) {
    let mut rows = Vec::new();
    for (at, corpus) in corpora(work).iter().enumerate() {
        let (root, theirs) = (work.join(format!("ours-{at}")), work.join(format!("theirs-{at}")));
        build_ours(&corpus.documents, &root, MODEL);
        build_ours(&corpus.documents, &root, INT8);
        build_peer(&corpus.documents, &theirs, MODEL);
        let set = std::fs::read_to_string(&corpus.questions).unwrap();
        let set = QuestionSet::parse(&set).unwrap();
        let asked =
            peer().arg("ask").arg(&theirs).arg(folder_of(MODEL)).arg(&corpus.questions).output();
        let asked = String::from_utf8(asked.unwrap().stdout).unwrap();
        let found = asked.lines().map(found_by_peer).collect();
        let baseline =
            evaluate("LangChain", &set, found, corpus.granularity, Resampling::default()).unwrap();
        rows.push(row(corpus.name, BASELINE, &baseline, None));
        for (system, model, way) in [
            ("switchyard, dense", MODEL, "dense"),
            ("switchyard, dense, int8", INT8, "dense"),
            ("switchyard, lexical", MODEL, "lexical"),
            ("switchyard, hybrid", MODEL, "hybrid"),
            ("switchyard, hybrid, int8", INT8, "hybrid"),
        ] {
            let run = ask_ours(&root, model, corpus, way, work);
            rows.push(row(corpus.name, system, &run, Some(&baseline)));
        }
    }
    Report {
        name: "retrieval",
        work: "Each system builds its knowledge base from the same files with multilingual-e5-small (int8: its \
               quantized variant) and is asked the same questions; the sample handbook counts passages that hold the words of the answer, Debian's \
               manuals (English and Chinese) passages on its page. p: that a difference in MRR this large is chance"
            .to_owned(),
        columns: vec![
            "documents", "system", "recall@1", "recall@5", "recall@10", "MRR", "nDCG@10", "p",
        ],
        rows,
    }
    .publish(arguments);
}

fn ask_ours(root: &Path, model: &str, corpus: &Corpus, way: &str, work: &Path) -> Run {
    let saved = work.join("run.json");
    let granularity = match corpus.granularity {
        Granularity::Page => "page",
        Granularity::Passage => "passage",
    };
    let status = kbctl()
        .arg("evaluate")
        .arg(root.join(model))
        .arg(&corpus.questions)
        .args(["--granularity", granularity, "--retrieval", way, "--embedding"])
        .arg(folder_of(model))
        .arg("--save")
        .arg(&saved)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "kbctl evaluate failed");
    Run::from_json(&std::fs::read_to_string(saved).unwrap()).unwrap()
}

fn found_by_peer(line: &str) -> Found {
    let value: Value = serde_json::from_str(line).unwrap();
    let passage = |value: &Value| Passage {
        file: value["file"].as_str().unwrap().to_owned(),
        page: value["page"].as_u64().map(|page| u32::try_from(page).unwrap()),
        heading: None,
        text: value["text"].as_str().unwrap().to_owned(),
    };
    Found {
        id: value["id"].as_str().unwrap().to_owned(),
        passages: value["passages"].as_array().unwrap().iter().map(passage).collect(),
        // It answers whatever it finds.
        refused: Some(false),
    }
}

fn row(documents: &str, system: &str, run: &Run, baseline: Option<&Run>) -> Vec<String> {
    let all = &run.groups[0].measures;
    let mean = |measure: Measure| format!("{:.3}", all[&measure].mean);
    let p = baseline.map_or("-".to_owned(), |baseline| {
        let comparison = compare(baseline, run, Resampling::default()).unwrap();
        format!("{:.3}", comparison.groups[0].measures[&Measure::ReciprocalRank].p_value.p)
    });
    vec![
        documents.to_owned(),
        system.to_owned(),
        mean(Measure::RecallAt1),
        mean(Measure::RecallAt5),
        mean(Measure::RecallAt10),
        mean(Measure::ReciprocalRank),
        mean(Measure::NdcgAt10),
        p,
    ]
}

fn build(arguments: &[String], work: &Path) {
    let rounds = 1 + arguments
        .windows(2)
        .find(|pair| pair[0] == "--rounds")
        .map_or(3, |pair| pair[1].parse::<usize>().unwrap());
    let (root, theirs) = (work.join("ours"), work.join("theirs"));
    let build = |system: usize, documents: &Path| match system {
        0 => build_ours(documents, &root, MODEL),
        1 => build_ours(documents, &root, INT8),
        2 => build_peer(documents, &theirs, MODEL),
        _ => build_peer(documents, &theirs, INT8),
    };
    let systems = ["switchyard", "switchyard, int8", BASELINE, "LangChain, FAISS, int8"];
    let baseline = 2;
    let mut rows = Vec::new();
    for corpus in to_build(work) {
        let mut results: Vec<[(f64, u64); 4]> = Vec::new();
        for _ in 0..rounds {
            results.push(std::array::from_fn(|system| build(system, &corpus.documents)));
            std::fs::remove_dir_all(&root).unwrap();
        }
        // The first round warms the page cache.
        results.remove(0);
        let median = |system: usize, value: fn(&(f64, u64)) -> f64| {
            let mut values: Vec<f64> = results.iter().map(|round| value(&round[system])).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let (seconds, bytes) = (|r: &(f64, u64)| r.0, |r: &(f64, u64)| r.1 as f64);
        for (system, name) in systems.into_iter().enumerate() {
            let (time, memory) = (median(system, seconds), median(system, bytes));
            rows.push(vec![
                corpus.name.to_owned(),
                name.to_owned(),
                format!("{time:.1} s"),
                format!("{:.2}×", time / median(baseline, seconds)),
                format!("{:.0} MiB", memory / (1024.0 * 1024.0)),
                format!("{:.2}×", memory / median(baseline, bytes)),
            ]);
        }
    }
    Report {
        name: "build",
        work: "From a folder of documents to a finished index with multilingual-e5-small (int8: its quantized \
               variant) on two threads, medians; ours also has the index of words, hashes of everything, and a copy on disk that survives a crash"
            .to_owned(),
        columns: vec!["documents", "system", "time", "of the peer", "peak memory", "of the peer"],
        rows,
    }
    .publish(arguments);
}
