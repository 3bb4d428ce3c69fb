//! Any bytes as a PDF: no panic, no hang, and what is read keeps to the limits.
#![no_main]

#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::read(data.to_vec(), "a.pdf"));
