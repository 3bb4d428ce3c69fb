//! The embedder on the real models of the cache, and on folders that are wrong.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use rag_core::Embedder;
use rag_embedder::{ModelCache, OnnxEmbedder, open};

const MINILM: &str = "all-minilm-l6-v2-int8";
const E5: &str = "multilingual-e5-small";
const E5_INT8: &str = "multilingual-e5-small-int8";

fn folder(name: &str) -> PathBuf {
    let folder = ModelCache::from_environment().resolve(name);
    assert!(folder.join("embedding.json").is_file(), "{name} is missing: run scripts/fetch-models");
    folder
}

fn model(name: &str, threads: usize) -> OnnxEmbedder {
    open(&folder(name), threads).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// A copy of MiniLM's folder whose description a test may spoil.
fn copy(description: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder(MINILM)).unwrap() {
        let entry = entry.unwrap();
        std::os::unix::fs::symlink(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let path = copy.path().join("embedding.json");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(path, description).unwrap();
    copy
}

fn refused(folder: &Path) -> (String, String) {
    let error = open(folder, 1).err().expect("must be refused");
    (error.to_string(), error.hint())
}

#[test]
fn vectors_do_not_depend_on_neighbors_or_threads() {
    let (one, three) = (model(MINILM, 1), model(MINILM, 3));
    let texts = ["annual leave", "a much longer passage about the travel policy of the firm", "x"];
    let together = three.embed_passages(&texts).unwrap();
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(&one.embed_passages(&[text]).unwrap()[0], vector, "{text}");
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-4);
    }
    assert!(one.embed_passages(&[]).unwrap().is_empty());
}

const PASSAGES: [&str; 4] = [
    "Employees receive fifteen days of paid annual leave each year.",
    "The data center is protected by two independent power feeds.",
    "员工每年享有十五天带薪年假。",
    "数据中心由两路独立电源供电。",
];

#[test]
fn the_quantized_variant_says_nearly_the_same_whoever_is_beside() {
    let (whole, quantized) = (model(E5, 2), model(E5_INT8, 2));
    let four_bytes = whole.embed_passages(&PASSAGES).unwrap();
    let one_byte = quantized.embed_passages(&PASSAGES).unwrap();
    for ((text, a), b) in PASSAGES.iter().zip(&four_bytes).zip(&one_byte) {
        assert_eq!(&quantized.embed_passages(&[text]).unwrap()[0], b, "{text}");
        assert!(cosine(a, b) > 0.985, "{text}: {}", cosine(a, b));
        assert_ne!(a, b, "{text}");
    }
    // Neither takes the other's knowledge base.
    assert!(whole.identity().difference(quantized.identity()).is_some());
}

#[test]
fn a_question_is_nearest_to_the_passage_that_answers_it() {
    for name in [E5, E5_INT8] {
        nearest_is_what_answers(&model(name, 2));
    }
}

fn nearest_is_what_answers(e5: &OnnxEmbedder) {
    let vectors = e5.embed_passages(&PASSAGES).unwrap();
    for (question, answers) in
        [("How many days of vacation do I get?", [0, 2]), ("机房有几路供电？", [1, 3])]
    {
        let q = e5.embed_query(question).unwrap();
        let best =
            (0..4).max_by(|a, b| cosine(&q, &vectors[*a]).total_cmp(&cosine(&q, &vectors[*b])));
        assert!(answers.contains(&best.unwrap()), "{question}");
    }
}

#[test]
fn long_text_is_counted_whole_so_that_a_cut_can_be_reported() {
    let minilm = model(MINILM, 1);
    assert_eq!(minilm.count_tokens("leave").unwrap(), 3);
    assert!(minilm.count_tokens(&"leave ".repeat(1000)).unwrap() > 1000);
}

#[test]
fn identity_is_what_the_files_are() {
    let e5 = model(E5, 1);
    let identity = e5.identity();
    assert_eq!((identity.name.as_str(), identity.dimensions), (E5, 384));
    assert_eq!(identity.query_prefix, "query: ");
    assert_eq!(identity.model_sha256.len(), 64);
    let other = model(MINILM, 1);
    assert_eq!(identity.difference(other.identity()).unwrap().0, "name");
}

#[test]
fn a_folder_that_is_wrong_is_refused_with_the_file_and_what_to_write() {
    let (error, hint) = refused(Path::new("/nowhere/model"));
    assert!(error.contains("/nowhere/model") && hint.contains("scripts/fetch-models"));

    let empty = tempfile::tempdir().unwrap();
    let (error, hint) = refused(empty.path());
    assert!(error.contains("embedding.json") && hint.contains("\"pooling\""), "{error} {hint}");

    let good = std::fs::read_to_string(folder(MINILM).join("embedding.json")).unwrap();
    let unknown = copy(&good.replace("\"license\"", "\"licence\""));
    assert!(refused(unknown.path()).0.contains("licence"));
    let pooling = copy(&good.replace("\"mean\"", "\"max\""));
    assert!(refused(pooling.path()).0.contains("max"));
    let escaping = copy(&good.replace("model.onnx", "../model.onnx"));
    assert!(refused(escaping.path()).0.contains("inside the folder"));
    let width = copy(&good.replace("384", "512"));
    let (error, _) = refused(width.path());
    assert!(error.contains("384 dimensions") && error.contains("says 512"), "{error}");
}

#[test]
fn a_broken_model_file_is_refused_by_name() {
    let good = std::fs::read_to_string(folder(MINILM).join("embedding.json")).unwrap();
    let broken = copy(&good);
    std::fs::remove_file(broken.path().join("model.onnx")).unwrap();
    std::fs::write(broken.path().join("model.onnx"), b"not a model").unwrap();
    assert!(refused(broken.path()).0.contains("model.onnx"));
}
