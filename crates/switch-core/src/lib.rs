//! Which slot is live, and what may happen next.
//!
//! One value, [`Switch`], with one verb: [`Switch::handle`]. It knows no clock, no file and no socket: time and news
//! come in as arguments, and what should be done comes out as [`Effect`]s, to be carried out in order.

#![warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

mod modes;
mod refusal;
mod switch;
mod words;

pub use modes::{Mode, ModeChange};
pub use refusal::Refusal;
pub use switch::{Kept, Phase, Pinned, Remembered, Rules, Switch};
pub use words::{
    Attempt, Canary, Decision, Effect, Event, Identity, Kind, News, Release, Rule, Share, Slot,
    SlotReport, Stages, Timestamp,
};
