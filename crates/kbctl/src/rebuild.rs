//! Rebuilding off-peak: when documents have changed, the idle slot gets a new knowledge base, which is proven with a
//! question set, and its promotion is asked for.

mod gateway;
mod memory;
mod proof;
mod restart;
mod round;
mod settings;
mod window;

pub(crate) use round::{Round, Said};
pub(crate) use settings::{Settings, read};
