//! Asks the gateway's operators' API, over its unix socket or HTTP, with the token that this user has stored.

mod client;
mod credentials;
mod error;

pub use client::Client;
pub use credentials::Credentials;
pub use error::ClientError;
