//! An index file opened by memory map, and searching in it.

use std::path::Path;

use rag_core::{Hit, Index, IndexError, PassageSet};
use usearch::MetricKind;

use crate::builder::options;
use crate::permits::Permits;
use crate::scalar::Scalar;

/// Up to this many passages every vector is compared (exact, about 1 ms for 10,000 vectors of 512
/// numbers); above it the graph is walked.
pub const EXACT_UP_TO: usize = 100_000;

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
pub struct UsearchIndex {
    index: usearch::Index,
    name: String,
    expected: Expected,
    permits: Permits,
}

impl UsearchIndex {
    /// Opens the file at `path` by memory map, for at most `searches` searches at the same time;
    /// further ones wait their turn.
    ///
    /// The file format has no checksum: callers compare its SHA-256 with the recorded one first.
    ///
    /// # Errors
    /// When the file is missing, too short, or is not what `expected` says.
    pub fn open(path: &Path, expected: Expected, searches: usize) -> Result<Self, IndexError> {
        let name = path.display().to_string();
        let fail = |cause: String| IndexError { subject: name.clone(), cause };
        let text = path.to_str().ok_or_else(|| fail("its path is not valid UTF-8".to_owned()))?;
        let length = std::fs::metadata(path).map_err(|e| fail(e.to_string()))?.len();
        let least = (expected.passages as u64)
            .saturating_mul(expected.dimensions as u64)
            .saturating_mul(expected.scalar.bytes())
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
        let index = usearch::Index::new(&options(expected.dimensions, expected.scalar))
            .map_err(|e| fail(e.to_string()))?;
        index.view(text).map_err(|e| fail(e.to_string()))?;
        if index.size() != expected.passages {
            return differs(
                "number of passages",
                &expected.passages.to_string(),
                &index.size().to_string(),
            );
        }
        let searches = searches.max(1);
        // Slots are given once, here: growing them while a search runs is not allowed.
        index
            .reserve_capacity_and_threads(expected.passages, searches)
            .map_err(|e| fail(e.to_string()))?;
        Ok(Self { index, name, expected, permits: Permits::new(searches) })
    }

    /// Looks at so many candidates in a search of the graph, not at [`EXPANSION_SEARCH`]: more find
    /// more of the nearest passages, and take longer.
    ///
    /// [`EXPANSION_SEARCH`]: crate::EXPANSION_SEARCH
    pub fn set_expansion(&mut self, candidates: usize) {
        self.index.change_expansion_search(candidates);
    }

    /// Compares every vector, whatever the size: the oracle for the recall of `search`.
    pub fn search_exact(&self, vector: &[f32], k: usize) -> Result<Vec<Hit>, IndexError> {
        self.search_by(vector, k, |v, k| {
            self.index.exact_search(v, k).map_err(|e| self.error(e.to_string()))
        })
    }

    /// Walks the graph, whatever the size.
    pub fn search_graph(&self, vector: &[f32], k: usize) -> Result<Vec<Hit>, IndexError> {
        self.search_by(vector, k, |v, k| {
            self.index.search(v, k).map_err(|e| self.error(e.to_string()))
        })
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

    /// What usearch found, best first, ties by position.
    fn hits(&self, matches: &usearch::ffi::Matches) -> Vec<Hit> {
        let mut hits: Vec<Hit> = matches
            .keys
            .iter()
            .zip(&matches.distances)
            // usearch gives a cosine distance, which is 1 − cosine.
            .map(|(key, distance)| Hit { passage: *key as usize, score: 1.0 - distance })
            .filter(|hit| hit.passage < self.expected.passages)
            .collect();
        hits.sort_by(best_first);
        hits
    }

    /// Compares the question with each passage of the set: a filter that leaves few passages would
    /// make a walk over the graph miss them.
    fn compare_with_each(
        &self,
        vector: &[f32],
        k: usize,
        among: &PassageSet,
    ) -> Result<Vec<Hit>, IndexError> {
        let mut stored = vec![0_f32; self.expected.dimensions];
        let mut hits = Vec::with_capacity(among.len());
        for passage in among.iter().take_while(|passage| *passage < self.expected.passages) {
            let found = self
                .index
                .get(passage as u64, &mut stored)
                .map_err(|e| self.error(e.to_string()))?;
            if found != 1 {
                return Err(self.error(format!("it has no vector of passage {passage}")));
            }
            hits.push(Hit { passage, score: cosine(vector, &stored) });
        }
        hits.sort_by(best_first);
        hits.truncate(k);
        Ok(hits)
    }

    /// The cosine of a question and one passage's stored vector, −1.0–1.0.
    ///
    /// # Errors
    /// When there is no such passage or the vector has another width than the index.
    pub fn cosine(&self, vector: &[f32], passage: usize) -> Result<f32, IndexError> {
        self.vector(passage).and_then(|stored| {
            self.check_question(vector)?;
            Ok(cosine(vector, &stored))
        })
    }

    /// A passage's stored vector, `[dimensions]`.
    ///
    /// # Errors
    /// When there is no such passage.
    pub fn vector(&self, passage: usize) -> Result<Vec<f32>, IndexError> {
        let mut stored = vec![0_f32; self.expected.dimensions];
        let _permit = self.permits.acquire();
        match self.index.get(passage as u64, &mut stored) {
            Ok(1) => Ok(stored),
            Ok(_) => Err(self.error(format!("it has no vector of passage {passage}"))),
            Err(e) => Err(self.error(e.to_string())),
        }
    }

    fn search_by(
        &self,
        vector: &[f32],
        k: usize,
        run: impl Fn(&[f32], usize) -> Result<usearch::ffi::Matches, IndexError>,
    ) -> Result<Vec<Hit>, IndexError> {
        self.check_question(vector)?;
        let held = self.expected.passages;
        let k = k.min(held);
        if k == 0 {
            return Ok(Vec::new());
        }
        let _permit = self.permits.acquire();
        let mut fetch = (k + 1).min(held);
        loop {
            let matches = run(vector, fetch)?;
            let mut hits = self.hits(&matches);
            // Equal scores at the cut: more are fetched until the lowest position is surely here.
            let tied = hits.len() == fetch
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
        self.check_question(vector)?;
        let k = k.min(self.expected.passages);
        if k == 0 || among.is_empty() {
            return Ok(Vec::new());
        }
        let _permit = self.permits.acquire();
        if among.len() <= EXACT_UP_TO {
            return self.compare_with_each(vector, k, among);
        }
        let matches = self
            .index
            .filtered_search(vector, k, |key| among.contains(key as usize))
            .map_err(|e| self.error(e.to_string()))?;
        Ok(self.hits(&matches))
    }

    fn len(&self) -> usize {
        self.expected.passages
    }
}

fn best_first(a: &Hit, b: &Hit) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage))
}

/// The cosine of two vectors of one width; 0.0 when one of them has no length.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let (mut dot, mut left, mut right) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f64::from(*x), f64::from(*y));
        dot += x * y;
        left += x * x;
        right += y * y;
    }
    let length = (left * right).sqrt();
    if length > 0.0 { (dot / length) as f32 } else { 0.0 }
}
