//! A document's error as it travels between processes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::DocumentError;
use crate::foreign;

/// A [`DocumentError`], field by field.
#[derive(Serialize, Deserialize)]
pub(super) enum Refusal {
    Empty,
    Encrypted,
    WrongType(String),
    Misnamed { found: String, extension: String },
    Broken(String),
    TooLarge(String),
    TooSlow(Duration),
    TooHungry(u64),
    Crashed(String),
    Unreadable(String),
}

impl From<&DocumentError> for Refusal {
    fn from(error: &DocumentError) -> Self {
        match error.clone() {
            DocumentError::Empty => Self::Empty,
            DocumentError::Encrypted => Self::Encrypted,
            DocumentError::WrongType(found) => Self::WrongType(found.to_owned()),
            DocumentError::Misnamed { found, extension } => {
                Self::Misnamed { found: found.to_owned(), extension }
            }
            DocumentError::Broken(cause) => Self::Broken(cause),
            DocumentError::TooLarge(cause) => Self::TooLarge(cause),
            DocumentError::TooSlow(limit) => Self::TooSlow(limit),
            DocumentError::TooHungry(limit) => Self::TooHungry(limit),
            DocumentError::Crashed(cause) => Self::Crashed(cause),
            DocumentError::Unreadable(cause) => Self::Unreadable(cause),
        }
    }
}

impl From<Refusal> for DocumentError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Empty => Self::Empty,
            Refusal::Encrypted => Self::Encrypted,
            Refusal::WrongType(found) => Self::WrongType(foreign::known(&found)),
            Refusal::Misnamed { found, extension } => {
                Self::Misnamed { found: foreign::known(&found), extension }
            }
            Refusal::Broken(cause) => Self::Broken(cause),
            Refusal::TooLarge(cause) => Self::TooLarge(cause),
            Refusal::TooSlow(limit) => Self::TooSlow(limit),
            Refusal::TooHungry(limit) => Self::TooHungry(limit),
            Refusal::Crashed(cause) => Self::Crashed(cause),
            Refusal::Unreadable(cause) => Self::Unreadable(cause),
        }
    }
}
