//! One way to log and count; every metric and field name, once.

pub mod gateway;
pub mod logging;
pub mod voice;

pub use logging::init;
