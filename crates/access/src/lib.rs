//! Who is asking, and what they may: signed tokens, keys, limits, and operators with their roles.
//!
//! Nothing here knows a proxy, a web framework or a settings file. The time is an argument, or a clock that tests turn.

pub mod api_keys;
#[cfg(feature = "front-door")]
mod bounded_store;
#[cfg(feature = "front-door")]
mod fetch;
#[cfg(feature = "front-door")]
pub mod jwks;
#[cfg(feature = "front-door")]
pub mod jwt;
pub mod key_file;
pub mod operators;
#[cfg(feature = "front-door")]
pub mod rate_limit;
pub mod secret;
#[cfg(feature = "front-door")]
mod signatures;
#[cfg(feature = "front-door")]
pub mod verification_keys;
