//! What a file is, by its first bytes.

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portable Document Format.
    Pdf,
    /// Office Open XML text.
    Docx,
}

impl Format {
    /// The usual extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
        }
    }

    /// Whether files of this format go by an extension, given in lower case without a dot.
    pub(crate) fn goes_by(self, extension: &str) -> bool {
        match self {
            Self::Pdf => extension == "pdf",
            // With macros, and templates: the text is kept in the same way.
            Self::Docx => matches!(extension, "docx" | "docm" | "dotx" | "dotm"),
        }
    }
}

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Pdf,
    /// A zip container: DOCX, or another Office format, or any archive.
    Zip,
    /// An OLE container: an old Office format, or an encrypted new one.
    Ole,
    Html,
    Rtf,
    Other,
}

/// PDF readers accept the header anywhere in the first 1,024 bytes (PDF 1.7, annex H, note 13).
const PDF_HEADER_WITHIN: usize = 1024;

pub(crate) fn sniff(bytes: &[u8]) -> Content {
    let head = bytes.get(..PDF_HEADER_WITHIN).unwrap_or(bytes);
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        Content::Zip
    } else if starts(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        Content::Ole
    } else if head.windows(5).any(|w| w == b"%PDF-") {
        Content::Pdf
    } else if starts(b"{\\rtf") {
        Content::Rtf
    } else {
        let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
        let begins =
            |tag: &[u8]| text.get(..tag.len()).is_some_and(|t| t.eq_ignore_ascii_case(tag));
        if begins(b"<!doctype html") || begins(b"<html") { Content::Html } else { Content::Other }
    }
}
