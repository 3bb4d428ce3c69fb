//! The real gateway and the real `switchctl` in front of pretended workers.

mod balancing;
mod canary;
mod conversations;
mod drains;
mod failover;
mod refusals;
mod requests;
mod restarts;
mod shadow;
mod switches;
mod workers;
