//! Passages by meaning and by words: a usearch graph of vectors in a file beside the vectors themselves, and a tantivy
//! index of words in a folder, all opened by memory map.

mod builder;
mod graph;
mod graph_file;
mod lexical;
mod memories;
mod opened;
mod scalar;
mod vectors;

pub use builder::{CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH, IndexBuilder, library_version};
pub use lexical::{LexicalBuilder, LexicalIndex, TOKENIZER, WeighedWords, lexical_version, words};
pub use opened::{EXACT_UP_TO, Expected, UsearchIndex};
pub use scalar::{Scalar, UnknownScalar};
pub use vectors::{Vectors, cosine};
