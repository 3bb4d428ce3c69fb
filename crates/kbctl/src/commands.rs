//! A file per command.

pub(crate) mod build;
pub(crate) mod calibrate;
pub(crate) mod diff;
pub(crate) mod evaluate;
pub(crate) mod extract;
pub(crate) mod gc;
pub(crate) mod inspect;
pub(crate) mod search;
pub(crate) mod sync;
pub(crate) mod verify;
pub(crate) mod watch;
