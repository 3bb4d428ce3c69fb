//! The PDF half: the text of real PDFs page by page, beside other readers.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use switchyard_tests::harness::report::Report;

use crate::readers::{Reading, run};
use crate::text::{AS_WELL, agreed, grams, normal, score};

const READERS: [&str; 4] = ["switchyard", "pdftotext", "pypdfium2", "pypdf"];

#[derive(Default)]
struct Total {
    read: usize,
    recall: f64,
    precision: f64,
    as_good: usize,
    pages: usize,
    seconds: f64,
}

/// Measures the manuals and the samples in `cache`.
pub(crate) fn report(cache: &Path) -> Report {
    let mut rows = Vec::new();
    for folder in ["manuals", "samples"] {
        rows.extend(measure(folder, &crate::readers::files(&cache.join(folder)), cache));
    }
    Report {
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
    }
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
