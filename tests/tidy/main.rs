//! Rules about the repository itself: who may know whom, and what must be absent.
//!
//! docs/ARCHITECTURE.md states them; this proves them from `cargo metadata` and the files.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap()
}

/// Our crates under `crates/`, by name.
fn crates(metadata: &Metadata) -> BTreeMap<String, &Package> {
    metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| package.manifest_path.as_str().contains("/crates/"))
        .map(|package| (package.name.to_string(), package))
        .collect()
}

/// The names of a crate's normal dependencies.
fn known_by(package: &Package) -> BTreeSet<String> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.clone())
        .collect()
}

/// Every crate and the crates of ours that it may know.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("access", &[]),
    ("evaluation", &["rag-core"]),
    ("switch-core", &[]),
    ("switch-api", &[]),
    ("switch-journal", &["switch-core"]),
    (
        "gateway",
        &[
            "access",
            "settings-file",
            "switch-api",
            "switch-core",
            "switch-journal",
            "telemetry",
            "nginx-config",
        ],
    ),
    ("switch-client", &["switch-api"]),
    ("switchctl", &["access", "switch-api", "switch-client", "nginx-config"]),
    ("rag-core", &[]),
    ("rag-documents", &["rag-core"]),
    ("rag-embedder", &["rag-core"]),
    ("rag-index", &["rag-core"]),
    ("rag-generator", &["rag-core"]),
    ("rag-knowledge", &["rag-core", "rag-documents", "rag-embedder", "rag-index"]),
    (
        "rag-worker",
        &[
            "rag-core",
            "rag-embedder",
            "rag-generator",
            "rag-index",
            "rag-knowledge",
            "settings-file",
            "telemetry",
        ],
    ),
    (
        "kbctl",
        &[
            "evaluation",
            "rag-core",
            "rag-knowledge",
            "settings-file",
            "switch-api",
            "switch-client",
        ],
    ),
    ("telemetry", &[]),
    ("settings-file", &[]),
    ("nginx-config", &[]),
];

/// Every outside thing and the one crate that owns it.
const OWNERS: &[(&str, &[&str])] = &[
    ("pingora", &["gateway"]),
    ("rusqlite", &["switch-journal"]),
    ("jsonwebtoken", &["access"]),
    ("ring", &["access", "gateway"]),
    ("governor", &["access"]),
    ("hyper-rustls", &["access"]),
    ("llama-cpp-2", &["rag-generator"]),
    ("minijinja", &["gateway", "rag-generator"]),
    ("fastembed", &["rag-embedder"]),
    ("ort", &["rag-embedder"]),
    ("tokenizers", &["rag-embedder"]),
    ("usearch", &["rag-index"]),
    ("tantivy", &["rag-index"]),
    ("object_store", &["rag-knowledge"]),
    ("fastcdc", &["rag-knowledge"]),
    ("jieba-rs", &["rag-index"]),
    ("unicode-segmentation", &["rag-core", "rag-index"]),
    ("unicode-width", &["evaluation"]),
    ("lopdf", &["rag-documents"]),
    ("zip", &["rag-documents"]),
    ("ttf-parser", &["rag-documents"]),
    ("quick-xml", &["rag-documents"]),
    ("html5ever", &["rag-documents"]),
    ("pulldown-cmark", &["rag-documents"]),
    ("chardetng", &["rag-documents"]),
    ("csv", &["rag-documents"]),
    ("opentelemetry", &["telemetry"]),
    ("prometheus", &["telemetry"]),
    ("tracing-subscriber", &["telemetry"]),
    ("yaml_serde", &["settings-file"]),
    ("indicatif", &["kbctl"]),
    ("jiff", &["kbctl"]),
    ("axum", &["gateway", "rag-worker"]),
];

#[test]
fn each_crate_knows_only_whom_it_may() {
    let metadata = metadata();
    let crates = crates(&metadata);
    let listed: BTreeSet<&str> = MAY_KNOW.iter().map(|(name, _)| *name).collect();
    let existing: BTreeSet<&str> = crates.keys().map(String::as_str).collect();
    assert_eq!(listed, existing, "a crate came or went: say here whom it may know");
    for (name, may) in MAY_KNOW {
        for known in known_by(crates[*name]).iter().filter(|known| crates.contains_key(*known)) {
            assert!(may.contains(&known.as_str()), "{name} knows {known}");
        }
    }
}

#[test]
fn each_outside_thing_has_one_owner() {
    let metadata = metadata();
    for (name, package) in crates(&metadata) {
        let known = known_by(package);
        for (thing, owners) in OWNERS {
            assert!(
                !known.contains(*thing) || owners.contains(&name.as_str()),
                "{name} depends on {thing}, which belongs to {owners:?}"
            );
        }
    }
    for (thing, owners) in OWNERS {
        for owner in *owners {
            let known = known_by(crates(&metadata)[*owner]);
            assert!(known.contains(*thing), "{owner} no longer depends on {thing}: update OWNERS");
        }
    }
}

#[test]
fn the_cores_are_pure() {
    let metadata = metadata();
    // Values in, values out: none of these opens a file or reads a clock.
    let allowed: [(&str, &[&str]); 3] = [
        ("switch-core", &["thiserror"]),
        ("rag-core", &["serde_json", "thiserror", "unicode-segmentation"]),
        ("evaluation", &["rag-core", "serde", "serde_json", "thiserror", "unicode-width"]),
    ];
    for (name, allowed) in allowed {
        let known = known_by(crates(&metadata)[name]);
        assert!(
            known.iter().all(|known| allowed.contains(&known.as_str())),
            "{name} depends on {known:?}: no runtime, no clock, no files"
        );
        for file in sources(&root().join("crates").join(name).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in ["std::fs", "std::net", "std::thread", "SystemTime", "Instant::now"] {
                assert!(!text.contains(word), "{}: {word} in a pure crate", file.display());
            }
        }
    }
}

#[test]
fn the_gateway_links_no_model_and_the_worker_no_proxy() {
    let metadata = metadata();
    let models = ["llama-cpp-2", "fastembed", "ort", "usearch", "tantivy", "lopdf"];
    for (name, absent) in [
        ("gateway", &models[..]),
        ("switchctl", &models[..]),
        ("rag-worker", &["pingora", "pingora-core"][..]),
        ("kbctl", &["pingora", "llama-cpp-2"][..]),
    ] {
        let linked = linked_by(&metadata, name);
        for thing in absent {
            assert!(!linked.contains(*thing), "{name} links {thing}");
        }
    }
}

#[test]
fn a_serving_worker_cannot_build_a_knowledge_base() {
    let metadata = metadata();
    let worker = crates(&metadata)["rag-worker"];
    let knowledge = worker.dependencies.iter().find(|d| d.name == "rag-knowledge").unwrap();
    assert_eq!(knowledge.features, Vec::<String>::new(), "the worker opens only");
    let package = crates(&metadata)["rag-knowledge"];
    let documents = package.dependencies.iter().find(|d| d.name == "rag-documents").unwrap();
    assert!(documents.optional, "reading documents belongs to the `build` feature");
}

/// Everything a crate links, by the resolver's word, without the `build` feature's extras.
fn linked_by(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let packages: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p)).collect();
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut queue = vec![&crates(metadata)[name].id];
    let mut linked = BTreeSet::new();
    while let Some(id) = queue.pop() {
        if !linked.insert(packages[id].name.to_string()) {
            continue;
        }
        for dependency in &nodes[id].deps {
            let normal =
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if normal {
                queue.push(&dependency.pkg);
            }
        }
    }
    linked
}

#[test]
fn the_top_level_explains_the_product() {
    let expected = BTreeSet::from([
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "crates",
        "deploy",
        "docs",
        "nginx-compat",
        "questions",
        "scripts",
        "tests",
    ]);
    let visible: BTreeSet<String> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    assert_eq!(visible.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
}

#[test]
fn every_crate_says_what_it_is_for_and_takes_the_shared_lints() {
    let metadata = metadata();
    for (name, package) in crates(&metadata) {
        assert!(
            package.description.as_ref().is_some_and(|text| !text.is_empty()),
            "{name}: no description"
        );
        assert_eq!(package.license.as_deref(), Some("Apache-2.0"), "{name}");
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true") || manifest.contains("[lints.rust]"),
            "{name} takes no lints"
        );
        let folder = package.manifest_path.parent().unwrap().file_name().unwrap();
        assert_eq!(folder, name, "the folder's name is the crate's");
    }
}

#[test]
fn every_source_file_opens_with_what_it_is_for() {
    for folder in ["crates", "tests"] {
        for file in sources(&root().join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(
                text.starts_with("//!"),
                "{} does not open with a `//!` sentence",
                file.display()
            );
            let name = file.file_name().unwrap();
            assert_ne!(name, "mod.rs", "{}: foo.rs beside foo/, not foo/mod.rs", file.display());
        }
    }
}

/// All `.rs` files below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty());
    files
}
