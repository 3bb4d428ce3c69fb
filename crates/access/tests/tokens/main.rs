//! Signed tokens from outside: which are believed, which are refused and why, and where keys come from.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

mod claims;
mod key_sets;
mod signing;
