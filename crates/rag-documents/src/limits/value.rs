//! Values of limits as they are written: numbers with units.

use std::fmt;
use std::time::Duration;

/// Why a limit cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// It is not written as a name and a value.
    #[error("`{given}` is no limit: write NAME=VALUE, as in memory=1GiB")]
    Shape {
        /// What was written.
        given: String,
    },
    /// There is none of that name.
    #[error("`{name}` is no limit: {known} are")]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The value is none for it.
    #[error("the limit {name} cannot be `{value}`: {expected}")]
    Value {
        /// The limit.
        name: &'static str,
        /// What was written.
        value: String,
        /// What could be.
        expected: &'static str,
    },
}

/// Where the value of a limit is kept, by what it is a number of.
pub(super) enum Value<'a> {
    Bytes(&'a mut u64),
    Size(&'a mut usize),
    Count(&'a mut usize),
    Time(&'a mut Duration),
}

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];
const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

impl Value<'_> {
    pub(super) fn parse(&mut self, name: &'static str, text: &str) -> Result<(), LimitError> {
        let expected = match self {
            Self::Bytes(_) | Self::Size(_) => "it is a size, as 64MiB, and not 0",
            Self::Count(_) => "it is a number, and not 0",
            Self::Time(_) => "it is a time, as 60s or 2m, and not 0",
        };
        let wrong = || LimitError::Value { name, value: text.to_owned(), expected };
        let number = match self {
            Self::Bytes(_) | Self::Size(_) => with_unit(text, &UNITS),
            Self::Count(_) => text.parse().ok(),
            Self::Time(_) => with_unit(text, &TIMES),
        };
        // Nothing could be read with a limit of nothing.
        let number = number.filter(|number| *number > 0).ok_or_else(wrong)?;
        match self {
            Self::Bytes(place) => **place = number,
            Self::Size(place) | Self::Count(place) => {
                **place = usize::try_from(number).map_err(|_| wrong())?;
            }
            Self::Time(place) => **place = Duration::from_millis(number),
        }
        Ok(())
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |f: &mut fmt::Formatter<'_>, number: u64| match in_units(number) {
            (number, "") => write!(f, "{number}"),
            (number, unit) => write!(f, "{number} {unit}"),
        };
        match self {
            Self::Bytes(number) => size(f, **number),
            Self::Size(number) => size(f, **number as u64),
            Self::Count(number) => write!(f, "{number}"),
            Self::Time(duration) => write!(f, "{}", time(**duration)),
        }
    }
}

/// A number of bytes in the largest unit that divides it.
pub(super) fn in_units(number: u64) -> (u64, &'static str) {
    let unit = UNITS.iter().find(|(_, unit)| number >= *unit && number.is_multiple_of(*unit));
    unit.map_or((number, ""), |(name, unit)| (number / unit, name))
}

pub(super) fn time(time: Duration) -> String {
    let milliseconds = time.as_millis().max(1);
    if milliseconds.is_multiple_of(1_000) {
        format!("{} s", milliseconds / 1_000)
    } else {
        format!("{milliseconds} ms")
    }
}

/// A whole number with one of these units.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.get(digits.len()..)?.trim();
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    #[test]
    fn limits_are_set_by_name_with_units() {
        let mut limits = Limits::default();
        for assignment in
            ["memory=1GiB", "time=1500 ms", "pdf-pages=7", "text = 3 kib", "pdf-stream=100"]
        {
            limits.assign(assignment).unwrap();
        }
        assert_eq!(limits.memory, 1 << 30);
        assert_eq!(limits.time, Duration::from_millis(1_500));
        assert_eq!((limits.pdf_pages, limits.text, limits.pdf_stream), (7, 3_072, 100));
    }

    #[test]
    fn what_is_given_out_can_be_taken_back() {
        let mut limits = Limits { pdf_stream: 1_025, ..Limits::default() };
        limits.time = Duration::from_millis(1_234);
        let mut other = Limits::default();
        for (name, value) in limits.entries() {
            other.set(name, &value).unwrap();
        }
        assert_eq!(limits, other);
        assert!(limits.entries().contains(&("memory", "2 GiB".to_owned())));
    }

    #[test]
    fn a_wrong_limit_says_what_would_be_right() {
        let mut limits = Limits::default();
        for (assignment, expected) in [
            ("memory", "`memory` is no limit: write NAME=VALUE, as in memory=1GiB"),
            ("time=soon", "the limit time cannot be `soon`: it is a time, as 60s or 2m, and not 0"),
            ("pdf-pages=0", "the limit pdf-pages cannot be `0`: it is a number, and not 0"),
            ("file=1 TB", "the limit file cannot be `1 TB`: it is a size, as 64MiB, and not 0"),
        ] {
            assert_eq!(limits.assign(assignment).unwrap_err().to_string(), expected);
        }
        let unknown = limits.assign("speed=9").unwrap_err().to_string();
        assert!(unknown.starts_with("`speed` is no limit: file, time, memory,"), "{unknown}");
    }
}
