//! The front door itself: what it speaks, what it refuses, and whom it believes.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

mod addresses;
mod compat;
mod drive;
mod limits;
mod nginx;
mod reload;
mod strict;
mod tls;
mod upgrade;
mod websocket;
