//! A prompt into words, many prompts at once.
//!
//! llama.cpp makes the words. One thread owns its context and runs continuous batching: every step
//! carries one token of each running answer and as many prompt tokens as still fit. Everyone else
//! hands it jobs through a bounded queue.

mod batching;
mod engine;
mod model_file;
mod stats;
mod template;
mod text;

pub use engine::{EngineSettings, LlamaGenerator, LoadError};
pub use stats::{EngineStats, StatsSnapshot};
