//! Embeds passages as `kbctl build` does, for `scripts/bench embed`: `embed MODEL PASSAGES THREADS`.
//!
//! PASSAGES has a JSON string a line. Prints a line of JSON: how long embedding took, and the vectors.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use rag_core::Embedder;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, passages, threads] = arguments.as_slice() else {
        return Err("usage: embed MODEL PASSAGES THREADS".into());
    };
    let embedder = rag_embedder::open(Path::new(model), threads.parse()?)?;
    let passages = std::fs::read_to_string(passages)?;
    let passages =
        passages.lines().map(serde_json::from_str).collect::<Result<Vec<String>, _>>()?;
    let passages: Vec<&str> = passages.iter().map(String::as_str).collect();
    // What is loaded at first use is loaded now.
    embedder.embed_passages(&passages[..passages.len().min(2 * embedder.threads())])?;
    let begun = Instant::now();
    let vectors = embedder.embed_passages(&passages)?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({ "seconds": seconds, "vectors": vectors }));
    Ok(())
}
