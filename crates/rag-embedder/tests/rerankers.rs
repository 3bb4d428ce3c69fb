//! The reranker on a cross-encoder whose logits can be counted by hand.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../tests/harness/cross_encoder.rs"]
#[expect(unreachable_pub, reason = "it is part of a library, too")]
mod cross_encoder;
#[path = "../../../tests/harness/onnx.rs"]
#[expect(unreachable_pub, reason = "it is part of a library, too")]
mod onnx;

use cross_encoder::{CrossEncoder, shared, words};
use rag_core::Reranker;
use rag_embedder::open_reranker;

const QUESTION: &str = "Who may carry leave over?";
const PASSAGES: [&str; 4] = [
    "Leave may be carried over until March.",
    "The canteen opens at noon.",
    "Who has leave left over may carry it over, and who has none may not.",
    "Leave > Carry over\nOver.",
];
const LIKE: CrossEncoder<'_> =
    CrossEncoder { knows: &PASSAGES, factors: &[1.0], max_tokens: 64, calibration: None };

#[test]
fn logits_depend_neither_on_the_other_passages_nor_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    LIKE.write(folder.path());
    let expected =
        PASSAGES.map(|passage| shared(&words(QUESTION), &words(passage)) as f32).to_vec();
    for threads in [0, 1, 3] {
        let reranker = open_reranker(folder.path(), threads).unwrap();
        assert_eq!(reranker.score(QUESTION, &PASSAGES).unwrap(), expected, "{threads} threads");
        for (passage, expected) in PASSAGES.iter().zip(&expected) {
            assert_eq!(reranker.score(QUESTION, &[passage]).unwrap(), [*expected], "{passage}");
        }
        assert!(reranker.score(QUESTION, &[]).unwrap().is_empty());
    }
}

#[test]
fn no_question_is_too_long_to_read_something_of_the_passage() {
    let folder = tempfile::tempdir().unwrap();
    for max_tokens in [8, 9, 12, 64] {
        CrossEncoder { max_tokens, ..LIKE }.write(folder.path());
        let reranker = open_reranker(folder.path(), 1).unwrap();
        assert_eq!(reranker.identity().max_tokens, max_tokens);
        // The passage's first word is in every question.
        for length in 1..=max_tokens + 4 {
            let question = "leave ".repeat(length);
            let logit = reranker.score(&question, &["leave canteen canteen"]).unwrap()[0];
            let read = length.min((max_tokens - 3) * 3 / 4);
            assert_eq!(logit, read as f32, "{length} words, {max_tokens} tokens");
        }
    }
}

#[test]
fn identity_is_what_the_description_says_and_the_model_file_is() {
    let folder = tempfile::tempdir().unwrap();
    CrossEncoder { calibration: Some((2.0, -1.0)), ..LIKE }.write(folder.path());
    let first = open_reranker(folder.path(), 1).unwrap();
    let identity = first.identity();
    assert_eq!((identity.name.as_str(), identity.version.as_str()), ("words-in-common", "1.0"));
    assert_eq!(first.calibration().unwrap().probability(0.5), 0.5);
    assert_eq!(first.license(), "Apache-2.0");
    CrossEncoder { factors: &[2.0], ..LIKE }.write(folder.path());
    let second = open_reranker(folder.path(), 1).unwrap();
    assert_ne!(second.identity().model_sha256, identity.model_sha256);
    assert_eq!(second.calibration(), None);
}
