//! A prompt into words, many prompts at once.
//!
//! llama.cpp makes the words. One thread owns its context and runs continuous batching: every step carries one token of
//! each running answer and as many prompt tokens as keep it short. Everyone else hands it jobs through a bounded queue.
//! Prompts are kept for the next one of the same caller that begins alike.

mod answer;
mod batching;
mod cells;
mod choosing;
mod engine;
mod kept;
mod model_file;
mod pace;
mod stats;
mod template;
mod text;

pub use engine::{EngineSettings, KvType, LlamaGenerator, LoadError, MOST_SEQUENCES};
pub use model_file::hash;
pub use stats::{EngineStats, StatsSnapshot};
