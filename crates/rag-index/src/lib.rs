//! Passages by meaning and by words: a usearch index of vectors in a file and a tantivy index of words
//! in a folder, both opened by memory map.

mod builder;
mod lexical;
mod opened;
mod permits;
mod scalar;

pub use builder::{CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH, IndexBuilder, library_version};
pub use lexical::{LexicalBuilder, LexicalIndex, TOKENIZER, WeighedWords, lexical_version, words};
pub use opened::{EXACT_UP_TO, Expected, UsearchIndex, cosine};
pub use scalar::{Scalar, UnknownScalar};
