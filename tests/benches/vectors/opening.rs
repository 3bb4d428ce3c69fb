//! How long after a process began it has answered its first question, from an index on disk.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use rustix::fs::{Advice, fadvise};
use serde_json::Value;
use switchyard_tests::harness::memory::resident;
use switchyard_tests::harness::report::{Report, median, number};

use crate::systems::{FAISS, FAISS_MAPPED, HNSWLIB, OURS, System, Vectors};

const SYSTEMS: [System; 4] = [OURS, FAISS, FAISS_MAPPED, HNSWLIB];
/// Candidates that every system looks at.
const EXPANSION: usize = 128;

/// Whether the index file is in memory when the process begins.
#[derive(Clone, Copy)]
enum Cache {
    Warm,
    Cold,
}

#[derive(Default)]
struct Shown {
    /// Seconds to the first answer in each round, with the file in memory and without.
    warm: Vec<f64>,
    cold: Vec<f64>,
    /// Bytes resident after the first answer, the file in memory.
    resident: Vec<f64>,
}

pub(crate) fn bench(arguments: &[String]) {
    let count = number(arguments, "--vectors", 1_000_000);
    let vectors = Vectors::ready(count);
    let rounds = number(arguments, "--rounds", 5);
    for system in SYSTEMS.iter().filter(|system| !vectors.index(system).exists()) {
        vectors.build(system);
    }
    let mut all: Vec<Shown> = SYSTEMS.iter().map(|_| Shown::default()).collect();
    for round in 0..=rounds {
        for (system, shown) in SYSTEMS.iter().zip(&mut all) {
            let (warm, bytes) = first_answer(&vectors, system, Cache::Warm);
            let (cold, _) = first_answer(&vectors, system, Cache::Cold);
            // The first round brings the programs into memory.
            if round > 0 {
                shown.warm.push(warm);
                shown.cold.push(cold);
                shown.resident.push(bytes as f64);
            }
        }
    }
    Report {
        name: "open",
        work: format!(
            "From the start of a process to its first answer from {count} vectors of 384 numbers on disk, the file in memory \
             (warm) or not (cold), and what the process has resident then; {rounds} rounds, alternating, medians"
        ),
        columns: vec!["system", "warm", "warm, of faiss", "cold", "cold, of faiss", "resident", "resident, of faiss"],
        rows: SYSTEMS.iter().zip(&all).map(|(system, shown)| row(system, shown, &all[1])).collect(),
    }
    .publish(arguments);
}

/// Seconds until the first answer, and the bytes then resident.
fn first_answer(vectors: &Vectors, system: &System, cache: Cache) -> (f64, u64) {
    for file in vectors.files(system) {
        prepare(&file, cache);
    }
    let begun = Instant::now();
    let mut process = vectors.command(system, "open", &[EXPANSION]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let bytes = resident(process.id());
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success(), "{} failed", system.name);
    let line: Value = serde_json::from_str(&line).unwrap();
    let recall = vectors.recall(&line["found"]);
    assert!(recall >= 0.9, "{} found {recall} of the nearest", system.name);
    (seconds, bytes)
}

/// Brings the file into the page cache, or asks the system to take it out.
fn prepare(file: &Path, cache: Cache) {
    let mut file = File::open(file).unwrap();
    match cache {
        Cache::Warm => {
            std::io::copy(&mut file, &mut std::io::sink()).unwrap();
        }
        Cache::Cold => {
            // What is not on disk yet would stay.
            file.sync_all().unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        }
    }
}

fn row(system: &System, shown: &Shown, faiss: &Shown) -> Vec<String> {
    let mut cells = vec![system.name.to_owned()];
    for times in [|shown: &Shown| median(&shown.warm), |shown: &Shown| median(&shown.cold)] {
        cells.push(format!("{:.3} s", times(shown)));
        cells.push(format!("{:.3}×", times(shown) / times(faiss)));
    }
    let (bytes, of) = (median(&shown.resident), median(&faiss.resident));
    cells.push(format!("{:.0} MiB", bytes / (1024.0 * 1024.0)));
    cells.push(format!("{:.2}×", bytes / of));
    cells
}
