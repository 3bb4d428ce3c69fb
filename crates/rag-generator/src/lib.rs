//! A prompt into words, many prompts at once.
//!
//! llama.cpp makes the words. One thread owns its context and runs continuous batching: every step carries one token of
//! each running answer and as many prompt tokens as keep it short. Everyone else hands it jobs through a bounded queue.
//! Prompts are kept for the next one of the same caller that begins alike.

mod answer;
mod batching;
mod choosing;
mod device;
mod engine;
mod kept;
mod loading;
mod model_file;
mod pace;
mod proof;
mod stats;
mod template;
mod text;

pub use device::{Device, DeviceInUse, GpuBackend, NoSuchDevice, NotADevice, ladder};
pub use engine::{EngineSettings, KvType, LlamaGenerator, LoadError, MOST_SLOTS};
pub use model_file::hash;
pub use proof::{ProofError, prove};
pub use stats::{EngineStats, StatsSnapshot};
