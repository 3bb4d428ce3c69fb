//! The change of a mode as a note in the journal: what a restart goes on from.

use serde::{Deserialize, Serialize};
use switch_core::{Attempt, Mode, ModeChange, Slot, Timestamp};
use switch_journal::{Note, Who};

use crate::journal_desk::JournalDesk;

/// The kind of its notes and events.
pub(crate) const KIND: &str = "standby";

/// How a change is written down in its note.
#[derive(Serialize, Deserialize)]
struct Detail {
    slot: String,
    mode: String,
    /// The modes of both slots from now on; absent where nobody has ever asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blue: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    green: Option<String>,
    given_up: u64,
    #[serde(default)]
    forced: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What was recorded last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// In the order of [`Slot::ALL`]; `None` where nobody has ever asked for one.
    pub modes: [Option<Mode>; 2],
    pub given_up: Attempt,
}

/// The note that records a change; `asked` says for which slots a mode was asked for before.
pub(crate) fn note(change: &ModeChange, asked: [bool; 2], who: Who, at: Timestamp) -> Note {
    let ModeChange { slot, mode, modes, reason, forced, given_up, .. } = change;
    let [blue, green] = Slot::ALL.map(|of| {
        let asked = asked[of.index()] || of == *slot;
        asked.then(|| modes[of.index()].as_str().to_owned())
    });
    let detail = serde_json::json!(Detail {
        slot: slot.to_string(),
        mode: mode.to_string(),
        blue,
        green,
        given_up: given_up.0,
        forced: *forced,
        reason: reason.clone(),
    });
    Note { at, kind: KIND.to_owned(), who, text: text(change), detail: Some(detail.to_string()) }
}

/// Such as `green is to be asleep (the card is needed)`.
pub(crate) fn text(change: &ModeChange) -> String {
    let ModeChange { slot, mode, reason, forced, .. } = change;
    let to_be = match mode {
        Mode::Full => "awake",
        Mode::Cpu => "on the CPU only",
        Mode::Asleep => "asleep",
    };
    let because = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let forced = if *forced { ", and the rollback to it is given up" } else { "" };
    format!("{slot} is to be {to_be}{forced}{because}")
}

/// What was recorded last, if anything was.
pub(crate) async fn last(journal: &JournalDesk) -> Option<Recorded> {
    read(&journal.last_note(KIND).await?.ok()??)
}

fn read(note: &Note) -> Option<Recorded> {
    let Detail { blue, green, given_up, .. } =
        serde_json::from_str(note.detail.as_deref()?).ok()?;
    let modes = [blue, green].map(|mode| Mode::named(&mode?));
    Some(Recorded { modes, given_up: Attempt(given_up) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_survives_a_restart() {
        let change = ModeChange {
            number: 3,
            slot: Slot::Green,
            mode: Mode::Asleep,
            modes: [Mode::Cpu, Mode::Asleep],
            reason: Some("the card is needed".into()),
            forced: true,
            given_up: Attempt(7),
        };
        let who = Who { name: "ada".into(), uid: Some(1000), pid: None };
        let note = note(&change, [false, false], who, Timestamp(1));
        assert_eq!(
            note.text,
            "green is to be asleep, and the rollback to it is given up (the card is needed)"
        );
        let modes = [None, Some(Mode::Asleep)];
        assert_eq!(read(&note), Some(Recorded { modes, given_up: Attempt(7) }));
        assert_eq!(read(&Note { detail: Some("{}".into()), ..note }), None);
    }
}
