//! The nearest passages to a vector: the trait.

/// One passage found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The passage's position in the knowledge base, counted from 0.
    pub passage: usize,
    /// Cosine similarity, −1.0–1.0, higher is nearer (not a distance).
    pub score: f32,
}

/// A search or an index file failed; the message names the file and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{subject}: {cause}")]
pub struct IndexError {
    /// The file or the operation.
    pub subject: String,
    /// What went wrong, one clause.
    pub cause: String,
}

/// Finds passages by vector.
pub trait Index: Send + Sync {
    /// The `k` nearest passages, best first; fewer when the index holds fewer. Ties are ordered by
    /// passage position so that the same question always gives the same answer.
    fn search(&self, vector: &[f32], k: usize) -> Result<Vec<Hit>, IndexError>;

    /// How many passages it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
