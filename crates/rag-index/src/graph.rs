//! The graph of an index file, opened by memory map, and walking it.
//!
//! The graph is a hierarchy of small worlds (Malkov and Yashunin 2016, arXiv:1603.09320), made by usearch. The walk is the
//! paper's algorithm 5, and finds what usearch's finds. In one thing it does more: before a question is compared with the
//! neighbors of a node, the processor is asked for the vectors of all of them, and they come while the first are
//! compared (docs/BENCHMARKS.md, searching vectors).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use memmap2::{Advice, Mmap};
use rag_core::PassageSet;

use crate::graph_file::{GraphFile, neighbors};
use crate::opened::Expected;
use crate::scalar::{Question, Scalar};
use crate::vectors;

/// A graph, and the vectors it was made of as it stores them.
pub(crate) struct Graph {
    map: Mmap,
    file: GraphFile,
    scalar: Scalar,
}

/// A node that was compared with the question; nearer is less.
#[derive(Clone, Copy)]
struct Candidate {
    distance: f32,
    node: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.distance.total_cmp(&other.distance).then(self.node.cmp(&other.node))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What a walk remembers; its memory is kept for the next one.
#[derive(Default)]
pub(crate) struct Memory {
    /// One bit for each node: whether it was met.
    met: Vec<u64>,
    /// The nodes that were met.
    trace: Vec<u32>,
    /// Those of a node's neighbors that were not met before.
    fresh: Vec<u32>,
    /// Nodes whose neighbors are to be looked at, nearest first.
    ahead: BinaryHeap<Reverse<Candidate>>,
    /// The best so far, farthest first.
    best: BinaryHeap<Candidate>,
}

impl Memory {
    /// Forgets the last walk.
    fn clear(&mut self, nodes: usize) {
        for node in self.trace.drain(..) {
            self.met[node as usize / 64] = 0;
        }
        self.met.resize(nodes.div_ceil(64), 0);
        self.ahead.clear();
        self.best.clear();
    }

    /// Whether the node is met for the first time. There must be such a node.
    fn meet(&mut self, node: u32) -> bool {
        let (word, bit) = (&mut self.met[node as usize / 64], 1 << (node % 64));
        let first = *word & bit == 0;
        *word |= bit;
        if first {
            self.trace.push(node);
        }
        first
    }
}

impl Graph {
    /// Opens the file at `path` by memory map.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn open(path: &Path, expected: &Expected) -> Result<Self, String> {
        let Expected { dimensions, scalar, passages } = *expected;
        let map = vectors::map(path).map_err(|e| e.to_string())?;
        let file = GraphFile::read(&map)?;
        let width = dimensions.saturating_mul(scalar.bytes());
        if file.width != width {
            return Err(format!("its vectors have {} bytes, not {width}", file.width));
        }
        if file.len() != passages {
            return Err(format!("it has {} nodes, and the manifest says {passages}", file.len()));
        }
        // A walk goes anywhere: what lies around a node is not read with it. A system that does not know the advice reads more.
        let _ = map.advise(Advice::Random);
        Ok(Self { map, file, scalar })
    }

    /// The passages of the `wanted` nodes nearest to `question`, of `candidates` that are looked at, in no order; where
    /// `among` is given, only its own.
    ///
    /// # Errors
    /// When the file leads nowhere.
    pub(crate) fn nearest(
        &self,
        question: &[f32],
        wanted: usize,
        candidates: usize,
        among: Option<&PassageSet>,
        memory: &mut Memory,
    ) -> Result<Vec<usize>, String> {
        let question = Question::new(question, self.scalar);
        memory.clear(self.file.len());
        self.walk(&question, candidates.max(wanted), among, memory)
            .and_then(|()| {
                while memory.best.len() > wanted {
                    memory.best.pop();
                }
                memory.best.drain().map(|found| self.passage(found.node)).collect()
            })
            .ok_or_else(|| "a node of its graph is damaged".to_owned())
    }

    /// Fills `memory.best` with the nearest `candidates`; nothing when a node is damaged.
    fn walk(
        &self,
        question: &Question,
        candidates: usize,
        among: Option<&PassageSet>,
        memory: &mut Memory,
    ) -> Option<()> {
        let Some((entry, highest)) = self.file.entry else { return Some(()) };
        let mut nearest = self.compared(question, entry)?;
        for level in (1..=highest).rev() {
            nearest = self.descend(question, nearest, level)?;
        }
        let count = self.file.len();
        let mut fresh = std::mem::take(&mut memory.fresh);
        fresh.clear();
        memory.meet(nearest.node);
        fresh.push(nearest.node);
        loop {
            for node in fresh.drain(..) {
                let found = self.compared(question, node)?;
                let full = memory.best.len() == candidates;
                if full && memory.best.peek().is_some_and(|farthest| *farthest <= found) {
                    continue;
                }
                if memory.ahead.peek().is_none_or(|Reverse(first)| found < *first) {
                    prefetch(self.file.room(&self.map, node, 0)?);
                }
                memory.ahead.push(Reverse(found));
                let admitted = match among {
                    None => true,
                    Some(among) => among.contains(self.passage(node)?),
                };
                if admitted {
                    if full {
                        memory.best.pop();
                    }
                    memory.best.push(found);
                }
            }
            let Some(Reverse(next)) = memory.ahead.pop() else { break };
            let full = memory.best.len() == candidates;
            if full && memory.best.peek().is_some_and(|farthest| *farthest < next) {
                break;
            }
            for node in neighbors(self.file.room(&self.map, next.node, 0)?) {
                if node as usize >= count {
                    return None;
                }
                if memory.meet(node) {
                    prefetch(self.file.vector(&self.map, node)?);
                    fresh.push(node);
                }
            }
        }
        memory.fresh = fresh;
        Some(())
    }

    /// The nearest node on a level above the lowest, from one that is on it.
    fn descend(&self, question: &Question, from: Candidate, level: usize) -> Option<Candidate> {
        let mut nearest = from;
        loop {
            let room = self.file.room(&self.map, nearest.node, level)?;
            for node in neighbors(room) {
                prefetch(self.file.vector(&self.map, node)?);
            }
            let before = nearest;
            for node in neighbors(room) {
                nearest = nearest.min(self.compared(question, node)?);
            }
            if nearest == before {
                return Some(nearest);
            }
        }
    }

    fn compared(&self, question: &Question, node: u32) -> Option<Candidate> {
        let distance = question.distance(self.file.vector(&self.map, node)?)?;
        Some(Candidate { distance, node })
    }

    fn passage(&self, node: u32) -> Option<usize> {
        usize::try_from(self.file.key(&self.map, node)?).ok()
    }
}

/// Asks the processor for bytes that will be read soon. More than the first 512 come by themselves when these are read.
#[inline(always)]
fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64).take(8) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[expect(
            unsafe_code,
            reason = "the hint has no safe form; it reads nothing, and any address is allowed"
        )]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}
