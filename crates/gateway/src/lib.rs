//! Carries requests to the live slot and carries out the switch.

pub mod compose;
pub mod settings;

mod admin;
mod admin_socket;
mod answer;
mod driver;
mod events;
mod front_door;
mod identity;
mod journal_desk;
mod people;
mod probe;
mod proxy;
mod routing;
mod slot_pool;
mod worker;
