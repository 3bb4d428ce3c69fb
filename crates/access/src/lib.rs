//! Who is asking, and what they may: signed tokens, keys, limits, and operators with their roles.
//!
//! Nothing here knows a proxy, a web framework or a settings file. The time is an argument, or a clock that tests turn.

pub mod api_keys;
mod bounded_store;
mod fetch;
pub mod jwks;
pub mod jwt;
pub mod key_file;
pub mod operators;
pub mod rate_limit;
pub mod secret;
mod signatures;
pub mod verification_keys;
