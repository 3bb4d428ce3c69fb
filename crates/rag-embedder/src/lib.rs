//! Text into vectors: ONNX models from folders, run by ONNX Runtime through fastembed.

mod cache;
mod description;
mod embedder;
mod error;
mod hash;
mod pool;
mod runtime;

pub use cache::ModelCache;
pub use description::{DESCRIPTION_FILE, Description};
pub use embedder::{OnnxEmbedder, open};
pub use error::OpenError;
