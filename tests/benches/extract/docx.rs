//! The DOCX half: the text of whole documents, beside what they were made from or what readers agree on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use switchyard_tests::harness::report::Report;

use crate::readers::{Reading, files, run};
use crate::text::{AS_WELL, agreed, grams, normal, order, score};

const READERS: [&str; 5] = ["switchyard", "docx2txt", "mammoth", "python-docx", "docx2python"];

#[derive(Default, Clone)]
struct Total {
    read: usize,
    recall: f64,
    precision: f64,
    order: f64,
    as_good: usize,
    seconds: f64,
}

/// Measures the documents in `cache`; where `docx-truth` has a text of the same name, that is right.
pub(crate) fn report(cache: &Path) -> Report {
    let mut rows = Vec::new();
    for folder in ["docx-manuals", "docx-samples"] {
        rows.extend(measure(folder, &files(&cache.join(folder)), cache));
    }
    Report {
        name: "extract-docx",
        work: "Each reader reads each file, one process a reader, one thread. Right is the text that a manual was made from, and for \
               samples what at least two of the five readers say: 5-character sequences after Unicode NFKC, without white space, \
               hyphens and the bars of tables; order is the share of pieces in both texts that stand in the same order; means over \
               the files that hold text"
            .to_owned(),
        columns: vec![
            "documents",
            "reader",
            "files read",
            "recall",
            "precision",
            "order",
            "as good as the best other",
            "documents/s",
        ],
        rows,
    }
}

fn measure(folder: &str, files: &[PathBuf], cache: &Path) -> Vec<Vec<String>> {
    let readings: Vec<HashMap<PathBuf, Reading>> =
        READERS.iter().map(|reader| run(reader, files, cache)).collect();
    let mut totals = vec![Total::default(); READERS.len()];
    let mut with_text = 0;
    for file in files {
        let texts: Vec<String> = readings
            .iter()
            .map(|all| all.get(file).map(|r| normal(&r.pages.concat())).unwrap_or_default())
            .collect();
        let own: Vec<HashMap<String, usize>> = texts.iter().map(|text| grams(text)).collect();
        let truth = truth(file, cache);
        let right = truth.as_deref().map_or_else(|| agreed(&own), grams);
        if right.is_empty() {
            continue;
        }
        with_text += 1;
        let scores: Vec<(f64, f64)> = own.iter().map(|own| score(own, &right)).collect();
        let mean = |(recall, precision): (f64, f64)| (recall + precision) / 2.0;
        for (at, total) in totals.iter_mut().enumerate() {
            let others = scores.iter().enumerate().filter(|(other, _)| *other != at);
            let best = others.map(|(_, score)| mean(*score)).fold(0.0, f64::max);
            total.recall += scores[at].0;
            total.precision += scores[at].1;
            total.as_good += usize::from(mean(scores[at]) >= best - AS_WELL);
            // Where nobody knows the order, the first other reader with text says it.
            let said = (0..texts.len()).filter(|other| *other != at).map(|other| &texts[other]);
            let said = said.max_by_key(|text| text.len()).map_or("", String::as_str);
            total.order += order(&texts[at], truth.as_deref().unwrap_or(said));
            if let Some(reading) = readings[at].get(file) {
                total.read += 1;
                total.seconds += reading.seconds;
            }
            note(folder, file, READERS[at], scores[at]);
        }
    }
    let share = |sum: f64| format!("{:.4}", sum / f64::from(with_text.max(1)));
    let row = |(reader, total): (&&str, Total)| {
        vec![
            folder.to_owned(),
            (*reader).to_owned(),
            format!("{} of {with_text}", total.read),
            share(total.recall),
            share(total.precision),
            share(total.order),
            format!("{} of {with_text}", total.as_good),
            format!("{:.0}", total.read as f64 / total.seconds.max(1e-9)),
        ]
    };
    READERS.iter().zip(totals).map(row).collect()
}

/// The text that a document was made from, as it is compared.
fn truth(file: &Path, cache: &Path) -> Option<String> {
    // The name begins with the program that made it: pandoc-manual.en.docx.
    let (_, name) = file.file_stem()?.to_str()?.split_once('-')?;
    let text =
        std::fs::read_to_string(cache.join("docx-truth").join(format!("{name}.txt"))).ok()?;
    Some(normal(&text))
}

/// Says how a file was read, for who looks for the reason of a difference.
#[expect(clippy::print_stderr, reason = "it is talk beside the table")]
fn note(folder: &str, file: &Path, reader: &str, (recall, precision): (f64, f64)) {
    if std::env::var_os("SWITCHYARD_EXTRACT_FILES").is_some() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        eprintln!("{folder}\t{name}\t{reader}\t{recall:.4}\t{precision:.4}");
    }
}
