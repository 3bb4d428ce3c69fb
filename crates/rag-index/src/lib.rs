//! The nearest passages to a vector: a usearch index in a file, opened by memory map.

mod builder;
mod opened;
mod permits;
mod scalar;

pub use builder::{CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH, IndexBuilder, library_version};
pub use opened::{EXACT_UP_TO, Expected, UsearchIndex};
pub use scalar::{Scalar, UnknownScalar};
