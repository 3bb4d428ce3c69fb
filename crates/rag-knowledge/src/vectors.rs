//! `vectors.f32`: the passages' vectors, `[passages, dimensions]`, little-endian 32-bit floats.

use std::fs::File;
use std::io::Read;
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

/// Calls `each` with every vector in order, holding one in memory.
#[cfg_attr(not(feature = "build"), expect(dead_code, reason = "only a build reads vectors back"))]
pub(crate) fn for_each<E: From<KnowledgeError>>(
    path: &Path,
    dimensions: usize,
    mut each: impl FnMut(&[f32]) -> Result<(), E>,
) -> Result<(), E> {
    let fail = |e: std::io::Error| KnowledgeError::unreadable(path, e);
    let file = File::open(path).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut input = std::io::BufReader::with_capacity(1 << 18, file);
    let mut bytes = vec![0; dimensions * 4];
    let mut vector = Vec::with_capacity(dimensions);
    for _ in 0..length / (dimensions as u64 * 4).max(1) {
        input.read_exact(&mut bytes).map_err(fail)?;
        vector.clear();
        let (numbers, _) = bytes.as_chunks::<4>();
        vector.extend(numbers.iter().map(|n| f32::from_le_bytes(*n)));
        each(&vector)?;
    }
    Ok(())
}
