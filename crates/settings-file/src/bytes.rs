//! Sizes as people write them: `512`, `64KiB`, `1MiB`. Use with `#[serde(with = "settings_file::bytes")]`.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};

/// Reads a number of bytes, such as `64KiB` or `1048576`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(BytesVisitor)
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a size such as 64KiB, 1MiB or 1048576")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<u64, E> {
        Ok(bytes)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        parse(text).ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// `KiB`, `MiB` and `GiB` are powers of 1024; `kB`, `MB` and `GB` powers of 1000 (IEC 80000-13).
pub(crate) fn parse(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("512", Some(512)),
            ("64KiB", Some(65_536)),
            ("2 MB", Some(2_000_000)),
            ("1GiB", Some(1 << 30)),
            ("many", None),
            ("1TiB", None),
            ("99999999999999GiB", None),
        ] {
            assert_eq!(super::parse(text), bytes, "{text}");
        }
    }
}
