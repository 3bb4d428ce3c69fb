//! A file per command.

pub(crate) mod build;
pub(crate) mod evaluate;
pub(crate) mod extract;
pub(crate) mod inspect;
pub(crate) mod search;
pub(crate) mod verify;
