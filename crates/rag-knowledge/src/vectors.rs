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

/// The vectors of a knowledge base, finished or not, each read when asked for.
#[cfg(feature = "build")]
pub(crate) struct VectorFile {
    path: std::path::PathBuf,
    file: std::fs::File,
    dimensions: usize,
}

#[cfg(feature = "build")]
impl VectorFile {
    pub(crate) fn open(path: &Path, dimensions: usize) -> Result<Self, KnowledgeError> {
        let file = std::fs::File::open(path).map_err(|e| KnowledgeError::unreadable(path, e))?;
        Ok(Self { path: path.to_owned(), file, dimensions })
    }

    /// How many whole vectors it holds.
    pub(crate) fn len(&self) -> Result<usize, KnowledgeError> {
        let fail = |e| KnowledgeError::unreadable(&self.path, e);
        let bytes = self.file.metadata().map_err(fail)?.len();
        Ok((bytes / (self.dimensions as u64 * 4).max(1)) as usize)
    }

    pub(crate) fn get(&self, position: usize) -> Result<Vec<f32>, KnowledgeError> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; self.dimensions * 4];
        let at = position as u64 * bytes.len() as u64;
        self.file
            .read_exact_at(&mut bytes, at)
            .map_err(|e| KnowledgeError::unreadable(&self.path, e))?;
        let (numbers, _) = bytes.as_chunks::<4>();
        Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }
}
