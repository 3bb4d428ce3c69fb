//! The names of the files of a knowledge base.

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const PASSAGES: &str = "passages.jsonl";
/// Only where the splitter makes parents.
pub(crate) const PARENTS: &str = "parents.jsonl";
pub(crate) const VECTORS: &str = "vectors.f32";
pub(crate) const DERIVED: &str = "derived";
pub(crate) const INDEX: &str = "index.usearch";
pub(crate) const LEXICAL: &str = "lexical";
pub(crate) const REPORT: &str = "report.json";
pub(crate) const FINGERPRINT: &str = "FINGERPRINT";
