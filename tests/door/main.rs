//! The front door itself: what it speaks, what it refuses, and whom it believes.

mod addresses;
mod limits;
mod reload;
mod strict;
mod tls;
mod websocket;
