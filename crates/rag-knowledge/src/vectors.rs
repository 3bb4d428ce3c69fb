//! `vectors.f32`: the passages' vectors, `[passages, dimensions]`, little-endian 32-bit floats.

use std::path::Path;

use crate::error::KnowledgeError;

/// Refuses a vectors file that is not exactly as long as the manifest says.
pub(crate) fn check_length(
    path: &Path,
    passages: usize,
    dimensions: usize,
) -> Result<(), KnowledgeError> {
    let length = std::fs::metadata(path).map_err(|e| KnowledgeError::unreadable(path, e))?.len();
    let expected = (passages as u64).saturating_mul(dimensions as u64).saturating_mul(4);
    if length != expected {
        let cause = format!("it has {length} bytes, and {passages} passages need {expected}");
        return Err(KnowledgeError::malformed(path, cause));
    }
    Ok(())
}

/// The vectors of a knowledge base, finished or not.
#[cfg(feature = "build")]
pub(crate) fn open(path: &Path, dimensions: usize) -> Result<rag_index::Vectors, KnowledgeError> {
    rag_index::Vectors::open(path, dimensions)
        .map_err(|e| KnowledgeError::unreadable(path, e.cause))
}
