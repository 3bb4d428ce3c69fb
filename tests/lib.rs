//! Starts the real programs for tests: processes, a tiny HTTP client, and workers that are only pretended.

#[expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test harness panics with the cause"
)]
pub mod harness;
