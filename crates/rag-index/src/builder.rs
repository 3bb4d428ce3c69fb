//! Makes an index file from vectors.

use std::path::Path;

use rag_core::IndexError;
use usearch::{Index, IndexOptions, MetricKind};

use crate::scalar::Scalar;

/// Neighbors per node of the HNSW graph; usearch's own default.
pub const CONNECTIVITY: usize = 16;
/// Candidates looked at when a vector is added; usearch's own default.
pub const EXPANSION_ADD: usize = 128;
/// Candidates looked at in a search. Among 100,000 vectors 48 find 99 of 100 of the nearest, among a million 24
/// (docs/BENCHMARKS.md); embeddings of texts are less even than those.
pub const EXPANSION_SEARCH: usize = 128;

/// The version of the index library, recorded in manifests.
pub fn library_version() -> &'static str {
    usearch::version()
}

fn options(dimensions: usize, scalar: Scalar) -> IndexOptions {
    IndexOptions {
        dimensions,
        metric: MetricKind::Cos,
        quantization: scalar.kind(),
        connectivity: CONNECTIVITY,
        expansion_add: EXPANSION_ADD,
        expansion_search: EXPANSION_SEARCH,
        multi: false,
    }
}

/// Collects vectors in passage order, then writes them to a file.
pub struct IndexBuilder {
    index: Index,
    dimensions: usize,
    added: u64,
    capacity: usize,
}

impl IndexBuilder {
    /// An empty index for `capacity` vectors of `dimensions` numbers, compared by cosine.
    pub fn new(dimensions: usize, scalar: Scalar, capacity: usize) -> Result<Self, IndexError> {
        let fail = |cause: String| IndexError { subject: "a new index".to_owned(), cause };
        if dimensions == 0 {
            return Err(fail("a vector needs at least one dimension".to_owned()));
        }
        let index = Index::new(&options(dimensions, scalar)).map_err(|e| fail(e.to_string()))?;
        // One thread: with several, the order of insertion and so the graph would vary.
        index.reserve_capacity_and_threads(capacity, 1).map_err(|e| fail(e.to_string()))?;
        Ok(Self { index, dimensions, added: 0, capacity })
    }

    /// Adds the vector of the next passage.
    ///
    /// # Errors
    /// When it is not `dimensions` finite numbers.
    pub fn add(&mut self, vector: &[f32]) -> Result<(), IndexError> {
        let fail = |cause: String| IndexError { subject: format!("vector {}", self.added), cause };
        if vector.len() != self.dimensions {
            return Err(fail(format!(
                "it has {} dimensions, the index {}",
                vector.len(),
                self.dimensions
            )));
        }
        if vector.iter().any(|x| !x.is_finite()) {
            return Err(fail("it holds a number that is not finite".to_owned()));
        }
        if self.added as usize >= self.capacity {
            self.capacity = self.capacity.saturating_mul(2).max(64);
            self.index
                .reserve_capacity_and_threads(self.capacity, 1)
                .map_err(|e| fail(e.to_string()))?;
        }
        self.index.add(self.added, vector).map_err(|e| fail(e.to_string()))?;
        self.added += 1;
        Ok(())
    }

    /// Writes the index to `path`.
    pub fn save(self, path: &Path) -> Result<(), IndexError> {
        let fail = |cause: String| IndexError { subject: path.display().to_string(), cause };
        let name = path.to_str().ok_or_else(|| fail("its path is not valid UTF-8".to_owned()))?;
        self.index.save(name).map_err(|e| fail(e.to_string()))
    }
}
