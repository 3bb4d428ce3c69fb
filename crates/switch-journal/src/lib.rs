//! Remembers the switch's decisions across restarts, in one SQLite file.
//!
//! A decision and the live slot it leads to are one row: writing the row *is* changing the recorded live slot, so there
//! is no moment at which a crash could leave the two apart.

mod written;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use switch_core::{Attempt, Decision, Kept, Kind, Mode, Release, Remembered, Slot, Timestamp};

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

/// Why the journal could not do its work. Names the file; the source says the cause.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{doing} the state file {}", file.display())]
    Failed { file: PathBuf, doing: &'static str, source: rusqlite::Error },
    #[error("{} is not a state file this version can read: application {id:#x}, format {format}", file.display())]
    NotOurs { file: PathBuf, id: i32, format: i32 },
}

impl JournalError {
    fn new(file: &Path, doing: &'static str, source: rusqlite::Error) -> Self {
        Self::Failed { file: file.to_owned(), doing, source }
    }

    /// What an operator can do about it.
    pub fn hint(&self) -> String {
        let Self::Failed { file, source, .. } = self else {
            return "name another file under `state` in the settings".to_owned();
        };
        let file = file.display();
        match source.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                format!("make {file} and its directory writable for this user")
            }
            Some(ErrorCode::DiskFull) => format!("free some space on the disk of {file}"),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                format!("another gateway is using {file}; stop it or give this one its own `state`")
            }
            Some(ErrorCode::CannotOpen) => {
                format!("check that the directory of {file} exists and is writable")
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                format!(
                    "{file} is damaged: restore it from a backup, or move it away to start afresh"
                )
            }
            _ => format!("check {file} and its disk"),
        }
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
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

fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
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

fn slot(row: &Row<'_>, column: &str) -> rusqlite::Result<Slot> {
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

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(attempt: u64, kind: Kind, from: Slot) -> Decision {
        Decision {
            attempt: Attempt(attempt),
            kind,
            from,
            to: from.other(),
            reason: Some("because".into()),
            forced: attempt == 2,
            to_release: Some(Release { label: "new".into(), fingerprint: "f2".into() }),
            from_release: None,
            canary: None,
            stages: None,
        }
    }

    fn somebody() -> Who {
        Who { name: "ada".into(), uid: Some(1000), pid: Some(77) }
    }

    const KEEP: Duration = Duration::from_secs(60);

    #[test]
    fn the_last_recorded_decision_is_live_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state.db");
        let journal = Journal::open(&file).unwrap();
        assert_eq!(journal.remembered(Slot::Blue, KEEP).unwrap().live, Slot::Blue);
        journal
            .record(&decision(1, Kind::Promote, Slot::Blue), &somebody(), Timestamp(1_000))
            .unwrap();
        drop(journal);

        let journal = Journal::open(&file).unwrap();
        let remembered = journal.remembered(Slot::Blue, KEEP).unwrap();
        assert_eq!((remembered.live, remembered.attempt), (Slot::Green, Attempt(1)));
        assert_eq!(remembered.kept.unwrap().until, Timestamp(61_000));
        let history = journal.history(10).unwrap();
        assert_eq!(history[0].outcome, "interrupted");
        assert_eq!(history[0].who, somebody());
        assert_eq!(history[0].decision, decision(1, Kind::Promote, Slot::Blue));
    }

    #[test]
    fn an_attempt_is_recorded_once() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(&directory.path().join("state.db")).unwrap();
        journal.record(&decision(1, Kind::Promote, Slot::Blue), &somebody(), Timestamp(1)).unwrap();
        journal
            .record(&decision(1, Kind::Promote, Slot::Blue), &somebody(), Timestamp(1))
            .unwrap_err();
        journal.finish(Attempt(1), Outcome::Drained).unwrap();
        assert_eq!(journal.history(10).unwrap()[0].outcome, "drained");
    }

    #[test]
    fn a_second_gateway_is_told_that_the_file_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state.db");
        let _first = Journal::open(&file).unwrap();
        let second = Journal::open(&file).unwrap_err();
        assert!(second.hint().contains("another gateway"), "{second:?} {}", second.hint());
    }

    #[test]
    fn a_file_of_format_1_keeps_its_decisions() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state.db");
        let old = Connection::open(&file).unwrap();
        old.execute_batch(
            "CREATE TABLE decision (
                attempt INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('promote', 'rollback')),
                from_slot TEXT NOT NULL, to_slot TEXT NOT NULL, at_ms INTEGER NOT NULL, who TEXT NOT NULL,
                uid INTEGER, pid INTEGER, reason TEXT, forced INTEGER NOT NULL, from_label TEXT,
                from_fingerprint TEXT, to_label TEXT, to_fingerprint TEXT, outcome TEXT NOT NULL) STRICT;
             INSERT INTO decision VALUES (3, 'promote', 'blue', 'green', 7, 'ada', 1000, 77, 'because', 0,
                NULL, NULL, 'new', 'f2', 'drained');",
        )
        .unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        drop(old);
        let journal = Journal::open(&file).unwrap();
        let kept = &journal.history(10).unwrap()[0];
        assert_eq!((kept.decision.attempt, &kept.who), (Attempt(3), &somebody()));
        let canary = Decision { kind: Kind::Canary, ..decision(4, Kind::Canary, Slot::Green) };
        journal.record(&canary, &somebody(), Timestamp(8)).unwrap();
        assert_eq!(journal.history(1).unwrap()[0].decision, canary);
    }

    #[test]
    fn a_canary_and_its_stages_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state.db");
        let canary = switch_core::Canary {
            slot: Slot::Green,
            share: switch_core::Share::per_mille(50).unwrap(),
            rules: vec![switch_core::Rule::Path { prefix: "/v2".into() }],
            release: None,
        };
        let stages = switch_core::Stages {
            left: vec![switch_core::Share::ALL],
            every: Duration::from_secs(9),
            due: Timestamp(17),
            reason: None,
            forced: false,
        };
        let decision = Decision {
            to: Slot::Blue,
            canary: Some(canary.clone()),
            stages: Some(stages.clone()),
            ..decision(1, Kind::Canary, Slot::Blue)
        };
        Journal::open(&file).unwrap().record(&decision, &somebody(), Timestamp(1)).unwrap();
        let remembered = Journal::open(&file).unwrap().remembered(Slot::Blue, KEEP).unwrap();
        assert_eq!(remembered.live, Slot::Blue);
        assert_eq!((remembered.canary, remembered.stages), (Some(canary), Some(stages)));
    }

    #[test]
    fn notes_are_kept_newest_first() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(&directory.path().join("state.db")).unwrap();
        for (number, kind) in ["refused", "shadow", "refused"].into_iter().enumerate() {
            let note = Note {
                at: Timestamp(number as u64),
                kind: kind.into(),
                who: somebody(),
                text: format!("note {number}"),
                detail: Some("{}".into()),
            };
            journal.note(&note).unwrap();
        }
        assert_eq!(journal.notes(2).unwrap()[0].text, "note 2");
        assert_eq!(journal.last_note("shadow").unwrap().unwrap().text, "note 1");
        assert_eq!(journal.last_note("reload").unwrap(), None);
    }

    #[test]
    fn old_notes_make_room_but_the_last_of_a_kind_stays() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&directory.path().join("state.db")).unwrap();
        journal.notes_kept = 3;
        let kinds = ["standby", "standby", "refused", "refused", "refused", "refused", "refused"];
        for (number, kind) in kinds.into_iter().enumerate() {
            let (at, text) = (Timestamp(number as u64), format!("note {number}"));
            let note = Note { at, kind: kind.into(), who: somebody(), text, detail: None };
            journal.note(&note).unwrap();
        }
        let left: Vec<String> = journal.notes(9).unwrap().into_iter().map(|it| it.text).collect();
        assert_eq!(left, ["note 6", "note 5", "note 4", "note 1"]);
    }

    #[test]
    fn another_programs_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("other.db");
        Connection::open(&file).unwrap().pragma_update(None, "user_version", 9).unwrap();
        assert!(matches!(Journal::open(&file), Err(JournalError::NotOurs { format: 9, .. })));
        let text = directory.path().join("notes.txt");
        std::fs::write(
            &text,
            "not a database at all, but long enough to be looked at as one, surely?",
        )
        .unwrap();
        let error = Journal::open(&text).unwrap_err();
        assert!(error.hint().contains("damaged"), "{error:?}");
    }
}
