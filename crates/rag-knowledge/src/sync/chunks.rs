//! A knowledge base in pieces: where its files are cut, so that a piece that two tags have in common is
//! found in both, and the list of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Component, Path};

use fastcdc::v2020::StreamCDC;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::KnowledgeError;
use crate::fingerprint::hex;
use crate::layout;

/// The smallest, usual and largest piece, in bytes. Content decides where files are cut (FastCDC, Xia et
/// al., USENIX ATC 2016), so that passages added in the middle move only the pieces around them.
const SMALLEST: usize = 128 * 1024;
const USUAL: usize = 512 * 1024;
const LARGEST: usize = 2 * 1024 * 1024;
/// The version of the list.
pub(super) const FORMAT: u32 = 1;
/// Files deeper than this are not a knowledge base.
const DEEPEST: usize = 16;

/// A knowledge base in pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pieces {
    /// [`FORMAT`].
    pub(super) format: u32,
    pub(super) tag: String,
    pub(super) fingerprint: String,
    /// By the file's path inside the knowledge base, `/` between parts.
    pub(super) files: BTreeMap<String, Vec<Piece>>,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Piece {
    /// SHA-256 of its bytes, 64 lower-case hex digits.
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// A piece's bytes in a file.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) piece: Piece,
    pub(super) offset: u64,
}

impl Pieces {
    /// All bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.files.values().flatten().map(|piece| piece.bytes).sum()
    }

    /// Refuses a list that would write outside of its folder, or that is none.
    pub(super) fn check(&self, name: &Path) -> Result<(), KnowledgeError> {
        let wrong = |cause: String| Err(KnowledgeError::malformed(name, cause));
        if self.format != FORMAT {
            return wrong(format!(
                "its format is {}, and this program reads {FORMAT}",
                self.format
            ));
        }
        if let Err(cause) = crate::tag::check(&self.tag) {
            return wrong(cause);
        }
        for (file, pieces) in &self.files {
            let plain = Path::new(file).components().all(|c| matches!(c, Component::Normal(_)));
            if file.is_empty() || !plain || file.split('/').count() > DEEPEST {
                return wrong(format!("it names `{file}`, which is no file of a knowledge base"));
            }
            let good = |piece: &Piece| {
                piece.sha256.len() == 64
                    && piece.sha256.bytes().all(|b| b.is_ascii_hexdigit())
                    && piece.bytes <= LARGEST as u64
            };
            if !pieces.iter().all(good) {
                return wrong(format!("a piece of `{file}` is not one"));
            }
        }
        for needed in [layout::MANIFEST, layout::FINGERPRINT, layout::REPORT] {
            if !self.files.contains_key(needed) {
                return wrong(format!("it has no {needed}"));
            }
        }
        Ok(())
    }
}

/// Cuts a file, and calls `each` with every piece and its bytes.
pub(super) fn cut(
    path: &Path,
    mut each: impl FnMut(Found, Vec<u8>) -> Result<(), KnowledgeError>,
) -> Result<(), KnowledgeError> {
    let file = File::open(path).map_err(|e| KnowledgeError::unreadable(path, e))?;
    let reader = BufReader::with_capacity(1 << 18, file);
    for cut in StreamCDC::new(reader, SMALLEST, USUAL, LARGEST) {
        let cut = cut.map_err(|e| KnowledgeError::unreadable(path, e))?;
        let piece = Piece { sha256: hex(&Sha256::digest(&cut.data)), bytes: cut.data.len() as u64 };
        each(Found { piece, offset: cut.offset }, cut.data)?;
    }
    Ok(())
}
