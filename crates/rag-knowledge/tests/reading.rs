//! What documents are read and cut into is pinned together with [`READING`], which keeps `--from` honest: whoever changes one
//! of the two without the other learns it here.
#![cfg(feature = "build")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use rag_core::{READING, SplitSettings, Splitter, Strategy};
use rag_knowledge::documents::{Limits, read};
use sha2::{Digest, Sha256};

/// [`READING`], and the SHA-256 of what it stands for.
const PINNED: (u32, &str) =
    (11, "a9f0c536e8a5ac3276f43382e3225b168b5543086080f0ebb4e1b2d3e6a2a588");

/// The sample documents, and those of the readers' tests.
fn documents() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders =
        [crates.join("../docs/sample/documents"), crates.join("rag-documents/tests/fixtures")];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort_by_key(|file| file.file_name().unwrap().to_owned());
    files
}

#[test]
fn who_changes_what_is_read_raises_the_version_of_reading() {
    let passage = Splitter::new(600, 80).unwrap();
    let settings = SplitSettings::new(passage);
    let strategies = [
        settings,
        settings.with_parents(2000).unwrap(),
        settings.with_strategy(Strategy::Headings),
        settings.with_strategy("sentence-window".parse().unwrap()),
    ];
    let mut digest = Sha256::new();
    let mut read_well = 0;
    for path in documents() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let document = match read(std::fs::read(&path).unwrap(), name, &Limits::default()) {
            Ok(document) => document,
            Err(reason) => {
                digest.update(format!("{name}: {reason}\n"));
                continue;
            }
        };
        read_well += 1;
        let (sections, pages) = (&document.sections, &document.pages);
        digest.update(format!("{name} {:?} {sections:?} {pages:?}\n", document.date));
        for strategy in &strategies {
            digest.update(format!("{:?}\n", strategy.split(name, sections)));
        }
    }
    assert!(read_well >= 10, "only {read_well} documents could be read");
    let found: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (READING, found.as_str()),
        PINNED,
        "documents are read or cut otherwise: raise rag_core::READING, then pin the new pair here"
    );
}
