//! A promotion that somebody has asked for and an operator has not decided yet.
//!
//! It is a note in the journal before anybody sees it, and is over once the live slot has changed since.

use serde::{Deserialize, Serialize};
use switch_api::{Finding, PromotionRequest};
use switch_core::{Attempt, Release, Slot, Timestamp};
use switch_journal::{Note, Who};

use crate::events;
use crate::journal_desk::JournalDesk;

/// The kind of its notes and events.
pub(crate) const KIND: &str = "request";
/// The most findings in a request.
pub(crate) const MOST_FINDINGS: usize = 32;
/// The longest reason, and the longest name of a finding, in characters.
pub(crate) const LONGEST_TEXT: usize = 500;

/// A promotion that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Requested {
    pub slot: Slot,
    /// What the slot served when it was asked for.
    pub release: Release,
    pub reason: Option<String>,
    pub evidence: Vec<Finding>,
    /// The last attempt before it.
    pub attempt: Attempt,
    pub at: Timestamp,
    pub who: String,
}

/// How a request is written down in its note; a note without one withdraws what was asked for before.
#[derive(Serialize, Deserialize)]
struct Detail {
    slot: String,
    label: String,
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<Finding>,
    attempt: u64,
}

impl Requested {
    /// What is written into its note.
    pub(crate) fn detail(&self) -> serde_json::Value {
        let Self { slot, release, reason, evidence, attempt, .. } = self;
        serde_json::json!(Detail {
            slot: slot.to_string(),
            label: release.label.clone(),
            fingerprint: release.fingerprint.clone(),
            reason: reason.clone(),
            evidence: evidence.clone(),
            attempt: attempt.0,
        })
    }

    /// What a note says; `None` when it withdraws, or when no version of ours has written it.
    fn from_note(note: &Note) -> Option<Self> {
        let Who { name, .. } = &note.who;
        let detail: Detail = serde_json::from_str(note.detail.as_deref()?).ok()?;
        Some(Self {
            slot: Slot::named(&detail.slot)?,
            release: Release { label: detail.label, fingerprint: detail.fingerprint },
            reason: detail.reason,
            evidence: detail.evidence,
            attempt: Attempt(detail.attempt),
            at: note.at,
            who: name.clone(),
        })
    }

    /// What was asked for before a restart.
    pub(crate) async fn last(journal: &JournalDesk) -> Option<Self> {
        Self::from_note(&journal.last_note(KIND).await?.ok()??)
    }

    /// Whether it is still to be decided when attempt `moved` was the last to change the live slot.
    pub(crate) fn is_open(&self, moved: Attempt) -> bool {
        moved <= self.attempt
    }

    /// In the words of the API; `serves` is what the slot serves now.
    pub(crate) fn told(&self, serves: Option<&Release>) -> PromotionRequest {
        PromotionRequest {
            slot: self.slot.to_string(),
            release_name: self.release.label.clone(),
            at: events::rfc3339(self.at.0),
            who: self.who.clone(),
            reason: self.reason.clone(),
            evidence: self.evidence.clone(),
            stands: serves.is_some_and(|serves| serves.fingerprint == self.release.fingerprint),
        }
    }
}

/// Whether what is said in a request may be kept and shown.
///
/// # Errors
/// A sentence about what may not.
pub(crate) fn check(reason: Option<&str>, evidence: &[Finding]) -> Result<(), String> {
    if evidence.len() > MOST_FINDINGS {
        return Err(format!("a request has at most {MOST_FINDINGS} findings"));
    }
    let texts = reason.into_iter().chain(evidence.iter().map(|finding| finding.name.as_str()));
    for text in texts {
        if text.chars().count() > LONGEST_TEXT {
            return Err(format!("a text of a request has at most {LONGEST_TEXT} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("the texts of a request have no control characters".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested() -> Requested {
        Requested {
            slot: Slot::Green,
            release: Release { label: "small@v2".into(), fingerprint: "knowledge bb".into() },
            reason: Some("2 documents changed".into()),
            evidence: vec![Finding {
                name: "recall@5".into(),
                value: 0.9,
                live: Some(0.85),
                p: Some(0.04),
            }],
            attempt: Attempt(7),
            at: Timestamp(1_800_000_000_000),
            who: "kb".into(),
        }
    }

    fn note(detail: Option<String>) -> Note {
        let who = Who { name: "kb".to_owned(), uid: Some(7), pid: None };
        let (kind, text) = (KIND.to_owned(), String::new());
        Note { at: Timestamp(1_800_000_000_000), kind, who, text, detail }
    }

    #[test]
    fn a_request_survives_a_restart() {
        let requested = requested();
        let note = note(Some(requested.detail().to_string()));
        assert_eq!(Requested::from_note(&note), Some(requested));
    }

    #[test]
    fn a_note_without_detail_withdraws() {
        assert_eq!(Requested::from_note(&note(None)), None);
        assert_eq!(Requested::from_note(&note(Some("{}".into()))), None);
    }

    #[test]
    fn it_is_over_once_the_live_slot_has_changed() {
        let requested = requested();
        assert!(requested.is_open(Attempt(0)) && requested.is_open(Attempt(7)));
        assert!(!requested.is_open(Attempt(8)));
    }

    #[test]
    fn it_stands_while_the_slot_serves_the_same() {
        let requested = requested();
        assert!(requested.told(Some(&requested.release)).stands);
        let other = Release { label: "small@v2".into(), fingerprint: "knowledge cc".into() };
        assert!(!requested.told(Some(&other)).stands);
        assert!(!requested.told(None).stands);
    }
}
