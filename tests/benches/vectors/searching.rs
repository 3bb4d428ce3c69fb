//! Questions answered per second, each system looking at as few candidates as find 99 of 100 of the nearest.

use serde_json::Value;
use switchyard_tests::harness::report::{Report, median, number};

use crate::systems::{FAISS, HNSWLIB, OURS, System, Vectors};

const SYSTEMS: [System; 3] = [OURS, FAISS, HNSWLIB];
const THREADS: [usize; 2] = [1, 2];
const RECALL: f64 = 0.99;
/// Numbers of candidates that are tried, smallest first.
const LADDER: [usize; 13] = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
/// The sizes that have a table in docs/BENCHMARKS.md.
const SIZES: [(usize, &str); 2] = [(100_000, "search-100k"), (1_000_000, "search-1m")];

/// What one system showed.
struct Shown {
    built: Option<Value>,
    resident: f64,
    expansion: usize,
    recall: f64,
    /// Questions per second in each round, by number of threads.
    per_second: [Vec<f64>; THREADS.len()],
}

pub(crate) fn bench(arguments: &[String]) {
    let only = number(arguments, "--vectors", 0);
    if only > 0 && SIZES.iter().all(|(count, _)| *count != only) {
        return measure(only, "search", arguments).publish(arguments);
    }
    for (count, name) in SIZES.into_iter().filter(|(count, _)| only == 0 || *count == only) {
        measure(count, name, arguments).publish(arguments);
    }
}

fn measure(count: usize, name: &'static str, arguments: &[String]) -> Report {
    let vectors = Vectors::ready(count);
    let rounds = number(arguments, "--rounds", 5);
    let again = !arguments.iter().any(|argument| argument == "--built");
    let mut all = SYSTEMS.map(|system| begin(&vectors, &system, again));
    for round in 0..=rounds {
        for (at, threads) in THREADS.into_iter().enumerate() {
            for (system, shown) in SYSTEMS.iter().zip(&mut all) {
                let line = vectors.run(system, "search", &[threads, shown.expansion]).remove(0);
                let recall = vectors.recall(&line["found"]);
                assert!(recall >= RECALL, "{} found {recall} with {threads} threads", system.name);
                // The first round warms up.
                if round > 0 {
                    shown.per_second[at].push(line["per_second"].as_f64().unwrap());
                }
            }
        }
    }
    Report {
        name,
        work: format!(
            "{count} vectors of 384 numbers, 1,000 questions for the 10 nearest; the fewest candidates that find \
             99 of 100 of them; {rounds} rounds, alternating, medians"
        ),
        columns: vec![
            "system",
            "graph built in",
            "candidates",
            "recall@10",
            "memory",
            "queries/s, 1 thread",
            "1 thread, of the best peer",
            "queries/s, 2 threads",
            "2 threads, of the best peer",
        ],
        rows: SYSTEMS.iter().zip(&all).map(|(system, shown)| row(system, shown, &all)).collect(),
    }
}

/// Builds the system's graph, and finds out how many candidates it has to look at.
fn begin(vectors: &Vectors, system: &System, again: bool) -> Shown {
    let built = (again || !vectors.index(system).exists()).then(|| vectors.build(system));
    let ladder = [&[1], LADDER.as_slice()].concat();
    for (expansion, line) in LADDER.into_iter().zip(vectors.run(system, "search", &ladder)) {
        let recall = vectors.recall(&line["found"]);
        if recall >= RECALL {
            let resident = line["resident"].as_f64().unwrap();
            let per_second = THREADS.map(|_| Vec::new());
            return Shown { built, resident, expansion, recall, per_second };
        }
    }
    panic!("{} does not find {RECALL} of the nearest with any of {LADDER:?}", system.name);
}

fn row(system: &System, shown: &Shown, all: &[Shown]) -> Vec<String> {
    let mut cells = vec![
        system.name.to_owned(),
        shown.built.as_ref().map_or("-".to_owned(), |built| {
            let seconds = built["seconds"].as_f64().unwrap();
            let threads = if built["threads"] == 1 { "1 thread" } else { "2 threads" };
            format!("{seconds:.0} s, {threads}")
        }),
        shown.expansion.to_string(),
        format!("{:.4}", shown.recall),
        format!("{:.0} MiB", shown.resident / (1024.0 * 1024.0)),
    ];
    for at in 0..THREADS.len() {
        // Ours is the first.
        let peers = all.iter().skip(1).map(|peer| median(&peer.per_second[at]));
        let per_second = median(&shown.per_second[at]);
        cells.push(format!("{per_second:.0}"));
        cells.push(format!("{:.2}×", per_second / peers.fold(0.0, f64::max)));
    }
    cells
}
