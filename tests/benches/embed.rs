//! `scripts/bench embed`: passages embedded per second, beside Python's fastembed with the same model file and threads.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

use std::path::{Path, PathBuf};
use std::process::Command;

use rag_core::Splitter;
use serde_json::Value;
use switchyard_tests::harness::python;
use switchyard_tests::harness::report::{Report, median, number};

const MODEL: &str = "multilingual-e5-small";
/// Languages and what the names of their manuals hold.
const LANGUAGES: [(&str, &str); 2] = [("English", ".en."), ("Chinese", ".zh-cn.")];
const THREADS: [usize; 2] = [1, 2];
/// Characters of a passage at most, as in a knowledge base, and at least: short ones say little about the speed.
const LONGEST: usize = 600;
const SHORTEST: usize = 500;
/// Below this cosine, two vectors of one passage are not of the same model.
const SAME: f64 = 0.99;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = number(&arguments, "--rounds", 5);
    let count = number(&arguments, "--passages", 200);
    let work = tempfile::tempdir().unwrap();
    let mut rows = Vec::new();
    for (language, mark) in LANGUAGES {
        let file = work.path().join(language);
        std::fs::write(&file, passages(mark, count)).unwrap();
        rows.extend(THREADS.map(|threads| measure(language, &file, threads, rounds)));
    }
    Report {
        name: "embed",
        work: format!(
            "{count} passages of {SHORTEST} to {LONGEST} characters from Debian's manuals, embedded with {MODEL}; \
             {rounds} rounds, alternating, medians"
        ),
        columns: vec![
            "passages",
            "threads",
            "switchyard, passages/s",
            "fastembed, passages/s",
            "ours / theirs",
            "least cosine of the two vectors",
        ],
        rows,
    }
    .publish(&arguments);
}

/// So many passages from the manuals of a language, taken evenly from all there are, a JSON string a line.
fn passages(mark: &str, count: usize) -> String {
    let mut manuals: Vec<PathBuf> = std::fs::read_dir(folder("SWITCHYARD_MANUALS"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(mark))
        .collect();
    manuals.sort();
    let read = python::run(Command::new(folder("SWITCHYARD_EXTRACT")).arg("--json").args(manuals));
    let splitter = Splitter::new(LONGEST, 0).unwrap();
    let mut all = Vec::new();
    for line in read.lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        for page in document["pages"].as_array().unwrap() {
            let pieces = splitter.split_text(page.as_str().unwrap()).into_iter();
            all.extend(
                pieces
                    .filter(|text| text.chars().count() >= SHORTEST)
                    .map(|t| Value::from(t).to_string()),
            );
        }
    }
    assert!(all.len() >= count, "the manuals have {} passages, not {count}", all.len());
    let chosen: Vec<&str> = (0..count).map(|at| all[at * all.len() / count].as_str()).collect();
    chosen.join("\n")
}

fn measure(language: &str, texts: &Path, threads: usize, rounds: usize) -> Vec<String> {
    let mut per_second = [Vec::new(), Vec::new()];
    let mut least = f64::INFINITY;
    for round in 0..=rounds {
        let both = [ours(), theirs()].map(|mut command| {
            let model = folder("SWITCHYARD_MODELS").join(MODEL);
            let printed = python::run(command.arg(model).arg(texts).arg(threads.to_string()));
            serde_json::from_str::<Value>(&printed).unwrap()
        });
        let [ours, theirs] = both.each_ref().map(|run| run["vectors"].as_array().unwrap());
        assert_eq!(ours.len(), theirs.len(), "each passage has a vector");
        least = ours.iter().zip(theirs).map(|(a, b)| cosine(a, b)).fold(least, f64::min);
        assert!(least > SAME, "a passage's vectors have a cosine of {least}");
        // The first round warms up.
        if round > 0 {
            for (run, all) in both.iter().zip(&mut per_second) {
                let vectors = run["vectors"].as_array().unwrap().len();
                all.push(vectors as f64 / run["seconds"].as_f64().unwrap());
            }
        }
    }
    let [ours, theirs] = per_second.map(|all| median(&all));
    vec![
        language.to_owned(),
        threads.to_string(),
        format!("{ours:.1}"),
        format!("{theirs:.1}"),
        format!("{:.2}×", ours / theirs),
        format!("{least:.4}"),
    ]
}

fn folder(variable: &str) -> PathBuf {
    PathBuf::from(std::env::var(variable).unwrap())
}

fn ours() -> Command {
    Command::new(folder("SWITCHYARD_EXAMPLE"))
}

fn theirs() -> Command {
    let mut command = Command::new(folder("SWITCHYARD_PEERS").join("retrieval/bin/python"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/retrieval/peer.py");
    command.arg(script).arg("embed");
    command
}

fn cosine(a: &Value, b: &Value) -> f64 {
    let numbers = |vector: &Value| -> Vec<f64> {
        vector.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let (a, b) = (numbers(a), numbers(b));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}
