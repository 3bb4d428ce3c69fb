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
    for missing in [layout::MANIFEST, layout::FINGERPRINT, layout::REPORT] {
        if !folder.join(missing).is_file() {
            return Err(KnowledgeError::NotOne { folder: folder.to_owned(), missing });
        }
    }
    let report = Report::read(folder)?;
    let declared = fingerprint::declared(folder)?;
    let computed = fingerprint::compute(folder)?;
    let mut differences = Vec::new();
    if declared != computed {
        differences.push(format!(
            "the fingerprint is {computed}, and FINGERPRINT says {declared}{}",
            suspects(folder)
        ));
    }
    let index = format!("{}/{}", layout::DERIVED, layout::INDEX);
    if !report.derived.contains_key(&index) {
        differences.push(format!("report.json has no hash of {index}"));
    }
    for (name, recorded) in &report.derived {
        if Path::new(name).components().any(|part| !matches!(part, std::path::Component::Normal(_)))
        {
            differences.push(format!("report.json names `{name}`, outside the knowledge base"));
            continue;
        }
        match fingerprint::sha256_file(&folder.join(name)) {
            Ok(found) if found == *recorded => {}
            Ok(found) => differences
                .push(format!("{name} has the hash {found}, and report.json says {recorded}")),
            Err(e) => differences.push(e.to_string()),
        }
    }
    Ok(Verdict { tag: report.tag, declared, computed, differences })
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
