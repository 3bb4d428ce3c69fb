//! Finding passages by their words, in Chinese and English.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use rag_core::PassageSet;
use rag_index::{LexicalBuilder, LexicalIndex};

const PASSAGES: [&str; 5] = [
    "年假：员工每年享有十五天带薪年假，未休完的可以延至次年三月。",
    "Annual leave is fifteen working days a year.",
    "The VPN password is reset with the command reset-vpn.",
    "差旅费用在三十天内报销。",
    "Expenses are refunded within thirty days; see Annual leave.",
];

fn build(folder: &Path) -> LexicalIndex {
    let mut builder = LexicalBuilder::create(folder).unwrap();
    for passage in PASSAGES {
        builder.add(passage).unwrap();
    }
    builder.finish().unwrap();
    LexicalIndex::open(folder, PASSAGES.len()).unwrap()
}

fn found(index: &LexicalIndex, question: &str) -> Vec<usize> {
    index.search(question, 10, None).unwrap().iter().map(|hit| hit.passage).collect()
}

#[test]
fn words_find_the_passages_that_hold_them_best_first() {
    let folder = tempfile::tempdir().unwrap();
    let index = build(folder.path());
    assert_eq!(found(&index, "年假有几天？"), [0]);
    assert_eq!(found(&index, "how are expenses refunded?")[0], 4);
    // A shorter passage with the same words is the better one.
    assert_eq!(found(&index, "annual LEAVES"), [1, 4]);
    assert_eq!(found(&index, "reset vpn passwords"), [2]);
    assert_eq!(found(&index, "quantum"), Vec::<usize>::new());
    assert_eq!(found(&index, "？！"), Vec::<usize>::new());
    let scores = index.search("annual leave", 1, None).unwrap();
    assert!(scores.len() == 1 && scores[0].score > 0.0);
}

#[test]
fn a_set_of_passages_is_searched_alone() {
    let folder = tempfile::tempdir().unwrap();
    let index = build(folder.path());
    let among = Arc::new(PassageSet::from_ranges(std::iter::once(4..5)));
    let hits = index.search("annual leave", 10, Some(&among)).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.passage).collect::<Vec<_>>(), [4]);
}

#[test]
fn rare_words_cover_more_of_a_question_than_common_ones() {
    let folder = tempfile::tempdir().unwrap();
    let index = build(folder.path());
    let question = index.weigh("annual vpn").unwrap();
    let (rare, common) = (question.covered_by("VPN"), question.covered_by("Annual report"));
    assert!(rare > common && common > 0.0, "{rare} {common}");
    assert!((question.covered_by("the annual VPN") - 1.0).abs() < 1e-9);
    assert_eq!(index.weigh("").unwrap().covered_by("anything"), 0.0);
}

#[test]
fn opening_writes_nothing_and_works_where_nothing_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    drop(build(folder.path()));
    let names = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    assert!(before.len() < 12, "one segment and no leftovers: {before:?}");
    let index = LexicalIndex::open(folder.path(), PASSAGES.len()).unwrap();
    assert_eq!(found(&index, "年假"), [0]);
    assert_eq!(names(), before);
}

#[test]
fn another_number_of_passages_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(build(folder.path()));
    let error = LexicalIndex::open(folder.path(), 6).err().unwrap().to_string();
    assert!(error.contains("it holds 5 passages, and the manifest says 6"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    assert!(LexicalIndex::open(empty.path(), 0).is_err());
}
