//! The day a document says it was last changed.

use rag_core::Date;

/// The day of a PDF's date (ISO 32000-1, 7.9.4: `D:20260301…`); nothing when it is none.
pub(crate) fn of_pdf(text: &[u8]) -> Option<Date> {
    let digits = text.strip_prefix(b"D:").unwrap_or(text).get(..8)?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    Date::new(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?)
}

/// The day of a date and time in ISO 8601, as Office documents have it (W3CDTF: `2026-03-01T…`).
pub(crate) fn of_iso(text: &str) -> Option<Date> {
    text.trim().get(..10)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_give_the_day() {
        let day = Date::new(2026, 3, 1);
        assert_eq!(of_pdf(b"D:20260301120000+01'00'"), day);
        assert_eq!(of_pdf(b"20260301"), day);
        assert_eq!(of_iso(" 2026-03-01T11:00:00Z"), day);
        for wrong in ["", "D:", "D:2026", "D:20261301", "D:2026030x", "D:年年年"] {
            assert_eq!(of_pdf(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(of_iso("2026-02-30T00:00:00Z"), None);
    }
}
