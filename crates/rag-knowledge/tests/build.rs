//! Building, verifying and opening, with an embedding made of arithmetic.
#![cfg(feature = "build")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rag_core::{Embedder, Index, SplitSettings, Splitter, Strategy};
use rag_knowledge::build::{BuildError, BuildRequest, Event, Observer, build};
use rag_knowledge::{KnowledgeError, Manifest, open_unread, open_verified, verify, verify_with};
use time::macros::datetime;

#[path = "made/builds.rs"]
mod made;

use made::{Letters, documents, many_documents, request, run, write_pages, write_pdf};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_fingerprint_is_what_the_documented_shell_line_prints() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let built = run(&request(folder.path(), "v1")).unwrap();
    let shell = || {
        let line = "find . -type f ! -name FINGERPRINT ! -name report.json ! -path './derived/*' \
                    -exec sha256sum {} + | LC_ALL=C sort | sha256sum";
        let output = Command::new("sh").args(["-c", line]).current_dir(&built.folder).output();
        String::from_utf8(output.unwrap().stdout).unwrap()[..64].to_owned()
    };
    assert_eq!(built.fingerprint, shell());
    assert_eq!(
        std::fs::read_to_string(built.folder.join("FINGERPRINT")).unwrap(),
        format!("{}\n", built.fingerprint)
    );
    // Also for names that sha256sum escapes.
    std::fs::create_dir(built.folder.join("a b")).unwrap();
    std::fs::write(built.folder.join("a b/back\\slash\nline"), "x").unwrap();
    assert_eq!(rag_knowledge::fingerprint::compute(&built.folder).unwrap(), shell());
}

#[test]
fn the_same_documents_give_the_same_fingerprint_whatever_the_threads_the_tag_and_the_day() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let first = run(&request(folder.path(), "v1")).unwrap();
    let later = BuildRequest { threads: 7, ..request(folder.path(), "v2") };
    let now = datetime!(2027-01-01 00:00 UTC);
    let second = build(&later, &Letters::new(), now, &(), &AtomicBool::new(false)).unwrap();
    assert_eq!(first.fingerprint, second.fingerprint);
    let splitter = SplitSettings::new(Splitter::new(61, 10).unwrap());
    let other = BuildRequest { splitter, ..request(folder.path(), "v3") };
    assert_ne!(run(&other).unwrap().fingerprint, first.fingerprint);
}

#[test]
fn documents_that_cannot_be_read_are_named_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let built = run(&request(folder.path(), "v1")).unwrap();
    let manifest = Manifest::read(&built.folder).unwrap();
    let files: Vec<_> = manifest.documents.iter().map(|d| d.file.as_str()).collect();
    assert_eq!(files, ["note.pdf", "policy.docx", "sub/note.docx"]);
    let failed: Vec<_> = manifest.failed.iter().map(|f| f.file.as_str()).collect();
    assert_eq!(failed, ["broken.pdf", "empty.docx"]);
    assert_eq!(manifest.failed[1].reason, "the file is empty");
    assert_eq!((manifest.counts.documents, manifest.counts.failed), (3, 2));
}

#[test]
fn strict_stops_at_the_first_of_them_and_makes_no_tag() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let strict = BuildRequest { strict: true, ..request(folder.path(), "v1") };
    let error = run(&strict).unwrap_err();
    assert!(matches!(&error, BuildError::Strict { file, .. } if file == "broken.pdf"), "{error}");
    assert_eq!(names(&folder.path().join("root")), [""; 0]);
}

#[test]
fn an_existing_tag_is_refused_and_untouched() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let built = run(&request(folder.path(), "v1")).unwrap();
    let error = run(&request(folder.path(), "v1")).unwrap_err();
    assert!(matches!(error, BuildError::Exists { .. }));
    assert_eq!(error.hint().unwrap(), "a tag is never overwritten; choose another: --tag v1-2");
    assert!(verify(&built.folder).unwrap().holds());
}

#[test]
fn leftovers_of_a_crash_are_cleared_by_the_next_build() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let leftover = folder.path().join("root/.building-v0-1");
    std::fs::create_dir_all(&leftover).unwrap();
    std::fs::write(leftover.join("passages.jsonl"), "half").unwrap();
    let alive = folder.path().join("root/.building-v9-2");
    std::fs::create_dir(&alive).unwrap();
    let lock = std::fs::File::open(&alive).unwrap();
    lock.lock().unwrap();
    run(&request(folder.path(), "v1")).unwrap();
    assert_eq!(names(&folder.path().join("root")), [".building-v9-2", "v1"]);
}

/// Stops the build at some event.
struct StopWhen<'a>(&'a AtomicBool, fn(&Event<'_>) -> bool);

impl Observer for StopWhen<'_> {
    fn event(&self, event: Event<'_>) {
        if (self.1)(&event) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

fn run_until(request: &BuildRequest, stop: fn(&Event<'_>) -> bool) -> (BuildError, usize) {
    let (stopped, letters) = (AtomicBool::new(false), Letters::new());
    let now = datetime!(2026-11-23 01:02:03 UTC);
    let error = build(request, &letters, now, &StopWhen(&stopped, stop), &stopped).unwrap_err();
    (error, letters.embedded())
}

#[test]
fn a_build_stopped_before_anything_is_embedded_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let request = request(folder.path(), "v1");
    let (error, embedded) = run_until(&request, |event| matches!(event, Event::Found { .. }));
    assert!(matches!(error, BuildError::Cancelled));
    assert_eq!((embedded, names(&folder.path().join("root"))), (0, vec![]));
}

#[test]
fn a_stopped_build_is_taken_up_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    many_documents(folder.path(), 30);
    let request = request(folder.path(), "v1");
    let halfway = |event: &Event<'_>| matches!(event, Event::Embedded { done, .. } if *done > 100);
    let (error, first) = run_until(&request, halfway);
    assert!(matches!(error, BuildError::Cancelled), "{error}");
    let left = names(&folder.path().join("root"));
    assert!(left.len() == 1 && left[0].starts_with(".building-v1-"), "{left:?}");

    let letters = Letters::new();
    let now = datetime!(2026-11-23 01:02:03 UTC);
    let built = build(&request, &letters, now, &(), &AtomicBool::new(false)).unwrap();
    assert_eq!(first + letters.embedded(), built.counts.passages, "nothing is embedded twice");
    assert_eq!(built.taken_over.passages, first);
    assert_eq!(names(&folder.path().join("root")), ["v1"]);
    let whole = tempfile::tempdir().unwrap();
    let elsewhere = BuildRequest { root: whole.path().to_owned(), ..request };
    assert_eq!(run(&elsewhere).unwrap().fingerprint, built.fingerprint);
}

#[test]
fn what_a_crash_left_half_written_is_not_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    many_documents(folder.path(), 30);
    let request = request(folder.path(), "v1");
    let halfway = |event: &Event<'_>| matches!(event, Event::Embedded { done, .. } if *done > 100);
    let (_, first) = run_until(&request, halfway);
    let root = folder.path().join("root");
    let left = root.join(&names(&root)[0]);
    // Vectors that never reached the disk, a line cut short, a number cut short.
    let vectors = std::fs::OpenOptions::new().write(true).open(left.join("vectors.f32")).unwrap();
    vectors.set_len(40 * 8 * 4 + 7).unwrap();
    let progress = std::fs::read_to_string(left.join(".progress")).unwrap();
    std::fs::write(left.join(".progress"), format!("{progress}99")).unwrap();
    let letters = Letters::new();
    let now = datetime!(2026-11-23 01:02:03 UTC);
    let built = build(&request, &letters, now, &(), &AtomicBool::new(false)).unwrap();
    assert!(first > 40);
    assert_eq!(built.taken_over.passages, 40);
    assert_eq!(letters.embedded(), built.counts.passages - 40);
    assert!(verify(&built.folder).unwrap().holds());
}

#[test]
fn an_incremental_build_is_equal_to_a_full_one() {
    for splitter in [
        SplitSettings::new(Splitter::new(60, 10).unwrap()),
        SplitSettings::new(Splitter::new(60, 10).unwrap()).with_parents(200).unwrap(),
        SplitSettings::new(Splitter::new(60, 10).unwrap())
            .with_strategy(Strategy::sentence_window()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        documents(folder.path());
        many_documents(folder.path(), 10);
        let first = BuildRequest { splitter, ..request(folder.path(), "v1") };
        let v1 = run(&first).unwrap();
        let docs = folder.path().join("documents");
        std::fs::remove_file(docs.join("03.pdf")).unwrap();
        std::fs::rename(docs.join("04.pdf"), docs.join("sub/moved.pdf")).unwrap();
        write_pdf(&docs.join("05.pdf"), "Document 5", 14);
        write_pdf(&docs.join("00-new.pdf"), "A new document", 3);

        let full = run(&BuildRequest { tag: Some("full".to_owned()), ..first.clone() }).unwrap();
        let letters = Letters::new();
        let incremental = BuildRequest {
            tag: Some("incremental".to_owned()),
            from: Some(v1.folder.clone()),
            ..first.clone()
        };
        let now = datetime!(2026-11-24 01:02:03 UTC);
        let built = build(&incremental, &letters, now, &(), &AtomicBool::new(false)).unwrap();
        assert_eq!(built.fingerprint, full.fingerprint);
        assert_eq!(built.counts, full.counts);
        // 8 PDFs of 10 minus the changed and the moved one, and the three others.
        assert_eq!(built.taken_over.documents, 7 + 3);
        assert_eq!(built.taken_over.passages, built.counts.passages - letters.embedded());
        assert!(letters.embedded() < 80, "{}", letters.embedded());
        let (a, b) =
            (open_verified(&full.folder, 1).unwrap(), open_verified(&built.folder, 1).unwrap());
        for question in ["line 3 of document 5", "annual leave", "a new document", "年假"] {
            let vector = letters.embed_query(question).unwrap();
            assert_eq!(
                a.index().search(&vector, 10).unwrap(),
                b.index().search(&vector, 10).unwrap()
            );
            let words =
                |k: &rag_knowledge::KnowledgeBase| k.lexical().search(question, 10, None).unwrap();
            assert_eq!(words(&a), words(&b));
        }
        for position in 0..a.passages() {
            let (passage, parent) = a.passage_with_parent(position).unwrap();
            assert_eq!((passage, parent), b.passage_with_parent(position).unwrap());
            let parent = parent.unwrap_or_default();
            assert_eq!(a.parent(parent).unwrap(), b.parent(parent).unwrap());
        }
    }
}

#[test]
fn strict_also_looks_at_documents_that_did_not_change() {
    let folder = tempfile::tempdir().unwrap();
    many_documents(folder.path(), 1);
    let pages = ["BT /F 11 Tf 50 700 Td (One page has text.) Tj ET", ""];
    write_pages(&folder.path().join("documents/empty-page.pdf"), &pages);
    let v1 = run(&request(folder.path(), "v1")).unwrap();
    assert_eq!(v1.counts.documents, 2);
    let strict =
        BuildRequest { from: Some(v1.folder), strict: true, ..request(folder.path(), "v2") };
    let error = run(&strict).unwrap_err().to_string();
    assert_eq!(error, "empty-page.pdf: page 2: it has no text");
}

#[test]
fn nothing_is_taken_over_from_another_embedding_or_a_changed_tag() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let v1 = run(&request(folder.path(), "v1")).unwrap();
    let second = BuildRequest { from: Some(v1.folder.clone()), ..request(folder.path(), "v2") };
    let mut other = Letters::new();
    other.0.version = "2".to_owned();
    let now = datetime!(2026-11-24 01:02:03 UTC);
    let error = build(&second, &other, now, &(), &AtomicBool::new(false)).unwrap_err();
    assert!(
        error.to_string().contains("built with the embedding letters 1, and letters 2"),
        "{error}"
    );
    std::fs::write(v1.folder.join("vectors.f32"), "changed").unwrap();
    let error = run(&second).unwrap_err().to_string();
    assert!(error.contains("FINGERPRINT says"), "{error}");
    assert_eq!(names(&folder.path().join("root")), ["v1"]);
}

#[test]
fn no_passage_is_longer_than_the_embedding_reads() {
    let folder = tempfile::tempdir().unwrap();
    many_documents(folder.path(), 3);
    let mut letters = Letters::new();
    letters.0.max_tokens = 40;
    let splitter = SplitSettings::new(Splitter::new(200, 20).unwrap());
    let request = BuildRequest { splitter, ..request(folder.path(), "v1") };
    let now = datetime!(2026-11-23 01:02:03 UTC);
    let built = build(&request, &letters, now, &(), &AtomicBool::new(false)).unwrap();
    let knowledge = open_verified(&built.folder, 1).unwrap();
    for position in 0..knowledge.passages() {
        assert!(knowledge.passage(position).unwrap().text.chars().count() <= 40);
    }
    let report = rag_knowledge::Report::read(&built.folder).unwrap();
    assert!(report.limits.cut > 0 && report.limits.too_long == 0, "{:?}", report.limits);
}

#[test]
fn documents_without_text_make_no_knowledge_base() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("documents");
    std::fs::create_dir(&documents).unwrap();
    assert!(matches!(run(&request(folder.path(), "v1")), Err(BuildError::Documents { .. })));
    std::fs::write(documents.join("a.pdf"), "").unwrap();
    let error = run(&request(folder.path(), "v1")).unwrap_err();
    assert_eq!(error.hint().unwrap(), "a.pdf: the file is empty");
}

#[test]
fn an_opened_knowledge_base_finds_its_passages() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let built = run(&request(folder.path(), "v1")).unwrap();
    let knowledge = open_verified(&built.folder, 2).unwrap();
    assert_eq!((knowledge.tag(), knowledge.built_at().get(..13)), ("v1", Some("2026-11-23T01")));
    assert_eq!(knowledge.fingerprint(), built.fingerprint);
    let embedder = Letters::new();
    knowledge.check_embedding(embedder.identity()).unwrap();
    for position in 0..knowledge.passages() {
        let passage = knowledge.passage(position).unwrap();
        let heading = passage.heading.map(|h| format!("{h}\n")).unwrap_or_default();
        let vector = embedder.embed_query(&format!("{heading}{}", passage.text)).unwrap();
        let best = knowledge.index().search(&vector, 1).unwrap()[0];
        assert!(best.score > 0.9999);
        let words = passage.text.chars().take(200).collect::<String>();
        let found = knowledge.lexical().search(&words, 50, None).unwrap();
        assert!(found.iter().any(|hit| hit.passage == position), "{words}");
    }
    assert!(knowledge.passage(knowledge.passages()).is_err());
    let mut other = embedder.identity().clone();
    other.version = "2".to_owned();
    let error = knowledge.check_embedding(&other).unwrap_err().to_string();
    assert!(
        error.contains("built with the embedding letters 1 and letters 2 is loaded"),
        "{error}"
    );
}

#[test]
fn any_change_is_found_and_its_file_named() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    for (tag, file, named) in [
        ("a", "passages.jsonl", "FINGERPRINT"),
        ("b", "vectors.f32", "vectors.f32"),
        ("c", "derived/index.usearch", "derived/index.usearch"),
        ("d", "manifest.json", "manifest.json"),
        ("f", "derived/lexical/meta.json", "derived/lexical/meta.json"),
        ("g", "derived/stranger", "derived/stranger does not belong there"),
        ("e", "stranger.txt", "stranger.txt does not belong there"),
    ] {
        let built = run(&request(folder.path(), tag)).unwrap();
        let path = built.folder.join(file);
        let mut bytes = std::fs::read(&path).unwrap_or_default();
        bytes.push(b'!');
        std::fs::write(&path, bytes).unwrap();
        let verdict = verify(&built.folder).unwrap();
        assert!(!verdict.holds() && verdict.differences.join(" ").contains(named), "{verdict:?}");
        let error = open_verified(&built.folder, 1).err().expect("must be refused");
        assert!(matches!(error, KnowledgeError::Changed { .. }), "{error}");
    }
    let error = open_verified(folder.path(), 1).err().expect("must be refused").to_string();
    assert!(error.ends_with("not a knowledge base: it has no manifest.json"), "{error}");
}

#[test]
fn what_was_verified_before_is_opened_unread_and_verified_at_leisure() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    let built = run(&request(folder.path(), "a")).unwrap();
    let passages = built.folder.join("passages.jsonl");
    let changed = std::fs::read_to_string(&passages).unwrap().replacen(' ', "_", 1);
    std::fs::write(&passages, changed).unwrap();

    let opened = open_unread(&built.folder, 1).unwrap();
    assert_eq!(opened.fingerprint(), built.fingerprint);
    let mut bytes = 0;
    let verdict = verify_with(&built.folder, &mut |piece| bytes += piece as u64).unwrap();
    assert!(!verdict.holds());
    // Everything but what vouches for the rest was told of as it was read.
    let size = |name: &String| std::fs::metadata(built.folder.join(name)).unwrap().len();
    let files = rag_knowledge::files_of(&built.folder).unwrap();
    let vouching = ["FINGERPRINT", "report.json"];
    let read = files.iter().filter(|name| !vouching.contains(&name.as_str())).map(size);
    assert_eq!(bytes, read.sum::<u64>());
}
