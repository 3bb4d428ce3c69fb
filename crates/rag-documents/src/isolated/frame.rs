//! How messages are told apart on a pipe: a mark, a length, the message.
//!
//! ```text
//! request   mark · length of the header (u32) · header (JSON) · the document's bytes
//! answer    mark · length of the rest (u64) · length of the header (u32) · header (JSON) · the sections' texts
//! ```
//!
//! Numbers are little-endian. The mark holds the version: a program of another version is told by it.

/// What every message begins with; the last byte is the version.
pub(super) const MARK: [u8; 4] = *b"SYR\x01";
/// The longest header of a request (bytes).
pub(super) const LONGEST_REQUEST_HEADER: usize = 64 * 1024;
/// Mark and length of an answer (bytes).
pub(super) const ANSWER_HEAD: usize = MARK.len() + size_of::<u64>();
/// What an answer may hold besides text: page reports, heading paths, warnings (bytes).
pub(super) const BESIDES_TEXT: usize = 256 * 1024 * 1024;

/// A header with its length before it; `None` when it is longer than a length can say.
pub(super) fn with_length(header: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(header.len()).ok()?;
    Some([&length.to_le_bytes(), header].concat())
}
