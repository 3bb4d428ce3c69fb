//! Journals in a folder of their own, closed and opened again.

use switch_core::Kind;

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
    journal.record(&decision(1, Kind::Promote, Slot::Blue), &somebody(), Timestamp(1_000)).unwrap();
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
    journal.record(&decision(1, Kind::Promote, Slot::Blue), &somebody(), Timestamp(1)).unwrap_err();
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
    std::fs::write(&text, "not a database at all, but long enough to be looked at as one, surely?")
        .unwrap();
    let error = Journal::open(&text).unwrap_err();
    assert!(error.hint().contains("damaged"), "{error:?}");
}
