//! The real gateway and the real `switchctl` in front of pretended workers.

mod refusals;
mod requests;
mod restarts;
mod switches;
mod workers;
