//! Where in a usearch index file the vectors and the nodes of the graph lie.
//!
//! The file is that of usearch 2 (`save_to_stream` of its `index_dense_gt` and `index_gt`), little-endian, one part
//! behind the other:
//!
//! | part | what it holds |
//! |---|---|
//! | size | `u32` vectors, `u32` bytes of a vector |
//! | vectors | `[vectors, dimensions]`, in the order of the nodes |
//! | head | 64 bytes: the letters `usearch`, `u16` major version, and what [`usearch::Index::metadata`] tells |
//! | graph | `u64` each: nodes, neighbors above, neighbors on the lowest level, highest level, the node to begin with |
//! | levels | `i16` for each node |
//! | nodes | `u64` key, `i16` level; for each level from the lowest, `u32` how many neighbors, and `u32` each, with room for as many as there may be |

use std::ops::Range;

const HEAD_BYTES: usize = 64;
const NODE_HEAD_BYTES: usize = 10;
const MAGIC: &[u8] = b"usearch";
const MAJOR: u16 = 2;

/// Where everything lies, checked against the length of the file.
pub(crate) struct GraphFile {
    /// The bytes of all vectors.
    pub(crate) vectors: Range<usize>,
    /// Bytes of a vector.
    pub(crate) width: usize,
    /// Where the search begins, and the highest level it is on; nothing in a graph without nodes.
    pub(crate) entry: Option<(u32, usize)>,
    /// Where each node begins, and behind them the end of the last.
    nodes: Vec<usize>,
    lowest_bytes: usize,
    upper_bytes: usize,
}

impl GraphFile {
    /// Reads where everything lies.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn read(file: &[u8]) -> Result<Self, String> {
        let mut rest = Rest { file, at: 0 };
        let (count, width) = (rest.u32()? as usize, rest.u32()? as usize);
        let begin = rest.at;
        rest.take(count.saturating_mul(width))?;
        let vectors = begin..rest.at;
        let head = rest.take(HEAD_BYTES)?;
        if head.strip_prefix(MAGIC).is_none_or(|head| !head.starts_with(&MAJOR.to_le_bytes())) {
            return Err(format!("it is not an index of usearch {MAJOR}"));
        }
        let (nodes, above, lowest) = (rest.u64()?, rest.u64()?, rest.u64()?);
        let (highest, entry) = (rest.u64()?, rest.u64()?);
        if nodes != count {
            return Err(format!("it has {count} vectors and {nodes} nodes"));
        }
        let room = |neighbors: usize| neighbors.saturating_mul(4).saturating_add(4);
        let (lowest_bytes, upper_bytes) = (room(lowest), room(above));
        let levels = rest.take(count.saturating_mul(2))?.as_chunks().0;
        let levels = levels.iter().map(|level| usize::try_from(i16::from_le_bytes(*level)).ok());
        let entry = match levels.clone().nth(entry) {
            Some(Some(level)) if highest <= level => Some((entry as u32, highest)),
            None if count == 0 => None,
            _ => return Err("its first node is damaged".to_owned()),
        };
        let mut nodes = Vec::with_capacity(count + 1);
        let mut at = rest.at;
        for level in levels {
            nodes.push(at);
            let level = level.ok_or("the level of a node is damaged")?;
            at = at
                .saturating_add(NODE_HEAD_BYTES.saturating_add(lowest_bytes))
                .saturating_add(upper_bytes.saturating_mul(level));
        }
        nodes.push(at);
        if at > file.len() {
            return Err(CUT_SHORT.to_owned());
        }
        Ok(Self { vectors, width, entry, nodes, lowest_bytes, upper_bytes })
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    /// The vector of a node; nothing behind the last one.
    pub(crate) fn vector<'a>(&self, file: &'a [u8], node: u32) -> Option<&'a [u8]> {
        let begin = node as usize * self.width;
        file[self.vectors.clone()].get(begin..begin + self.width)
    }

    /// The key of a node.
    pub(crate) fn key(&self, file: &[u8], node: u32) -> Option<u64> {
        let begin = *self.nodes.get(node as usize)?;
        file.get(begin..)?.first_chunk().map(|key| u64::from_le_bytes(*key))
    }

    /// The neighbors of a node on a level it is on, the count first: as they lie, to be asked for before they are read.
    pub(crate) fn room<'a>(&self, file: &'a [u8], node: u32, level: usize) -> Option<&'a [u8]> {
        let [begin, end] = *self.nodes.get(node as usize..)?.first_chunk()?;
        let node = file.get(begin + NODE_HEAD_BYTES..end)?;
        match level.checked_sub(1) {
            None => node.get(..self.lowest_bytes),
            Some(above) => node.get(self.lowest_bytes..)?.chunks_exact(self.upper_bytes).nth(above),
        }
    }
}

/// The neighbors that lie in a node's room.
pub(crate) fn neighbors(room: &[u8]) -> impl Iterator<Item = u32> {
    let mut numbers = room.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number));
    let count = numbers.next().unwrap_or_default();
    numbers.take(count as usize)
}

const CUT_SHORT: &str = "it is cut short";

/// What of a file is not read yet.
struct Rest<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], String> {
        let taken = self.file[self.at..].get(..bytes).ok_or(CUT_SHORT)?;
        self.at += bytes;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.first_chunk().copied().ok_or_else(|| CUT_SHORT.to_owned())
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.number().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<usize, String> {
        let number = self.number().map(u64::from_le_bytes)?;
        usize::try_from(number).map_err(|_| "a number in it is too large".to_owned())
    }
}
