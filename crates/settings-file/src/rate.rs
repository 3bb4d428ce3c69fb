//! Bytes a second as people write them: `50MiB/s`. Use with `#[serde(with = "settings_file::rate")]`.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};

use crate::bytes;

/// Reads a rate in bytes a second, such as `50MiB/s`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_str(RateVisitor)
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a rate such as 50MiB/s")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        parse(text).ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(text), &self))
    }
}

fn parse(text: &str) -> Option<u64> {
    bytes::parse(text.strip_suffix("/s")?.trim_end())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_rate_is_a_size_a_second() {
        for (text, bytes) in [
            ("50MiB/s", Some(50 << 20)),
            ("1 MB /s", Some(1_000_000)),
            ("50MiB", None),
            ("fast", None),
        ] {
            assert_eq!(super::parse(text), bytes, "{text}");
        }
    }
}
