//! Builds and checks knowledge bases.

fn main() {}
