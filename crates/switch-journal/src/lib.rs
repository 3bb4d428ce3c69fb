//! Remembers the switch's decisions across restarts, in one SQLite file.
//!
//! A decision and the live slot it leads to are one row: writing the row *is* changing the recorded live slot, so there
//! is no moment at which a crash could leave the two apart.

mod error;
mod rows;
mod written;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use switch_core::{Attempt, Decision, Kept, Mode, Release, Remembered, Slot, Timestamp};

pub use error::JournalError;
use rows::{entry, note};

/// How long to wait for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Marks the file as ours (`PRAGMA application_id`): "SWYD" in ASCII.
const APPLICATION_ID: i32 = 0x5357_5944;
/// The table's layout (`PRAGMA user_version`).
const FORMAT: i32 = 2;
/// The newest notes kept; older ones make room, but for the last of its kind: that is what a restart goes on from.
const NOTES_KEPT: u32 = 100_000;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS decision (
    attempt                  INTEGER PRIMARY KEY,
    kind                     TEXT NOT NULL CHECK (kind IN ('promote', 'rollback', 'canary', 'failover')),
    from_slot                TEXT NOT NULL CHECK (from_slot IN ('blue', 'green')),
    to_slot                  TEXT NOT NULL CHECK (to_slot IN ('blue', 'green')),
    at_ms                    INTEGER NOT NULL,
    who                      TEXT NOT NULL,
    uid                      INTEGER,
    pid                      INTEGER,
    reason                   TEXT,
    forced                   INTEGER NOT NULL,
    from_label               TEXT,
    from_fingerprint         TEXT,
    to_label                 TEXT,
    to_fingerprint           TEXT,
    outcome                  TEXT NOT NULL,
    canary                   TEXT,
    stages                   TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS note (
    id                       INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms                    INTEGER NOT NULL,
    kind                     TEXT NOT NULL,
    who                      TEXT NOT NULL,
    uid                      INTEGER,
    pid                      INTEGER,
    text                     TEXT NOT NULL,
    detail                   TEXT
) STRICT;";

/// Makes a file of format 1 one of format 2: more kinds of decisions, and what a canary sends where.
const FROM_FORMAT_1: &str = "
ALTER TABLE decision RENAME TO old_decision;
{SCHEMA}
INSERT INTO decision SELECT *, NULL, NULL FROM old_decision;
DROP TABLE old_decision;";

/// Who asked for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// A user name, or the address of an HTTP caller.
    pub name: String,
    pub uid: Option<u32>,
    pub pid: Option<i32>,
}

/// How far a decision got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// On disk; nobody has said yet that traffic moved.
    Recorded,
    /// New requests go to the new slot.
    Routed,
    /// The last answer on the old slot has ended.
    Drained,
    /// The gateway ended before the old slot was drained; the decision itself holds.
    Interrupted,
    /// It could not be carried out, and was withdrawn: what was live before stayed live.
    Withdrawn,
}

impl Outcome {
    /// The word in the file and in `switchctl history`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Routed => "routed",
            Self::Drained => "drained",
            Self::Interrupted => "interrupted",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// One recorded decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub decision: Decision,
    pub at: Timestamp,
    pub who: Who,
    pub outcome: String,
}

/// Something that was done or refused beside the decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub at: Timestamp,
    /// One word, such as `refused`, `reload` or `deadline`.
    pub kind: String,
    pub who: Who,
    /// One sentence.
    pub text: String,
    /// What a program may want to know, as JSON.
    pub detail: Option<String>,
}

/// The file of decisions and notes.
#[derive(Debug)]
pub struct Journal {
    file: PathBuf,
    connection: Connection,
    notes_kept: u32,
}

impl Journal {
    /// Opens the file, making it when there is none, and marks decisions that a crash cut short as interrupted.
    ///
    /// The file is held exclusively, so that two gateways never share one.
    ///
    /// # Errors
    /// When the file cannot be made, read or written, is not ours, or belongs to another running gateway.
    pub fn open(file: &Path) -> Result<Self, JournalError> {
        let journal = Self::take_over(file)?;
        journal.run("preparing", |connection| {
            let cut_short = "UPDATE decision SET outcome = 'interrupted' WHERE outcome IN ('recorded', 'routed')";
            connection.execute(cut_short, []).map(|_| ())
        })?;
        Ok(journal)
    }

    /// Opens the file as another process of the same gateway left it: what that had under way goes on.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn take_over(file: &Path) -> Result<Self, JournalError> {
        let failed = |doing| move |source| JournalError::new(file, doing, source);
        let connection = Connection::open(file).map_err(failed("opening"))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed("opening"))?;
        let opened = (|| {
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            let id: i32 =
                connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
            let format: i32 =
                connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            Ok((id, format))
        })();
        let (id, format) = opened.map_err(failed("opening"))?;
        let known = id == APPLICATION_ID && (1..=FORMAT).contains(&format);
        if (id, format) != (0, 0) && !known {
            return Err(JournalError::NotOurs { file: file.to_owned(), id, format });
        }
        let journal = Self { file: file.to_owned(), connection, notes_kept: NOTES_KEPT };
        journal.run("preparing", |connection| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            if format == 1 {
                connection.execute_batch(&FROM_FORMAT_1.replace("{SCHEMA}", SCHEMA))?;
            }
            connection.execute_batch(SCHEMA)?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", FORMAT)?;
            connection.execute_batch("COMMIT")
        })?;
        Ok(journal)
    }

    /// Writes a decision. When this returns, the decision survives a crash and its slot is the recorded live slot.
    ///
    /// # Errors
    /// When the file cannot be written; nothing is recorded then.
    pub fn record(
        &self,
        decision: &Decision,
        who: &Who,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        self.run("recording a decision in", |connection| {
            let (from_label, from_print) = split(decision.from_release.as_ref());
            let (to_label, to_print) = split(decision.to_release.as_ref());
            connection
                .prepare_cached(
                    "INSERT INTO decision (attempt, kind, from_slot, to_slot, at_ms, who, uid, pid, reason, forced,
                     from_label, from_fingerprint, to_label, to_fingerprint, outcome, canary, stages)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'recorded', ?15, ?16)",
                )?
                .execute(params![
                    signed(decision.attempt.0),
                    decision.kind.as_str(),
                    decision.from.as_str(),
                    decision.to.as_str(),
                    signed(at.0),
                    who.name,
                    who.uid,
                    who.pid,
                    decision.reason,
                    decision.forced,
                    from_label,
                    from_print,
                    to_label,
                    to_print,
                    decision.canary.as_ref().map(written::canary),
                    decision.stages.as_ref().map(written::stages),
                ])
                .map(|_| ())
        })
    }

    /// Notes how far a decision got. The decision holds whether or not this can be written.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(&self, attempt: Attempt, outcome: Outcome) -> Result<(), JournalError> {
        self.run("noting an outcome in", |connection| {
            connection
                .prepare_cached("UPDATE decision SET outcome = ?2 WHERE attempt = ?1")?
                .execute(params![signed(attempt.0), outcome.as_str()])
                .map(|_| ())
        })
    }

    /// Writes a note. When this returns, it survives a crash.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note(&self, note: &Note) -> Result<(), JournalError> {
        self.run("writing a note in", |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO note (at_ms, kind, who, uid, pid, text, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    signed(note.at.0),
                    note.kind,
                    note.who.name,
                    note.who.uid,
                    note.who.pid,
                    note.text,
                    note.detail,
                ])?;
            connection
                .prepare_cached(
                    "DELETE FROM note WHERE id <= ?1 AND EXISTS
                     (SELECT 1 FROM note newer WHERE newer.kind = note.kind AND newer.id > note.id)",
                )?
                .execute([connection.last_insert_rowid() - i64::from(self.notes_kept)])
                .map(|_| ())
        })
    }

    /// The newest `limit` notes, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn notes(&self, limit: u32) -> Result<Vec<Note>, JournalError> {
        self.run("reading", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT * FROM note ORDER BY id DESC LIMIT ?1")?;
            let notes = statement.query_map([limit], note)?;
            notes.collect()
        })
    }

    /// The newest note of a kind.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_note(&self, kind: &str) -> Result<Option<Note>, JournalError> {
        self.run("reading", |connection| {
            let query = "SELECT * FROM note WHERE kind = ?1 ORDER BY id DESC LIMIT 1";
            connection.query_row(query, [kind], note).optional()
        })
    }

    /// What a gateway that starts now should continue from: the last recorded decision, or `first` when there is none.
    /// Modes are notes, which are the gateway's own: they are as if nothing was said about them.
    ///
    /// # Errors
    /// When the file cannot be read, or says what no version of ours writes.
    pub fn remembered(&self, first: Slot, keep_old: Duration) -> Result<Remembered, JournalError> {
        let last = self.read(
            "SELECT * FROM decision WHERE outcome <> 'withdrawn' ORDER BY attempt DESC LIMIT 1",
        )?;
        // No number is given twice.
        let newest = self.read("SELECT * FROM decision ORDER BY attempt DESC LIMIT 1")?;
        let newest = newest.map_or(Attempt(0), |entry| entry.decision.attempt);
        let Some(last) = last else {
            return Ok(Remembered {
                live: first,
                attempt: newest,
                release: None,
                kept: None,
                canary: None,
                stages: None,
                draining: None,
                modes: [Mode::Full; 2],
                given_up: Attempt(0),
            });
        };
        let moved = self.read(
            "SELECT * FROM decision WHERE from_slot <> to_slot AND outcome <> 'withdrawn' ORDER BY attempt DESC LIMIT 1",
        )?;
        let kept = moved.map(|entry| Kept {
            slot: entry.decision.from,
            attempt: entry.decision.attempt,
            until: entry.at.after(keep_old),
            release: entry.decision.from_release,
            left_by: entry.decision.kind,
        });
        Ok(Remembered {
            live: last.decision.to,
            attempt: newest,
            release: last.decision.to_release,
            kept,
            canary: last.decision.canary,
            stages: last.decision.stages,
            draining: None,
            modes: [Mode::Full; 2],
            given_up: Attempt(0),
        })
    }

    /// The newest `limit` decisions, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn history(&self, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.run("reading", |connection| {
            let mut statement = connection
                .prepare_cached("SELECT * FROM decision ORDER BY attempt DESC LIMIT ?1")?;
            let entries = statement.query_map([limit], entry)?;
            entries.collect()
        })
    }

    fn read(&self, query: &str) -> Result<Option<Entry>, JournalError> {
        self.run("reading", |connection| connection.query_row(query, [], entry).optional())
    }

    fn run<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        work(&self.connection).map_err(|source| JournalError::new(&self.file, doing, source))
    }
}

fn split(release: Option<&Release>) -> (Option<&str>, Option<&str>) {
    (
        release.map(|release| release.label.as_str()),
        release.map(|release| release.fingerprint.as_str()),
    )
}

/// SQLite's integers are signed; our counters never come near the difference.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
