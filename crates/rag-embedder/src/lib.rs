//! Text into vectors.
