//! The real program on real documents with a real model.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

const MODEL: &str = "all-minilm-l6-v2-int8";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rag-documents/tests/fixtures")
}

fn kbctl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kbctl")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn build(root: &Path, tag: &str) -> Output {
    build_of(&fixtures(), root, tag)
}

fn build_of(documents: &Path, root: &Path, tag: &str) -> Output {
    let cache = std::env::var_os("SWITCHYARD_MODELS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/switchyard/models"),
        PathBuf::from,
    );
    assert!(cache.join(MODEL).is_dir(), "{MODEL} is missing: run scripts/fetch-models");
    let (documents, root) = (documents.to_str().unwrap(), root.to_str().unwrap());
    kbctl(&[
        "build",
        "--documents",
        documents,
        "--embedding",
        MODEL,
        "--output",
        root,
        "--tag",
        tag,
        "--json",
    ])
}

#[test]
fn a_knowledge_base_is_built_inspected_verified_and_searched() {
    let root = tempfile::tempdir().unwrap();
    let built = json(&build(root.path(), "v1"));
    assert_eq!(built["counts"]["documents"], 11);
    // An OpenDocument source and a copy with a password beside the documents are reported, and stop nothing.
    let failed: Vec<_> = built["failed"].as_array().unwrap().iter().map(|f| &f["file"]).collect();
    assert_eq!(failed, ["note-encrypted.pdf", "note.fodt"]);

    let folder = root.path().join("v1");
    let folder = folder.to_str().unwrap();
    let inspected = json(&kbctl(&["inspect", folder, "--output", "json"]));
    assert_eq!(inspected["fingerprint"], built["fingerprint"]);
    assert_eq!(inspected["manifest"]["embedding"]["name"], MODEL);
    let verified = json(&kbctl(&["verify", folder, "--output", "json"]));
    assert_eq!(verified["fingerprint"], built["fingerprint"]);
    assert_eq!(verified["verified"], true);

    let question = "How many days of annual leave are there?";
    let found = json(&kbctl(&["search", folder, question, "--top-k", "2", "--output", "json"]));
    let first = &found["passages"][0];
    assert_eq!(first["heading"], "Leave policy > Annual leave");
    // The same policy is there as a web page, and as one that was printed; of near-equal passages one is given.
    let pages = [("policy.docx", None), ("policy.html", None), ("policy.pdf", Some(1))];
    let page = pages.iter().find(|(file, _)| first["file"] == *file).map(|(_, page)| *page);
    assert_eq!((&first["rank"], page), (&Value::from(1), Some(first["page"].as_u64())), "{first}");
    assert_eq!(found["passages"].as_array().unwrap().len(), 2);

    let again = json(&build(root.path(), "v2"));
    assert_eq!(again["fingerprint"], built["fingerprint"]);
    let refused = build(root.path(), "v1");
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("hint: a tag is never overwritten"));

    let index = root.path().join("v1/derived/index.usearch");
    std::fs::write(&index, "garbage").unwrap();
    let changed = kbctl(&["verify", folder]);
    assert_eq!(changed.status.code(), Some(1));
    assert!(text(&changed.stderr).contains("derived/index.usearch has the hash"));
    assert_eq!(kbctl(&["search", folder, "x"]).status.code(), Some(1));
}

#[test]
fn what_a_build_leaves_out_and_what_an_evaluation_misses_is_said() {
    let root = tempfile::tempdir().unwrap();
    let documents = root.path().join("documents");
    std::fs::create_dir(&documents).unwrap();
    let titles = ["Badges", "Doors", "Parking", "Visitors"];
    let entries: String =
        titles.iter().map(|title| format!("1.1 {title} {} 7\n\n", ". ".repeat(30))).collect();
    let chapters: String = titles
        .iter()
        .map(|title| format!("# {title}\n\n{title} are looked after by the reception.\n\n"))
        .collect();
    std::fs::write(documents.join("a.md"), format!("# Contents\n\n{entries}{chapters}")).unwrap();
    let built = json(&build_of(&documents, root.path(), "v1"));
    assert_eq!((&built["contents"], &built["counts"]["passages"]), (&1.into(), &4.into()));
    let folder = root.path().join("v1");
    let folder = folder.to_str().unwrap();
    let found = json(&kbctl(&["search", folder, "Doors", "--top-k", "9", "--output", "json"]));
    let passages = found["passages"].as_array().unwrap();
    assert!(passages.iter().all(|p| p["heading"] != "Contents"), "{found}");

    let questions = root.path().join("questions.jsonl");
    let question = |id: &str, file: &str| {
        format!(
            r#"{{"id": "{id}", "question": "Who looks after the doors?", "language": "en", "gold": [{{"file": "{file}", "text": "Doors are looked after"}}]}}"#
        )
    };
    let set = [question("1", "a.md"), question("2", "renamed.md"), question("3", "renamed.md")];
    std::fs::write(&questions, set.join("\n")).unwrap();
    let evaluated = kbctl(&["evaluate", folder, questions.to_str().unwrap()]);
    assert_eq!(evaluated.status.code(), Some(0), "{}", text(&evaluated.stderr));
    let warned = text(&evaluated.stderr);
    assert!(
        warned.contains(
            "warning: v1 has no document renamed.md, in which 2 of the set's questions are answered"
        ),
        "{warned}"
    );
    assert!(!warned.contains("no document a.md"));
}

#[test]
fn a_build_killed_at_any_moment_leaves_no_half_made_tag() {
    let root = tempfile::tempdir().unwrap();
    let tag = root.path().join("v1");
    for wait in [60, 250, 400, 500, 600, 750, 900] {
        let documents = fixtures();
        let mut child = Command::new(env!("CARGO_BIN_EXE_kbctl"))
            .args(["build", "--embedding", MODEL, "--tag", "v1", "--documents"])
            .arg(&documents)
            .arg("--output")
            .arg(root.path())
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        if tag.exists() {
            assert!(kbctl(&["verify", tag.to_str().unwrap()]).status.success(), "after {wait} ms");
            std::fs::remove_dir_all(&tag).unwrap();
        }
    }
    json(&build(root.path(), "v1"));
    let left: Vec<_> =
        std::fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["v1"]);
}

#[test]
fn extract_answers_with_pages_or_headings() {
    let file = |name: &str| fixtures().join(name).to_str().unwrap().to_owned();
    let pdf = json(&kbctl(&["extract", &file("note.pdf"), "--output", "json"]));
    assert_eq!(pdf["pages"][0]["page"], 1);
    assert_eq!(pdf["pages"][0].as_object().unwrap().len(), 2);
    assert_eq!(pdf["warnings"], Value::Array(Vec::new()));
    let docx = kbctl(&["extract", &file("note.docx")]);
    insta::assert_snapshot!(text(&docx.stdout), @r"
    — Security —
    Badges are worn[1] at all times.
    Name	Office
    Second line
    [1] Visitors wear red badges.

    — Security > 门禁 —
    门禁卡遗失后应当在当天报告。
    ");
}

#[test]
fn mistakes_say_what_to_do_and_have_their_exit_codes() {
    let told = |arguments: &[&str]| {
        let output = kbctl(arguments);
        format!("{}\n{}", output.status.code().unwrap(), text(&output.stderr))
    };
    insta::assert_snapshot!(told(&["extract", "nowhere.pdf"]), @r"
    1
    error: nowhere.pdf: it cannot be read: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(told(&["verify", "/nowhere"]), @r"
    1
    error: /nowhere: not a knowledge base: it has no manifest.json
    hint: name the tag's own folder, for example data/blue/v20261123
    ");
    let build =
        ["build", "--documents", ".", "--embedding", "/nowhere/e5", "--output", "/nowhere/kb"];
    insta::assert_snapshot!(told(&build), @r"
    1
    error: /nowhere/e5: no such folder
    hint: fetch the models with scripts/fetch-models, or name another folder
    ");
    let sizes = [&build[..], &["--chunk-size", "80", "--chunk-overlap", "80"]].concat();
    insta::assert_snapshot!(told(&sizes), @r"
    64
    error: --chunk-size: the overlap (80) must be smaller than the passage size (80)
    ");
    assert!(told(&[&build[..], &["--tag", "a/b"]].concat()).contains("hint: for example --tag"));
    assert!(told(&["frobnicate"]).starts_with("64"));
    assert_eq!(kbctl(&["build", "--help"]).status.code(), Some(0));
}
