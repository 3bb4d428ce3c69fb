//! Any bytes as Markdown, HTML, plain text or comma-separated values: the first byte chooses.
#![no_main]

#[path = "../checks.rs"]
mod checks;

const NAMES: [&str; 4] = ["a.md", "a.html", "a.txt", "a.csv"];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((choice, content)) = data.split_first() else { return };
    checks::read(content.to_vec(), NAMES[usize::from(*choice) % NAMES.len()]);
});
