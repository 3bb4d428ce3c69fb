//! One way to log and count; every metric and field name, once.

pub mod family;
pub mod gateway;
pub mod logging;
pub mod voice;
pub mod worker;

pub use logging::init;
