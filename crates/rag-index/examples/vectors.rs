//! Builds and searches an index of vectors as a knowledge base does, for `scripts/bench search` and `open`.
//!
//! `vectors build FOLDER`, `vectors search FOLDER THREADS EXPANSION...`, `vectors open FOLDER EXPANSION`: the folder's files and
//! the lines of JSON that are printed are those of scripts/vectors/peer.py.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rag_core::IndexError;
use rag_index::{Expected, IndexBuilder, Scalar, UsearchIndex};
use serde_json::json;

const DIMENSIONS: usize = 384;
const TOP_K: usize = 10;
/// How long one measurement goes on asking.
const MEASURED: Duration = Duration::from_secs(1);

type Found = Result<Vec<Vec<usize>>, IndexError>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, folder, numbers @ ..] = arguments.as_slice() else {
        return Err("usage: vectors build|search|open FOLDER [NUMBER...]".into());
    };
    let folder = Path::new(folder);
    let numbers = numbers.iter().map(|n| n.parse()).collect::<Result<Vec<usize>, _>>()?;
    match (verb.as_str(), numbers.as_slice()) {
        ("build", []) => build(folder),
        ("search", [threads, ladder @ ..]) => search(folder, *threads, ladder),
        ("open", [expansion]) => open(folder, *expansion),
        _ => Err("the wrong number of numbers".into()),
    }
}

fn build(folder: &Path) -> Result<(), Box<dyn Error>> {
    let vectors = vectors(&folder.join("vectors.f32"))?;
    let begun = Instant::now();
    let mut builder = IndexBuilder::new(DIMENSIONS, Scalar::default(), vectors.len())?;
    for vector in &vectors {
        builder.add(vector)?;
    }
    builder.save(&folder.join("switchyard.index"))?;
    println!("{}", json!({ "seconds": begun.elapsed().as_secs_f64(), "threads": 1 }));
    Ok(())
}

fn search(folder: &Path, threads: usize, ladder: &[usize]) -> Result<(), Box<dyn Error>> {
    let questions = vectors(&folder.join("questions.f32"))?;
    let mut index = opened(folder, threads)?;
    for expansion in ladder {
        index.set_expansion(*expansion);
        // The first time brings what is needed into memory.
        let mut found = ask(&index, &questions, threads)?;
        let (mut times, begun) = (0, Instant::now());
        while begun.elapsed() < MEASURED {
            found = ask(&index, &questions, threads)?;
            times += 1;
        }
        let per_second = (times * questions.len()) as f64 / begun.elapsed().as_secs_f64();
        let resident = resident()?;
        println!("{}", json!({ "per_second": per_second, "resident": resident, "found": found }));
    }
    Ok(())
}

fn open(folder: &Path, expansion: usize) -> Result<(), Box<dyn Error>> {
    let mut first = vec![0_u8; DIMENSIONS * 4];
    std::fs::File::open(folder.join("questions.f32"))?.read_exact(&mut first)?;
    let mut index = opened(folder, 1)?;
    index.set_expansion(expansion);
    println!("{}", json!({ "found": ask(&index, &rows(&first), 1)? }));
    // Until it is closed, the memory that was needed can be looked at.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn opened(folder: &Path, searches: usize) -> Result<UsearchIndex, Box<dyn Error>> {
    let bytes = std::fs::metadata(folder.join("vectors.f32"))?.len();
    let expected = Expected {
        dimensions: DIMENSIONS,
        scalar: Scalar::default(),
        passages: usize::try_from(bytes)? / (DIMENSIONS * 4),
    };
    let (graph, vectors) = (folder.join("switchyard.index"), folder.join("vectors.f32"));
    Ok(UsearchIndex::open(&graph, &vectors, expected, searches)?)
}

/// The passages found for each question, by so many threads, each taking the next question.
fn ask(index: &UsearchIndex, questions: &[Vec<f32>], threads: usize) -> Found {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut own = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(question) = questions.get(at) else { return Ok(own) };
            let hits = index.search_graph(question, TOP_K)?;
            own.push((at, hits.iter().map(|hit| hit.passage).collect::<Vec<_>>()));
        }
    };
    let mut found: Vec<(usize, Vec<usize>)> = if threads == 1 {
        work()?
    } else {
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let all = running.into_iter().map(|thread| thread.join().expect("a search ends"));
            all.collect::<Result<Vec<_>, IndexError>>().map(|all| all.concat())
        })?
    };
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, passages)| passages).collect())
}

fn vectors(file: &Path) -> Result<Vec<Vec<f32>>, std::io::Error> {
    Ok(rows(&std::fs::read(file)?))
}

fn rows(bytes: &[u8]) -> Vec<Vec<f32>> {
    let row = |row: &[u8]| row.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    bytes.chunks_exact(DIMENSIONS * 4).map(row).collect()
}

/// Bytes this process has resident (proc(5), `VmRSS` in `status`).
fn resident() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.ok_or("no VmRSS")?.parse::<u64>()? * 1024)
}
