//! A graph and the vectors it was made of, opened by memory map, and searching in them.

use std::path::Path;

use rag_core::{Hit, Index, IndexError, PassageSet};
use usearch::MetricKind;

use crate::builder::EXPANSION_SEARCH;
use crate::graph::Graph;
use crate::memories::Memories;
use crate::scalar::Scalar;
use crate::vectors::{Vectors, cosine};

/// Up to this many passages every vector is compared (exact, and milliseconds); above it the graph is walked.
pub const EXACT_UP_TO: usize = 20_000;

/// A walk asks the graph for so many times the passages it is asked for, and compares those again.
const COMPARED_AGAIN: usize = 2;

/// The first bytes of an index file (usearch's `default_magic`) stand behind the vectors; this is
/// the size of that header, the least a file can hold.
const HEADER_BYTES: u64 = 64;

/// What the manifest says an index file holds. Opening refuses a file that holds anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Numbers per vector.
    pub dimensions: usize,
    /// How each number is stored.
    pub scalar: Scalar,
    /// How many vectors.
    pub passages: usize,
}

/// A read-only index; searching is safe from any number of threads.
///
/// Scores are cosines of the vectors as they were embedded, whatever the graph stores.
pub struct UsearchIndex {
    graph: Graph,
    vectors: Vectors,
    name: String,
    expected: Expected,
    candidates: usize,
    memories: Memories,
}

impl UsearchIndex {
    /// Opens the graph at `path` and the vectors it was made of at `vectors` by memory map, for at most `searches`
    /// walks at the same time; further ones wait their turn.
    ///
    /// The formats have no checksum: callers compare the files' SHA-256 with the recorded ones first.
    ///
    /// # Errors
    /// When a file is missing, too short, or is not what `expected` says.
    pub fn open(
        path: &Path,
        vectors: &Path,
        expected: Expected,
        searches: usize,
    ) -> Result<Self, IndexError> {
        let name = path.display().to_string();
        let fail = |cause: String| IndexError { subject: name.clone(), cause };
        let text = path.to_str().ok_or_else(|| fail("its path is not valid UTF-8".to_owned()))?;
        let length = std::fs::metadata(path).map_err(|e| fail(e.to_string()))?.len();
        let least = (expected.passages as u64)
            .saturating_mul(expected.dimensions as u64)
            .saturating_mul(expected.scalar.bytes() as u64)
            .saturating_add(HEADER_BYTES);
        if length < least {
            return Err(fail(format!(
                "it has {length} bytes, and {} passages of {} dimensions need at least {least}: it \
                 is cut short",
                expected.passages, expected.dimensions
            )));
        }
        let found = usearch::Index::metadata(text).map_err(|e| fail(e.to_string()))?;
        let differs = |what: &str, ours: &str, theirs: &str| {
            Err(fail(format!("its {what} is {theirs}, and the manifest says {ours}")))
        };
        if found.metric != MetricKind::Cos {
            return differs("metric", "cosine", &format!("{:?}", found.metric));
        }
        if found.dimensions != expected.dimensions as u64 {
            return differs(
                "number of dimensions",
                &expected.dimensions.to_string(),
                &found.dimensions.to_string(),
            );
        }
        if found.quantization != expected.scalar.kind() {
            return differs(
                "scalar",
                expected.scalar.as_str(),
                &format!("{:?}", found.quantization),
            );
        }
        if found.count_present != expected.passages as u64 || found.count_deleted != 0 {
            return differs(
                "number of passages",
                &expected.passages.to_string(),
                &found.count_present.to_string(),
            );
        }
        let graph = Graph::open(path, &expected).map_err(fail)?;
        let held = Vectors::open(vectors, expected.dimensions)?;
        if held.len() != expected.passages {
            let cause = format!(
                "it has {} vectors, and the manifest says {}",
                held.len(),
                expected.passages
            );
            return Err(IndexError { subject: vectors.display().to_string(), cause });
        }
        if expected.passages > EXACT_UP_TO {
            held.expect_single();
        }
        let memories = Memories::new(searches.max(1));
        Ok(Self { graph, vectors: held, name, expected, candidates: EXPANSION_SEARCH, memories })
    }

    /// Looks at so many candidates in a search of the graph, not at [`EXPANSION_SEARCH`]: more find
    /// more of the nearest passages, and take longer.
    ///
    /// [`EXPANSION_SEARCH`]: crate::EXPANSION_SEARCH
    pub fn set_expansion(&mut self, candidates: usize) {
        self.candidates = candidates;
    }

    /// Compares every vector, whatever the size: the oracle for the recall of `search`.
    ///
    /// # Errors
    /// When the vector has another width than the index or a number that is not finite.
    pub fn search_exact(&self, vector: &[f32], k: usize) -> Result<Vec<Hit>, IndexError> {
        self.check_question(vector)?;
        Ok(self.vectors.nearest(vector, k, 0..self.expected.passages))
    }

    /// Walks the graph, whatever the size.
    ///
    /// # Errors
    /// When the vector has another width than the index or a number that is not finite.
    pub fn search_graph(&self, vector: &[f32], k: usize) -> Result<Vec<Hit>, IndexError> {
        self.walk(vector, k, None)
    }

    /// Walks the graph to passages of `among`, whatever their number.
    ///
    /// # Errors
    /// When the vector has another width than the index or a number that is not finite.
    pub fn search_graph_among(
        &self,
        vector: &[f32],
        k: usize,
        among: &PassageSet,
    ) -> Result<Vec<Hit>, IndexError> {
        self.walk(vector, k, Some(among))
    }

    fn error(&self, cause: String) -> IndexError {
        IndexError { subject: self.name.clone(), cause }
    }

    fn check_question(&self, vector: &[f32]) -> Result<(), IndexError> {
        if vector.len() != self.expected.dimensions {
            return Err(self.error(format!(
                "the question's vector has {} dimensions, the index {}",
                vector.len(),
                self.expected.dimensions
            )));
        }
        if vector.iter().any(|x| !x.is_finite()) {
            return Err(
                self.error("the question's vector holds a number that is not finite".into())
            );
        }
        Ok(())
    }

    /// The cosine of a question and one passage's vector, −1.0–1.0.
    ///
    /// # Errors
    /// When there is no such passage or the question has another width than the index.
    pub fn cosine(&self, vector: &[f32], passage: usize) -> Result<f32, IndexError> {
        self.check_question(vector)?;
        self.vector(passage).map(|stored| cosine(vector, stored))
    }

    /// A passage's vector, `[dimensions]`.
    ///
    /// # Errors
    /// When there is no such passage.
    pub fn vector(&self, passage: usize) -> Result<&[f32], IndexError> {
        let stored = self.vectors.get(passage);
        stored.ok_or_else(|| self.error(format!("it has no vector of passage {passage}")))
    }

    /// The best `k` of those that the graph gives when it is asked for more than that: it knows the vectors less exactly
    /// than they are, so what it finds is compared again.
    fn walk(
        &self,
        vector: &[f32],
        k: usize,
        among: Option<&PassageSet>,
    ) -> Result<Vec<Hit>, IndexError> {
        self.check_question(vector)?;
        let held = self.expected.passages;
        let k = k.min(held);
        if k == 0 {
            return Ok(Vec::new());
        }
        let mut fetch = k.saturating_mul(COMPARED_AGAIN).min(held);
        loop {
            let found = self
                .memories
                .lend(|memory| self.graph.nearest(vector, fetch, self.candidates, among, memory));
            let found = found.map_err(|cause| self.error(cause))?;
            let fetched = found.len();
            let mut hits = self.vectors.nearest(vector, fetched, found.into_iter());
            // Equal scores at the cut: more are fetched until the lowest position is surely here.
            let tied = fetched == fetch
                && fetch < held
                && hits.last().map(|h| h.score) == hits.get(k - 1).map(|h| h.score);
            if !tied {
                hits.truncate(k);
                return Ok(hits);
            }
            fetch = fetch.saturating_mul(2).min(held);
        }
    }
}

impl Index for UsearchIndex {
    fn search(&self, vector: &[f32], k: usize) -> Result<Vec<Hit>, IndexError> {
        if self.expected.passages <= EXACT_UP_TO {
            self.search_exact(vector, k)
        } else {
            self.search_graph(vector, k)
        }
    }

    fn search_among(
        &self,
        vector: &[f32],
        k: usize,
        among: &PassageSet,
    ) -> Result<Vec<Hit>, IndexError> {
        if among.len() <= EXACT_UP_TO {
            self.check_question(vector)?;
            return Ok(self.vectors.nearest(vector, k, among.iter()));
        }
        self.search_graph_among(vector, k, among)
    }

    fn len(&self) -> usize {
        self.expected.passages
    }
}
