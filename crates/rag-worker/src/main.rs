//! Answers questions over HTTP.

fn main() {}
