//! How well each reader read the files of a folder, beside what they were made from or what readers agree on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::readers::{Reading, files, run};
use crate::text::{Order, agreed, grams, letters, normal, order, score, words};

/// A file on which we are no more than this below the best peer is read as well.
const AS_WELL: f64 = 0.002;

/// The columns of a report, but for the last, which says what is read in a second.
pub(crate) const COLUMNS: [&str; 9] = [
    "documents",
    "reader",
    "files read",
    "letters",
    "words",
    "recall",
    "precision",
    "order",
    "as good as the best other",
];

#[derive(Default, Clone)]
struct Total {
    read: usize,
    letters: f64,
    words: f64,
    recall: f64,
    precision: f64,
    order: f64,
    as_good: usize,
    pages: usize,
    seconds: f64,
}

/// A row for each reader, the first of them ours: all of `cache`/`folder`, read by each. `truth` gives the text that a file was made
/// from, where there is one.
pub(crate) fn measure(
    folder: &str,
    readers: &[&str],
    cache: &Path,
    truth: impl Fn(&Path) -> Option<String>,
) -> Vec<Vec<String>> {
    let files = files(&cache.join(folder));
    let readings: Vec<HashMap<PathBuf, Reading>> =
        readers.iter().map(|reader| run(reader, &files, cache)).collect();
    let mut totals = vec![Total::default(); readers.len()];
    let mut with_text = 0;
    for file in &files {
        let read: Vec<Option<&Reading>> = readings.iter().map(|all| all.get(file)).collect();
        let lines = |text: &String| text.lines().map(normal).filter(|l| !l.is_empty()).collect();
        let removed = read[0].map(|r| r.removed.as_slice()).unwrap_or_default();
        let removed: Vec<Vec<String>> = removed.iter().map(lines).collect();
        let pages: Vec<Vec<String>> =
            read.iter().map(|r| r.map(|r| plain(r, &removed)).unwrap_or_default()).collect();
        let truth = truth(file);
        let own_words: Vec<HashMap<String, usize>> = read.iter().map(|r| all_words(*r)).collect();
        let right_words =
            truth.as_ref().map_or_else(|| agreed(&own_words), |text| words([text.as_str()]));
        let truth = truth.map(|text| normal(&text));
        let texts: Vec<String> = pages.iter().map(|pages| pages.concat()).collect();
        let own: Vec<HashMap<String, usize>> = texts.iter().map(|text| grams(text)).collect();
        let right = truth.as_deref().map_or_else(|| agreed(&own), grams);
        if right.is_empty() {
            continue;
        }
        with_text += 1;
        let own_letters: Vec<HashMap<String, usize>> =
            texts.iter().map(|text| letters(text)).collect();
        let right_letters = truth.as_deref().map_or_else(|| agreed(&own_letters), letters);
        let scores: Vec<(f64, f64)> = own.iter().map(|own| score(own, &right)).collect();
        let mean = |(recall, precision): (f64, f64)| (recall + precision) / 2.0;
        for (at, total) in totals.iter_mut().enumerate() {
            let others = scores.iter().enumerate().filter(|(other, _)| *other != at);
            let best = others.map(|(_, score)| mean(*score)).fold(0.0, f64::max);
            let order = match &truth {
                Some(truth) => order(&texts[at], truth),
                None => order_of_others(&pages, at),
            };
            let (letters, _) = score(&own_letters[at], &right_letters);
            // Chinese has no words to speak of.
            let words =
                if right_words.is_empty() { 1.0 } else { score(&own_words[at], &right_words).0 };
            total.letters += letters;
            total.words += words;
            total.recall += scores[at].0;
            total.precision += scores[at].1;
            total.order += order.share();
            total.as_good += usize::from(mean(scores[at]) >= best - AS_WELL);
            if let Some(reading) = read[at] {
                total.read += 1;
                total.pages += reading.pages.len();
                total.seconds += reading.seconds;
            }
            note(folder, file, readers[at], letters, scores[at], order.share());
        }
    }
    let share = |sum: f64| format!("{:.4}", sum / f64::from(with_text.max(1)));
    let row = |(reader, total): (&&str, Total)| {
        vec![
            folder.to_owned(),
            (*reader).to_owned(),
            format!("{} of {with_text}", total.read),
            share(total.letters),
            share(total.words),
            share(total.recall),
            share(total.precision),
            share(total.order),
            format!("{} of {with_text}", total.as_good),
            format!("{:.0}", total.pages as f64 / total.seconds.max(1e-9)),
        ]
    };
    readers.iter().zip(totals).map(row).collect()
}

/// The words of a reading, those of the headers and footers that it left out among them.
fn all_words(reading: Option<&Reading>) -> HashMap<String, usize> {
    let texts =
        reading.into_iter().flat_map(|reading| reading.pages.iter().chain(&reading.removed));
    words(texts.map(String::as_str))
}

/// Where nobody knows the order, the other reader with the most text says it, page by page.
fn order_of_others(pages: &[Vec<String>], at: usize) -> Order {
    let others = pages.iter().enumerate().filter(|(other, _)| *other != at);
    let Some((_, said)) =
        others.max_by_key(|(_, pages)| pages.iter().map(String::len).sum::<usize>())
    else {
        return Order::default();
    };
    pages[at].iter().zip(said).map(|(own, said)| order(own, said)).sum()
}

/// The pages of a reading as they are compared, without what another reading left out as headers and footers.
fn plain(reading: &Reading, removed: &[Vec<String>]) -> Vec<String> {
    // Those who left the lines out themselves have nothing to take out.
    let removed = if reading.removed.is_empty() { removed } else { Default::default() };
    let page = |(at, page): (usize, &String)| {
        let mut lines: Vec<String> = page.lines().map(normal).collect();
        let mut parts = Vec::new();
        for removed in removed.get(at).into_iter().flatten() {
            // The line nearest to the top or the bottom that says it.
            let edge = |at: &usize| (*at).min(lines.len() - 1 - at);
            let same = (0..lines.len()).filter(|at| lines[*at] == *removed).min_by_key(edge);
            match same.and_then(|at| lines.get_mut(at)) {
                Some(line) => line.clear(),
                None => parts.push(removed),
            }
        }
        // Others end their lines elsewhere.
        let mut page = lines.concat();
        for removed in parts {
            let near = page
                .char_indices()
                .nth(150 + removed.chars().count())
                .map_or(page.len(), |(i, _)| i);
            // A number beside a title may be read before it or behind it.
            let turned = |at: usize| [&removed[at..], &removed[..at]].concat();
            let turned = removed.char_indices().map(|(at, _)| turned(at));
            let place = turned
                .map(|said| page[..near].find(&said).or_else(|| page.rfind(&said)))
                .find_map(|place| place);
            if let Some(place) = place {
                page.replace_range(place..place + removed.len(), "");
            }
        }
        page
    };
    reading.pages.iter().enumerate().map(page).collect()
}

/// Says how a file was read, for who looks for the reason of a difference.
#[expect(clippy::print_stderr, reason = "it is talk beside the table")]
fn note(
    folder: &str,
    file: &Path,
    reader: &str,
    letters: f64,
    (recall, precision): (f64, f64),
    order: f64,
) {
    if std::env::var_os("SWITCHYARD_EXTRACT_FILES").is_some() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        eprintln!(
            "{folder}\t{name}\t{reader}\t{letters:.4}\t{recall:.4}\t{precision:.4}\t{order:.4}"
        );
    }
}
