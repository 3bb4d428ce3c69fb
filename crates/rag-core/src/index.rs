//! Finding passages by vector or by words: the shapes, and the trait of the first.

/// One passage found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The passage's position in the knowledge base, counted from 0.
    pub passage: usize,
    /// How near it is, higher is nearer: the cosine (−1.0–1.0, not a distance) of a search by
    /// vector, the BM25 score (from 0.0, without an upper end) of one by words.
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

    /// The `k` nearest of the passages in `among`, otherwise like [`Index::search`].
    fn search_among(
        &self,
        vector: &[f32],
        k: usize,
        among: &PassageSet,
    ) -> Result<Vec<Hit>, IndexError>;

    /// How many passages it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Some of the passages of a knowledge base: one bit each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PassageSet {
    words: Vec<u64>,
    count: usize,
}

impl PassageSet {
    /// The passages in any of `ranges` of positions.
    pub fn from_ranges(ranges: impl IntoIterator<Item = std::ops::Range<usize>>) -> Self {
        let mut set = Self::default();
        for passage in ranges.into_iter().flatten() {
            let (word, bit) = (passage / 64, 1_u64 << (passage % 64));
            if set.words.len() <= word {
                set.words.resize(word + 1, 0);
            }
            set.count += usize::from(set.words[word] & bit == 0);
            set.words[word] |= bit;
        }
        set
    }

    /// Whether the passage at this position belongs to it.
    pub fn contains(&self, passage: usize) -> bool {
        self.words.get(passage / 64).is_some_and(|word| word & (1 << (passage % 64)) != 0)
    }

    /// How many passages belong to it.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The positions, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at * 64 + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::PassageSet;

    #[test]
    fn a_set_holds_what_its_ranges_hold() {
        let set = PassageSet::from_ranges([3..5, 64..66, 4..6]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 4, 5, 64, 65]);
        assert_eq!(set.len(), 5);
        assert!(set.contains(64) && !set.contains(6) && !set.contains(1_000_000));
        assert!(PassageSet::from_ranges([]).is_empty());
    }
}
