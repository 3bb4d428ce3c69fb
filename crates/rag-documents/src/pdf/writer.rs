//! Which program wrote a document, where its habits say how to read it.

use lopdf::Document as Pdf;

use super::hyphens::Hyphenation;
use super::objects::Objects;
use super::text_string;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// What prints web pages: it draws in layers, what floats, scrolls or is positioned above all else (CSS 2.1, appendix E), and breaks
    /// words only where they have hyphens (CSS Text 3, 6.1).
    Browser,
    /// TeX, which hyphenates wherever it may.
    Tex,
    Other,
}

impl Writer {
    /// The writer that the document's information names (PDF 1.7, 14.3.3).
    pub(crate) fn of(pdf: &Pdf) -> Self {
        const BROWSERS: [&str; 6] =
            ["Mozilla/", "Chromium", "wkhtmltopdf", "Qt ", "WeasyPrint", "Prince"];
        let info = pdf.dictionary(&pdf.trailer, b"Info");
        let name = |key: &[u8]| Some(text_string(pdf.value(info?, key)?.as_str().ok()?));
        let names = [&b"Producer"[..], b"Creator"].map(|key| name(key).unwrap_or_default());
        let any = |is: fn(&str) -> bool| names.iter().any(|name| is(name));
        if any(|name| BROWSERS.iter().any(|browser| name.starts_with(browser))) {
            Self::Browser
        } else if any(|name| name.contains("TeX") || name.contains("dvi")) {
            Self::Tex
        } else {
            Self::Other
        }
    }

    pub(crate) fn hyphenation(self) -> Hyphenation {
        match self {
            Self::Browser => Hyphenation::Never,
            Self::Tex => Hyphenation::Usual,
            Self::Other => Hyphenation::Unknown,
        }
    }
}
