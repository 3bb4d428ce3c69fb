//! How much a document may ask of the machine that reads it.

/// Bounds on reading one document. The defaults let real manuals of thousands of pages through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub file: u64,
    /// Bytes one stream of a PDF may decompress to.
    pub pdf_stream: usize,
    /// Bytes the content of one page may decompress to.
    pub pdf_page: usize,
    /// Drawing instructions on one page, those of nested forms included.
    pub pdf_instructions: usize,
    /// Pages.
    pub pdf_pages: usize,
    /// Bytes one part of a DOCX may decompress to.
    pub docx_part: u64,
    /// Bytes all parts of a DOCX that are read may decompress to.
    pub docx_total: u64,
    /// Entries of a DOCX container.
    pub docx_entries: usize,
    /// How deep XML elements may nest.
    pub xml_depth: usize,
    /// Bytes of text a document may give.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            file: 1024 * MIB as u64,
            pdf_stream: 64 * MIB,
            pdf_page: 16 * MIB,
            pdf_instructions: 2_000_000,
            pdf_pages: 50_000,
            docx_part: 128 * MIB as u64,
            docx_total: 512 * MIB as u64,
            docx_entries: 20_000,
            xml_depth: 256,
            text: 256 * MIB,
        }
    }
}
