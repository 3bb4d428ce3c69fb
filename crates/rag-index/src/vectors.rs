//! The vectors as they were embedded, in a file opened by memory map, and comparing a question with them.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;
use numkong::Angular;
use rag_core::{Hit, IndexError};

// The file is little-endian, and its numbers are used where they lie.
const _: () = assert!(cfg!(target_endian = "little"));

/// Vectors of one width, `[vectors, dimensions]`, little-endian 32-bit floats.
pub struct Vectors {
    map: Mmap,
    dimensions: usize,
}

impl Vectors {
    /// Opens the file at `path` by memory map. A vector that is not there to its end is left out.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path, dimensions: usize) -> Result<Self, IndexError> {
        let map = map(path).map_err(|e| IndexError {
            subject: path.display().to_string(),
            cause: e.to_string(),
        })?;
        Ok(Self { map, dimensions })
    }

    /// Says that single vectors will be asked for, not one after the other: their neighbors are not read with them.
    pub(crate) fn expect_single(&self) {
        // A system that does not know the advice reads more.
        let _ = self.map.advise(memmap2::Advice::Random);
    }

    /// How many whole vectors it holds.
    pub fn len(&self) -> usize {
        self.map.len() / (self.dimensions * size_of::<f32>()).max(1)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The vector at `position`, `[dimensions]`; nothing behind the last.
    pub fn get(&self, position: usize) -> Option<&[f32]> {
        let width = self.dimensions * size_of::<f32>();
        let begin = position.checked_mul(width)?;
        let bytes = self.map.get(begin..begin.checked_add(width)?)?;
        // A map begins at a page, and a page at a multiple of four bytes.
        bytemuck::try_cast_slice(bytes).ok()
    }

    /// The `k` of these positions that are nearest to `question`, best first, ties by position. Positions behind the
    /// last vector are left out.
    pub(crate) fn nearest(
        &self,
        question: &[f32],
        k: usize,
        positions: impl Iterator<Item = usize>,
    ) -> Vec<Hit> {
        let mut hits: Vec<Hit> = positions
            .filter_map(|passage| {
                Some(Hit { passage, score: cosine(question, self.get(passage)?) })
            })
            .collect();
        if k < hits.len() {
            hits.select_nth_unstable_by(k, best_first);
            hits.truncate(k);
        }
        hits.sort_by(best_first);
        hits
    }
}

/// The bytes of a file of a knowledge base, by memory map.
pub(crate) fn map(path: &Path) -> std::io::Result<Mmap> {
    let file = File::open(path)?;
    #[expect(
        unsafe_code,
        reason = "the standard library has no memory map. A tag's files are never written again, and those that \
                  a killed build left are read by the one build that holds their lock: nothing changes the bytes"
    )]
    let map = unsafe { Mmap::map(&file) }?;
    Ok(map)
}

fn best_first(a: &Hit, b: &Hit) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage))
}

/// The cosine of two vectors of one width, −1.0–1.0, summed in 64 bits; 0.0 when one of them has no length or another
/// width.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    // numkong calls two vectors without length the same.
    if a.iter().all(|x| *x == 0.0) {
        return 0.0;
    }
    f32::angular(a, b).map_or(0.0, |distance| (1.0 - distance) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_is_that_of_its_definition() {
        let a: Vec<f32> = (0..384).map(|i| (i as f32 * 0.37).sin()).collect();
        let b: Vec<f32> = (0..384).map(|i| (i as f32 * 0.11).cos() * 3.0).collect();
        let sum = |x: &[f32], y: &[f32]| -> f64 {
            x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
        };
        let defined = sum(&a, &b) / (sum(&a, &a) * sum(&b, &b)).sqrt();
        assert!((f64::from(cosine(&a, &b)) - defined).abs() < 1e-7);
        assert_eq!(cosine(&a, &a), 1.0);
        let opposite: Vec<f32> = a.iter().map(|x| -x).collect();
        assert_eq!(cosine(&a, &opposite), -1.0);
    }

    #[test]
    fn what_has_no_length_is_like_nothing() {
        assert_eq!(cosine(&[0.0; 3], &[0.0; 3]), 0.0);
        assert_eq!(cosine(&[0.0; 3], &[1.0; 3]), 0.0);
        assert_eq!(cosine(&[1.0; 3], &[0.0; 3]), 0.0);
    }

    #[test]
    fn a_vector_that_is_cut_short_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.f32");
        let bytes: Vec<u8> = (0..5).flat_map(|i| (i as f32).to_le_bytes()).collect();
        std::fs::write(&path, &bytes[..19]).unwrap();
        let vectors = Vectors::open(&path, 2).unwrap();
        assert_eq!(vectors.len(), 2);
        assert_eq!(vectors.get(1), Some([2.0, 3.0].as_slice()));
        assert_eq!(vectors.get(2), None);
        assert_eq!(vectors.get(usize::MAX), None);
        std::fs::write(&path, "").unwrap();
        assert!(Vectors::open(&path, 2).unwrap().is_empty());
    }
}
