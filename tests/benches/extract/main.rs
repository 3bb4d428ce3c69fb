//! `scripts/bench extract`: how much of the text of real documents is read, in which order, and how fast, beside other readers.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure must stop")]

mod docx;
mod measure;
mod pdf;
mod readers;
mod text;

use std::path::PathBuf;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cache = PathBuf::from(std::env::var("SWITCHYARD_DOCUMENTS").unwrap());
    // `--format docx` measures one half alone.
    let only = arguments.windows(2).find(|pair| pair[0] == "--format").map(|pair| pair[1].clone());
    let wanted = |format: &str| only.as_deref().is_none_or(|only| only == format);
    if wanted("pdf") {
        pdf::report(&cache).publish(&arguments);
    }
    if wanted("docx") {
        docx::report(&cache).publish(&arguments);
    }
}
