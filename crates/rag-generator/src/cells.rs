//! Which cells of the context are taken, and by how many.
//!
//! llama.cpp keeps what it computed for a token in a cell; sequences that begin alike share cells. It does not say how
//! many are free, so this is the account: every sequence holds the cells of its tokens, in order.

/// The account of all cells.
#[derive(Debug)]
pub(crate) struct Cells {
    /// How many sequences hold each cell.
    holders: Vec<u16>,
    free: Vec<u32>,
}

/// The cells of one sequence. They are given back with [`Cells::release`].
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<u32>);

impl Held {
    /// How many tokens the sequence has in the context.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Cells {
    /// An account of `count` cells, all free.
    pub(crate) fn new(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { holders: vec![0; count as usize], free: (0..count).rev().collect() }
    }

    pub(crate) fn count(&self) -> usize {
        self.holders.len()
    }

    pub(crate) fn free(&self) -> usize {
        self.free.len()
    }

    /// Takes a cell for the next token of a sequence. `false` when none is free.
    pub(crate) fn take(&mut self, held: &mut Held) -> bool {
        let Some(cell) = self.free.pop() else { return false };
        self.holders[cell as usize] = 1;
        held.0.push(cell);
        true
    }

    /// The first `tokens` cells of a sequence, held by another one as well.
    pub(crate) fn share(&mut self, of: &Held, tokens: usize) -> Held {
        let cells = of.0[..tokens.min(of.0.len())].to_vec();
        for cell in &cells {
            self.holders[*cell as usize] += 1;
        }
        Held(cells)
    }

    /// Gives the cells of a sequence back; those that nobody else holds are free.
    pub(crate) fn release(&mut self, held: Held) {
        for cell in held.0.into_iter().rev() {
            let holders = &mut self.holders[cell as usize];
            *holders -= 1;
            if *holders == 0 {
                self.free.push(cell);
            }
        }
    }

    /// How many cells these sequences hold together.
    pub(crate) fn held_by<'a>(&self, sequences: impl Iterator<Item = &'a Held>) -> usize {
        let mut seen = vec![false; self.holders.len()];
        let cells = sequences.flat_map(|held| &held.0);
        cells.filter(|cell| !std::mem::replace(&mut seen[**cell as usize], true)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_cell_is_free_when_the_last_that_holds_it_gives_it_back() {
        let mut cells = Cells::new(5);
        let mut first = Held::default();
        for _ in 0..3 {
            assert!(cells.take(&mut first));
        }
        let mut second = cells.share(&first, 2);
        assert!(cells.take(&mut second));
        assert_eq!((first.len(), second.len(), cells.free()), (3, 3, 1));
        assert_eq!(cells.held_by([&first, &second].into_iter()), 4);
        assert_eq!(cells.held_by([&second].into_iter()), 3);
        cells.release(first);
        assert_eq!(cells.free(), 2);
        cells.release(second);
        assert_eq!(cells.free(), cells.count());
    }

    #[test]
    fn there_are_not_more_cells_than_there_are() {
        let mut cells = Cells::new(1);
        let mut held = Held::default();
        assert!(cells.take(&mut held));
        assert!(!cells.take(&mut held));
        assert_eq!(held.len(), 1);
    }
}
