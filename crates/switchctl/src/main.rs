//! Asks the gateway, and explains the answer.

fn main() {}
