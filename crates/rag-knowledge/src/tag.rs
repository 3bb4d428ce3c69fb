//! The names of knowledge base versions.

use time::OffsetDateTime;

/// The longest tag, in bytes.
const LONGEST: usize = 100;

/// The tag a build gets when none is named: `v` and the day in UTC, `v20261123`.
pub fn default_for(now: OffsetDateTime) -> String {
    let day = now.to_offset(time::UtcOffset::UTC).date();
    format!("v{:04}{:02}{:02}", day.year(), u8::from(day.month()), day.day())
}

/// Whether a tag can be a folder's name everywhere.
///
/// # Errors
/// A clause that says what is wrong with it.
pub fn check(tag: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if tag.is_empty() {
        return Err("a tag must not be empty".to_owned());
    }
    if tag.len() > LONGEST {
        return Err(format!("a tag has at most {LONGEST} characters, and this one {}", tag.len()));
    }
    if let Some(c) = tag.chars().find(|c| !allowed(*c)) {
        return Err(format!(
            "{c:?} is not allowed in a tag: letters, digits, `.`, `_` and `-` are"
        ));
    }
    if tag.starts_with(['.', '-']) {
        return Err("a tag begins with a letter, a digit or `_`".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_plain_folder_name() {
        for good in ["v20261123", "v20261123-2", "2026.11", "_x"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "-f", "a/b", "a b", "版本", "a\n", &"x".repeat(101)]
        {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_default_is_the_day_in_utc() {
        let late = time::macros::datetime!(2026-11-23 23:30 -2);
        assert_eq!(default_for(late), "v20261124");
    }
}
