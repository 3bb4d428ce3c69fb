//! Comparing tags, and removing those that nobody needs.
#![cfg(feature = "build")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "made/builds.rs"]
mod made;

use made::{Letters, documents, many_documents, request, run, write_labeled_pages, write_pdf};
use rag_core::{Embedder, SplitSettings, Splitter};
use rag_knowledge::build::{BuildRequest, holds, look};
use rag_knowledge::collect::{Fate, collect};
use rag_knowledge::diff::{DocumentChange, diff};
use rag_knowledge::{Manifest, open_verified};

#[test]
fn a_difference_names_each_document_and_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    documents(folder.path());
    many_documents(folder.path(), 5);
    let docs = folder.path().join("documents");
    let old = run(&request(folder.path(), "v1")).unwrap();
    assert_eq!(diff(&old.folder, &old.folder).unwrap().documents, []);

    std::fs::remove_file(docs.join("00.pdf")).unwrap();
    std::fs::rename(docs.join("01.pdf"), docs.join("sub/moved.pdf")).unwrap();
    write_pdf(&docs.join("02.pdf"), "Document 2", 14);
    std::fs::write(docs.join("03.pdf"), "").unwrap();
    write_pdf(&docs.join("new.pdf"), "New", 2);
    let new = run(&request(folder.path(), "v2")).unwrap();
    let difference = diff(&old.folder, &new.folder).unwrap();
    assert_eq!((difference.old.tag.as_str(), difference.new.tag.as_str()), ("v1", "v2"));
    assert_eq!(difference.settings, []);
    // 04.pdf, note.pdf, policy.docx and sub/note.docx.
    assert_eq!(difference.unchanged, 4);
    let files: Vec<&str> = difference.documents.iter().map(DocumentChange::file).collect();
    assert_eq!(files, ["00.pdf", "02.pdf", "03.pdf", "new.pdf", "sub/moved.pdf"]);
    let [removed, changed, failed, added, renamed] = &difference.documents[..] else { panic!() };
    assert!(matches!(removed, DocumentChange::Removed { .. }));
    assert!(
        matches!(changed, DocumentChange::Changed { content: true, passages_added, passages_removed, .. }
            if *passages_added > 0 && *passages_removed > 0),
        "{changed:?}"
    );
    assert!(
        matches!(failed, DocumentChange::Failed { reason, .. } if reason == "the file is empty")
    );
    assert!(matches!(added, DocumentChange::Added { .. }));
    assert!(matches!(renamed, DocumentChange::Renamed { from, .. } if from == "01.pdf"));
}

#[test]
fn a_tag_holds_its_documents_until_one_of_them_or_a_setting_changes() {
    let folder = tempfile::tempdir().unwrap();
    let docs = documents(folder.path());
    let tag = run(&request(folder.path(), "v1")).unwrap().folder;
    let embedder = Letters::new();
    let same = |request: &BuildRequest| holds(request, embedder.identity(), &tag).unwrap();
    let again = request(folder.path(), "v2");
    assert!(same(&again), "documents that cannot be read are known, too");
    let seen = look(&docs).unwrap();
    assert_eq!((look(&docs).unwrap(), seen.documents), (seen.clone(), 5));

    let splitter = SplitSettings::new(Splitter::new(61, 10).unwrap());
    assert!(!same(&BuildRequest { splitter, ..again.clone() }));
    assert!(!same(&BuildRequest { scalar: rag_knowledge::index::Scalar::F16, ..again.clone() }));
    let mut other = embedder.identity().clone();
    other.model_sha256 = "2".repeat(64);
    assert!(!holds(&again, &other, &tag).unwrap());

    std::fs::rename(docs.join("note.pdf"), docs.join("notes.pdf")).unwrap();
    assert!(!same(&again) && look(&docs).unwrap().digest != seen.digest, "another name");
    std::fs::rename(docs.join("notes.pdf"), docs.join("note.pdf")).unwrap();
    assert!(same(&again));
    std::fs::write(docs.join("empty.docx"), "no longer").unwrap();
    assert!(!same(&again) && look(&docs).unwrap().digest != seen.digest, "other bytes");
    std::fs::write(docs.join("empty.docx"), "").unwrap();
    std::fs::write(docs.join("new.txt"), "one more").unwrap();
    assert!(!same(&again), "one more");
}

#[test]
fn a_passage_knows_the_label_that_is_printed_on_its_page() {
    let folder = tempfile::tempdir().unwrap();
    many_documents(folder.path(), 1);
    let contents = ["front", "preface", "first", "second"]
        .map(|word| format!("BT /F 11 Tf 50 700 Td (The {word} page says this.) Tj ET"));
    let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
    write_labeled_pages(&folder.path().join("documents/labeled.pdf"), &contents);
    let built = run(&request(folder.path(), "v1")).unwrap();
    let knowledge = open_verified(&built.folder, 1).unwrap();
    let labels =
        (0..knowledge.passages()).map(|at| knowledge.passage(at).unwrap()).filter_map(|passage| {
            (passage.file == "labeled.pdf")
                .then(|| (passage.page, knowledge.page_label(&passage).map(str::to_owned)))
        });
    let labels: Vec<(Option<u32>, Option<String>)> = labels.collect();
    let expected = [(1, "i"), (2, "ii"), (3, "1"), (4, "2")];
    assert_eq!(labels, expected.map(|(page, label)| (Some(page), Some(label.to_owned()))));
    let plain = knowledge.passage(0).unwrap();
    assert_eq!((plain.file.as_str(), knowledge.page_label(&plain)), ("00.pdf", None));
    let manifest = std::fs::read_to_string(built.folder.join("manifest.json")).unwrap();
    assert_eq!(manifest.matches("\"labels\"").count(), 1, "only where they say more");
}

#[test]
fn other_settings_are_named_and_documents_cut_otherwise_have_changed() {
    let folder = tempfile::tempdir().unwrap();
    many_documents(folder.path(), 2);
    let old = run(&request(folder.path(), "v1")).unwrap();
    let splitter = SplitSettings::new(Splitter::new(90, 10).unwrap());
    let new = run(&BuildRequest { splitter, ..request(folder.path(), "v2") }).unwrap();
    let difference = diff(&old.folder, &new.folder).unwrap();
    let (name, was, is) = &difference.settings[0];
    assert_eq!(name, "splitter");
    assert_eq!(
        (was.as_str(), is.as_str()),
        ("recursive, size 60, overlap 10", "recursive, size 90, overlap 10")
    );
    assert!(
        difference
            .documents
            .iter()
            .all(|d| matches!(d, DocumentChange::Changed { content: false, .. }))
    );
}

#[test]
fn the_newest_the_named_and_the_opened_tags_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    many_documents(folder.path(), 2);
    let root = folder.path().join("root");
    for tag in ["v1", "v2", "v3", "v4", "v5"] {
        run(&request(folder.path(), tag)).unwrap();
    }
    std::fs::create_dir(root.join(".building-old-1")).unwrap();
    std::fs::write(root.join("notes.txt"), "not a tag").unwrap();
    let open = open_verified(&root.join("v2"), 1).unwrap();
    let named = ["v1".to_owned()];

    let planned = collect(&root, 1, &named, true).unwrap();
    // All were built in the same second: the later name is the newer.
    let fates = [
        ("v5".to_owned(), Fate::Kept),
        ("v4".to_owned(), Fate::Removed),
        ("v3".to_owned(), Fate::Removed),
        ("v2".to_owned(), Fate::InUse),
        ("v1".to_owned(), Fate::Named),
    ];
    assert_eq!(planned.tags, fates);
    assert_eq!(planned.leftovers, [".building-old-1"]);
    assert!(planned.bytes > 0 && root.join("v4").is_dir());

    assert_eq!(collect(&root, 1, &named, false).unwrap(), planned);
    let mut left: Vec<_> = std::fs::read_dir(&root)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["notes.txt", "v1", "v2", "v5"]);
    // What is open goes on working, and goes when it is closed.
    open.passage(0).unwrap();
    drop(open);
    assert_eq!(collect(&root, 1, &[], false).unwrap().tags[1].1, Fate::Removed);
    assert!(Manifest::read(&root.join("v5")).is_ok());
}
