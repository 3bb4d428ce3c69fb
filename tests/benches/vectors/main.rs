//! `scripts/bench search` and `scripts/bench open`: the index of vectors beside faiss and hnswlib, over the same vectors.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

mod opening;
mod searching;
mod systems;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--open") {
        opening::bench(&arguments);
    } else {
        searching::bench(&arguments);
    }
}
