//! Rows of the file into decisions and notes.

use rusqlite::Row;
use switch_core::{Attempt, Decision, Kind, Release, Slot, Timestamp};

use crate::{Entry, Note, Who, written};

pub(crate) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let kind: String = row.get("kind")?;
    let release = |label: &str, fingerprint: &str| -> rusqlite::Result<Option<Release>> {
        let label: Option<String> = row.get(label)?;
        let fingerprint: Option<String> = row.get(fingerprint)?;
        Ok(label.zip(fingerprint).map(|(label, fingerprint)| Release { label, fingerprint }))
    };
    Ok(Entry {
        decision: Decision {
            attempt: Attempt(unsigned(row.get("attempt")?)),
            kind: Kind::named(&kind)
                .ok_or_else(|| Unreadable(format!("no decision is a {kind:?}")))?,
            from: slot(row, "from_slot")?,
            to: slot(row, "to_slot")?,
            reason: row.get("reason")?,
            forced: row.get("forced")?,
            to_release: release("to_label", "to_fingerprint")?,
            from_release: release("from_label", "from_fingerprint")?,
            canary: read(row, "canary", written::read_canary)?,
            stages: read(row, "stages", written::read_stages)?,
        },
        at: Timestamp(unsigned(row.get("at_ms")?)),
        who: Who { name: row.get("who")?, uid: row.get("uid")?, pid: row.get("pid")? },
        outcome: row.get("outcome")?,
    })
}

pub(crate) fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
    Ok(Note {
        at: Timestamp(unsigned(row.get("at_ms")?)),
        kind: row.get("kind")?,
        who: Who { name: row.get("who")?, uid: row.get("uid")?, pid: row.get("pid")? },
        text: row.get("text")?,
        detail: row.get("detail")?,
    })
}

fn read<T>(
    row: &Row<'_>,
    column: &str,
    reader: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let Some(text) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    match reader(&text) {
        Some(value) => Ok(Some(value)),
        None => Err(Unreadable(format!("the {column} cannot be read: {text}")).into()),
    }
}

pub(crate) fn slot(row: &Row<'_>, column: &str) -> rusqlite::Result<Slot> {
    let name: String = row.get(column)?;
    Slot::named(&name).ok_or_else(|| Unreadable(format!("no slot is called {name:?}")).into())
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreadable(String);

impl From<Unreadable> for rusqlite::Error {
    fn from(unreadable: Unreadable) -> Self {
        Self::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(unreadable))
    }
}

/// SQLite's integers are signed; ours never are.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
