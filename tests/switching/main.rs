//! The real gateway and the real `switchctl` in front of pretended workers.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

mod asked_for;
mod balancing;
mod canary;
mod continued;
mod conversations;
mod drains;
mod failover;
mod refusals;
mod requests;
mod restarts;
mod shadow;
mod standby;
mod switches;
mod workers;
