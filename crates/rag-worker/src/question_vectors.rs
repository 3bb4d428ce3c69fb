//! Vectors of questions, kept for when the same caller asks the same again.
//!
//! Embedding a question takes most of the time of finding passages for it, and its vector depends on nothing else.

use std::sync::Arc;

use moka::sync::Cache;
use rag_core::{Caller, EmbedError};

/// Bytes that are kept: a few thousand questions. What was asked longest ago and least goes first.
const MOST: u64 = 8 << 20;
/// Bytes of what surrounds a vector and its question.
const AROUND: usize = 128;

/// The vectors of questions that were asked before, each caller's apart.
#[derive(Debug)]
pub(crate) struct QuestionVectors(Cache<(Caller, String), Arc<[f32]>>);

impl Default for QuestionVectors {
    fn default() -> Self {
        let size = |(_, question): &(Caller, String), vector: &Arc<[f32]>| {
            u32::try_from(AROUND + question.len() + size_of_val(&**vector)).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(MOST).weigher(size).build())
    }
}

impl QuestionVectors {
    /// The vector of a question; `embed` makes it when this caller has not asked it before. Of those who ask the same at
    /// the same time one embeds it, and the others wait.
    ///
    /// # Errors
    /// Those of `embed`, which are not kept.
    pub(crate) fn of(
        &self,
        caller: &Caller,
        question: &str,
        embed: impl FnOnce() -> Result<Vec<f32>, EmbedError>,
    ) -> Result<Arc<[f32]>, EmbedError> {
        let key = (caller.clone(), question.to_owned());
        self.0
            .try_get_with(key, || embed().map(Arc::from))
            .map_err(|error| EmbedError::clone(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Caller = Caller::Known([1; 32]);
    const BOB: Caller = Caller::Known([2; 32]);

    fn made(vector: &[f32]) -> impl FnOnce() -> Result<Vec<f32>, EmbedError> {
        || Ok(vector.to_vec())
    }

    fn refused() -> Result<Vec<f32>, EmbedError> {
        Err(EmbedError { model: "e5".to_owned(), cause: "there is no text".to_owned() })
    }

    #[test]
    fn a_question_is_embedded_once_for_each_caller() {
        let vectors = QuestionVectors::default();
        assert_eq!(*vectors.of(&ALICE, "q", made(&[1.0])).unwrap(), [1.0]);
        assert_eq!(*vectors.of(&ALICE, "q", made(&[2.0])).unwrap(), [1.0]);
        assert_eq!(*vectors.of(&ALICE, "another", made(&[3.0])).unwrap(), [3.0]);
        assert_eq!(*vectors.of(&BOB, "q", made(&[4.0])).unwrap(), [4.0]);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let vectors = QuestionVectors::default();
        let error = vectors.of(&ALICE, "q", refused).unwrap_err();
        assert_eq!(error.to_string(), "embedding with e5: there is no text");
        assert_eq!(*vectors.of(&ALICE, "q", made(&[1.0])).unwrap(), [1.0]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let vectors = QuestionVectors::default();
        for n in 0..64 {
            let large = || Ok(vec![0.5; 1 << 18]);
            assert_eq!(vectors.of(&ALICE, &n.to_string(), large).unwrap().len(), 1 << 18);
        }
        vectors.0.run_pending_tasks();
        assert!(vectors.0.weighted_size() <= MOST, "{}", vectors.0.weighted_size());
    }
}
