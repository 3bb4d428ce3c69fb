//! `scripts/bench extract`: how much of the text of real PDFs is read, in which order, and how fast, beside other readers.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use switchyard_tests::harness::report::Report;
use unicode_normalization::UnicodeNormalization;

const READERS: [&str; 4] = ["switchyard", "pdftotext", "pypdfium2", "pypdf"];
/// Characters that are compared together: enough to notice a wrong order.
const GRAM: usize = 5;
/// A file on which we are no more than this below the best peer is read as well.
const AS_WELL: f64 = 0.002;

/// What one reader made of one file.
struct Reading {
    pages: Vec<String>,
    /// Headers and footers that were left out on purpose, by page: taken out of the others' text too.
    removed: Vec<Vec<String>>,
    seconds: f64,
}

#[derive(Default)]
struct Total {
    read: usize,
    recall: f64,
    precision: f64,
    as_good: usize,
    pages: usize,
    seconds: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cache = PathBuf::from(std::env::var("SWITCHYARD_DOCUMENTS").unwrap());
    let mut rows = Vec::new();
    for folder in ["manuals", "samples"] {
        let mut files: Vec<PathBuf> = std::fs::read_dir(cache.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        rows.extend(measure(folder, &files, &cache));
    }
    let report = Report {
        name: "extract",
        work: "Each reader reads each file, one process a reader, one thread. Right is what at least two of the four \
               readers say: 5-character sequences after Unicode NFKC, without white space, hyphens at line ends and running \
               headers; means over the files that hold text"
            .to_owned(),
        columns: vec![
            "documents",
            "reader",
            "files read",
            "recall",
            "precision",
            "as good as the best other",
            "pages/s",
        ],
        rows,
    };
    report.publish(&arguments);
}

fn measure(folder: &str, files: &[PathBuf], cache: &Path) -> Vec<Vec<String>> {
    let readings: Vec<HashMap<PathBuf, Reading>> =
        READERS.iter().map(|reader| run(reader, files, cache)).collect();
    let mut totals: BTreeMap<usize, Total> = BTreeMap::new();
    let mut with_text = 0;
    for file in files {
        let removed = readings[0].get(file).map(|r| r.removed.as_slice()).unwrap_or_default();
        let grams: Vec<HashMap<String, usize>> = readings
            .iter()
            .map(|all| all.get(file).map(|r| grams(&plain(r, removed))).unwrap_or_default())
            .collect();
        let right = agreed(&grams);
        if right.is_empty() {
            continue;
        }
        with_text += 1;
        let scores: Vec<(f64, f64)> = grams.iter().map(|own| score(own, &right)).collect();
        let mean = |(recall, precision): (f64, f64)| (recall + precision) / 2.0;
        for (at, found) in scores.iter().enumerate() {
            let total = totals.entry(at).or_default();
            let others = scores.iter().enumerate().filter(|(other, _)| *other != at);
            let best = others.map(|(_, score)| mean(*score)).fold(0.0, f64::max);
            total.recall += found.0;
            total.precision += found.1;
            total.as_good += usize::from(mean(*found) >= best - AS_WELL);
            if let Some(reading) = readings[at].get(file) {
                total.read += 1;
                total.pages += reading.pages.len();
                total.seconds += reading.seconds;
            }
        }
    }
    let share = |sum: f64| format!("{:.4}", sum / f64::from(with_text.max(1)));
    totals
        .into_iter()
        .map(|(at, total)| {
            vec![
                folder.to_owned(),
                READERS[at].to_owned(),
                format!("{} of {with_text}", total.read),
                share(total.recall),
                share(total.precision),
                format!("{} of {with_text}", total.as_good),
                format!("{:.0}", total.pages as f64 / total.seconds.max(1e-9)),
            ]
        })
        .collect()
}

fn run(reader: &str, files: &[PathBuf], cache: &Path) -> HashMap<PathBuf, Reading> {
    let mut command = if reader == "switchyard" {
        let mut command = Command::new(std::env::var("SWITCHYARD_EXTRACT").unwrap());
        command.arg("--json");
        command
    } else {
        let mut command = Command::new(cache.join("peers/bin/python"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/documents/peer.py");
        command.arg(script).arg(reader);
        command
    };
    let output = command.args(files).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(|line| reading(&serde_json::from_str(line).ok()?)).collect()
}

fn reading(line: &Value) -> Option<(PathBuf, Reading)> {
    let texts = |key: &str| -> Option<Vec<String>> {
        let texts = line.get(key)?.as_array()?.iter();
        Some(texts.map(|text| text.as_str().unwrap_or_default().to_owned()).collect())
    };
    let removed = texts("removed").unwrap_or_default();
    let lines = |text: &String| text.lines().map(normal).filter(|line| !line.is_empty()).collect();
    Some((
        PathBuf::from(line.get("file")?.as_str()?),
        Reading {
            pages: texts("pages")?,
            removed: removed.iter().map(lines).collect(),
            seconds: line.get("seconds")?.as_f64()?,
        },
    ))
}

/// A reading's text as it is compared, without what another reading left out as headers and footers.
fn plain(reading: &Reading, removed: &[Vec<String>]) -> String {
    let mut all = String::new();
    for (at, page) in reading.pages.iter().enumerate() {
        let mut page = normal(page);
        // Those who left the lines out themselves have nothing to take out.
        if reading.removed.is_empty() {
            for line in removed.get(at).into_iter().flatten() {
                let near = page
                    .char_indices()
                    .nth(150 + line.chars().count())
                    .map_or(page.len(), |(i, _)| i);
                let place = page[..near].find(line.as_str()).or_else(|| page.rfind(line.as_str()));
                if let Some(place) = place {
                    page.replace_range(place..place + line.len(), "");
                }
            }
        }
        all.push_str(&page);
    }
    all
}

/// NFKC, without white space, hyphens, and the bars between the cells of tables.
fn normal(text: &str) -> String {
    let dropped = |c: &char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '-' | '|' | '\u{AD}' | '\u{2010}' | '\u{FFFE}')
    };
    text.nfkc().filter(|c| !dropped(c)).collect()
}

fn grams(text: &str) -> HashMap<String, usize> {
    let letters: Vec<char> = text.chars().collect();
    let mut grams = HashMap::new();
    for window in letters.windows(GRAM) {
        *grams.entry(window.iter().collect()).or_default() += 1;
    }
    grams
}

/// What at least two readers say, as often as the second of them says it.
fn agreed(all: &[HashMap<String, usize>]) -> HashMap<String, usize> {
    let mut agreed = HashMap::new();
    for gram in all.iter().flat_map(HashMap::keys) {
        if agreed.contains_key(gram) {
            continue;
        }
        let mut counts: Vec<usize> =
            all.iter().map(|own| own.get(gram).copied().unwrap_or(0)).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        agreed.insert(gram.clone(), counts[1]);
    }
    agreed.retain(|_, count| *count > 0);
    agreed
}

fn score(own: &HashMap<String, usize>, right: &HashMap<String, usize>) -> (f64, f64) {
    let common: usize =
        own.iter().map(|(gram, n)| (*n).min(right.get(gram).copied().unwrap_or(0))).sum();
    let share = |all: usize| if all == 0 { 0.0 } else { common as f64 / all as f64 };
    (share(right.values().sum()), share(own.values().sum()))
}
