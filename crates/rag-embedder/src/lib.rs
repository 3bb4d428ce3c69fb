//! Text into vectors, and reranking: ONNX models from folders, run by ONNX Runtime; rerankers through fastembed.

mod cache;
mod description;
mod embedder;
mod encoder;
mod error;
mod hash;
mod model_folder;
mod pool;
mod reranker;
mod runtime;

pub use cache::ModelCache;
pub use description::{DESCRIPTION_FILE, Description, RERANKER_FILE, RerankerDescription};
pub use embedder::{OnnxEmbedder, open};
pub use error::OpenError;
pub use reranker::{OnnxReranker, open_reranker};
