//! PDF and DOCX bytes into text with provenance.
