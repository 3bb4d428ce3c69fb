//! `kbctl verify`: whether a knowledge base is still what was built.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::render::{self, Failure, Output};

/// Recomputes the fingerprint and the hashes of derived/ and says what differs.
#[derive(Args)]
#[command(
    after_help = "The fingerprint can be recomputed without kbctl, inside the folder:\n  find . -type f ! -name FINGERPRINT ! -name report.json ! -path './derived/*' -exec sha256sum {} + | LC_ALL=C sort | sha256sum"
)]
pub(crate) struct Arguments {
    /// The tag's folder.
    knowledge: PathBuf,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Serialize)]
struct Verified<'a> {
    tag: &'a str,
    verified: bool,
    fingerprint: &'a str,
    declared: &'a str,
    differences: &'a [String],
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let verdict = rag_knowledge::verify(&arguments.knowledge)?;
    if arguments.output == Output::Json {
        render::print_json(&Verified {
            tag: &verdict.tag,
            verified: verdict.holds(),
            fingerprint: &verdict.computed,
            declared: &verdict.declared,
            differences: &verdict.differences,
        })?;
    } else if verdict.holds() {
        render::print(&format!("verified {}: {}", verdict.tag, verdict.computed))?;
    }
    if verdict.holds() {
        return Ok(());
    }
    Err(Failure::new(
        format!("{}: {}", arguments.knowledge.display(), verdict.differences.join("; ")),
        Some("copy it again from where it was built, or build it again".to_owned()),
    ))
}
