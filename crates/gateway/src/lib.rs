//! Carries requests to the live slot and carries out the switch.

pub mod compose;
pub mod settings;

mod admin;
mod admin_socket;
mod answer;
mod breaker;
mod canary;
mod client;
mod conversations;
mod driver;
mod events;
mod front_door;
mod hold;
mod identity;
mod journal_desk;
mod operators;
mod people;
mod probe;
mod proxy;
mod proxy_protocol;
mod reload;
mod retry_budget;
mod routing;
mod running;
mod shadow;
mod shared;
mod slot_pool;
mod status;
mod strict;
mod tls;
mod usage;
mod users;
mod waiting;
mod wire;
mod worker;
