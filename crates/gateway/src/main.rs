//! Carries requests to the live slot and carries out the switch.

fn main() {}
