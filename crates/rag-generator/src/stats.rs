//! What the engine has done so far, readable from any thread without a lock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Counters the owner thread writes and `/metrics` reads.
#[derive(Debug, Default)]
pub struct EngineStats {
    pub(crate) prompt_tokens: AtomicU64,
    pub(crate) reused_tokens: AtomicU64,
    pub(crate) generated_tokens: AtomicU64,
    pub(crate) decode_steps: AtomicU64,
    pub(crate) busy_micros: AtomicU64,
    pub(crate) running: AtomicUsize,
    pub(crate) waiting: AtomicUsize,
    pub(crate) context_tokens: AtomicUsize,
    pub(crate) kept_prompts: AtomicUsize,
    pub(crate) kept_bytes: AtomicUsize,
    pub(crate) abandoned: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// Prompt tokens computed since the start.
    pub prompt_tokens: u64,
    /// Prompt tokens since the start that needed no computing: an earlier prompt of the same caller began alike.
    pub reused_tokens: u64,
    /// Tokens generated since the start.
    pub generated_tokens: u64,
    /// Steps of the model since the start; `generated_tokens` over this is the batching factor.
    pub decode_steps: u64,
    /// Time spent in those steps.
    pub busy: Duration,
    /// Answers being made now.
    pub running: usize,
    /// Questions waiting for a place.
    pub waiting: usize,
    /// Tokens held in the context now.
    pub context_tokens: usize,
    /// Prompts kept for the next that begins alike.
    pub kept_prompts: usize,
    /// Bytes of those that were copied out of the context.
    pub kept_bytes: usize,
    /// Answers stopped because their client went away.
    pub abandoned: u64,
}

impl EngineStats {
    /// The counters now.
    pub fn snapshot(&self) -> StatsSnapshot {
        StatsSnapshot {
            prompt_tokens: self.prompt_tokens.load(Ordering::Relaxed),
            reused_tokens: self.reused_tokens.load(Ordering::Relaxed),
            generated_tokens: self.generated_tokens.load(Ordering::Relaxed),
            decode_steps: self.decode_steps.load(Ordering::Relaxed),
            busy: Duration::from_micros(self.busy_micros.load(Ordering::Relaxed)),
            running: self.running.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            context_tokens: self.context_tokens.load(Ordering::Relaxed),
            kept_prompts: self.kept_prompts.load(Ordering::Relaxed),
            kept_bytes: self.kept_bytes.load(Ordering::Relaxed),
            abandoned: self.abandoned.load(Ordering::Relaxed),
        }
    }
}
