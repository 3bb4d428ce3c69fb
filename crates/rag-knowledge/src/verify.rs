//! Whether a knowledge base is still what was built.

use std::path::Path;

use crate::error::KnowledgeError;
use crate::manifest::Manifest;
use crate::report::Report;
use crate::{fingerprint, layout};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The tag of its report.
    pub tag: String,
    /// The fingerprint its `FINGERPRINT` file declares.
    pub declared: String,
    /// The fingerprint computed from its files.
    pub computed: String,
    /// Every difference, naming its file; empty when nothing differs.
    pub differences: Vec<String>,
}

impl Verdict {
    /// Whether the knowledge base is what was built.
    pub fn holds(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Recomputes the fingerprint and the hashes of `derived/`, and says what differs.
///
/// # Errors
/// When the folder is not a knowledge base or one of its files cannot be read.
pub fn verify(folder: &Path) -> Result<Verdict, KnowledgeError> {
    verify_with(folder, &mut |_| ())
}

/// [`verify`]; `read` is told of every piece that was read, in bytes, and may take its time, so that others can read, too.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(folder: &Path, read: &mut dyn FnMut(usize)) -> Result<Verdict, KnowledgeError> {
    for missing in [layout::MANIFEST, layout::FINGERPRINT, layout::REPORT] {
        if !folder.join(missing).is_file() {
            return Err(KnowledgeError::NotOne { folder: folder.to_owned(), missing });
        }
    }
    let report = Report::read(folder)?;
    let declared = fingerprint::declared(folder)?;
    let computed = fingerprint::compute_with(folder, read)?;
    let mut differences = Vec::new();
    if declared != computed {
        differences.push(format!(
            "the fingerprint is {computed}, and FINGERPRINT says {declared}{}",
            suspects(folder)
        ));
    }
    differences.extend(derived_differences(folder, &report, read));
    Ok(Verdict { tag: report.tag, declared, computed, differences })
}

/// What differs between `derived/` and the report's hashes: changed, missing and foreign files.
fn derived_differences(folder: &Path, report: &Report, read: &mut dyn FnMut(usize)) -> Vec<String> {
    let mut differences = Vec::new();
    let (index, words) = (
        format!("{}/{}", layout::DERIVED, layout::INDEX),
        format!("{}/{}/", layout::DERIVED, layout::LEXICAL),
    );
    if !report.derived.contains_key(&index) {
        differences.push(format!("report.json has no hash of {index}"));
    }
    if !report.derived.keys().any(|name| name.starts_with(&words)) {
        differences.push(format!("report.json has no hash of a file in {words}"));
    }
    let mut found = match fingerprint::of_derived_with(folder, read) {
        Ok(found) => found,
        Err(e) => return vec![e.to_string()],
    };
    for (name, recorded) in &report.derived {
        match found.remove(name) {
            Some(sum) if sum == *recorded => {}
            Some(sum) => differences
                .push(format!("{name} has the hash {sum}, and report.json says {recorded}")),
            None => differences.push(format!("{name} is missing")),
        }
    }
    differences.extend(found.keys().map(|name| format!("{name} does not belong there")));
    differences
}

/// Which of the fingerprinted files look wrong by themselves, for the message.
fn suspects(folder: &Path) -> String {
    let mut found = Vec::new();
    match Manifest::read(folder) {
        Err(e) => found.push(e.to_string()),
        Ok(manifest) => {
            let (passages, dimensions) = (manifest.counts.passages, manifest.embedding.dimensions);
            let vectors = folder.join(layout::VECTORS);
            if let Err(e) = crate::vectors::check_length(&vectors, passages, dimensions) {
                found.push(e.to_string());
            }
            match crate::passages::PassageFile::open(&folder.join(layout::PASSAGES)) {
                Err(e) => found.push(e.to_string()),
                Ok(file) if file.len() != passages => found.push(format!(
                    "{} has {} passages, and the manifest says {passages}",
                    layout::PASSAGES,
                    file.len()
                )),
                Ok(_) => {}
            }
        }
    }
    let known = [
        layout::MANIFEST,
        layout::PASSAGES,
        layout::PARENTS,
        layout::VECTORS,
        layout::DERIVED,
        layout::REPORT,
        layout::FINGERPRINT,
    ];
    let strangers = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for name in strangers.map(|e| e.file_name().to_string_lossy().into_owned()) {
        if !known.contains(&name.as_str()) {
            found.push(format!("{name} does not belong there"));
        }
    }
    if found.is_empty() { String::new() } else { format!(" ({})", found.join(", ")) }
}
