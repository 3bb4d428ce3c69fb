//! One way to log, count and trace; every metric and field name, once.

pub mod family;
pub mod gateway;
pub mod logging;
pub mod traces;
pub mod voice;
pub mod worker;

pub use logging::init;
