//! Checks that several settings share.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use settings_file::SettingsError;
use switch_core::Share;

pub(super) fn address(file: &Path, key: &str, text: &str) -> Result<SocketAddr, SettingsError> {
    let cause = match text.to_socket_addrs() {
        Ok(mut addresses) => match addresses.next() {
            Some(address) => return Ok(address),
            None => "the name has no address".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    Err(SettingsError::invalid(file, key, format!("{text:?} is not an address: {cause}"))
        .with_hint("write host:port, such as 127.0.0.1:8001"))
}

pub(super) fn positive(file: &Path, key: &str, duration: Duration) -> Result<(), SettingsError> {
    if duration.is_zero() {
        return Err(SettingsError::invalid(file, key, "must be longer than 0s"));
    }
    Ok(())
}

/// Reads a share such as `5%` or `0.1%`.
pub(super) fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
    let text = String::deserialize(deserializer)?;
    share(&text).map_err(serde::de::Error::custom)
}

/// Reads a share such as `5%` or `0.1%`, in steps of a tenth.
///
/// # Errors
/// When it is no such number, or not between 0% and 100%.
pub(crate) fn share(text: &str) -> Result<Share, String> {
    let wrong = || format!("{text:?} is not a share between 0% and 100%, in steps of 0.1%");
    let number = text.trim().strip_suffix('%').unwrap_or(text.trim());
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    if whole.len() > 3 || tenths.len() != 1 {
        return Err(wrong());
    }
    let whole: u16 = whole.parse().map_err(|_| wrong())?;
    let tenths: u16 = tenths.parse().map_err(|_| wrong())?;
    Share::per_mille(whole * 10 + tenths).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_in_tenths_of_a_percent() {
        for (text, thousandths) in [
            ("5%", Some(50)),
            ("0.1%", Some(1)),
            ("100%", Some(1000)),
            ("12.5", Some(125)),
            ("0.05%", None),
            ("101%", None),
            ("-1%", None),
            ("five", None),
            ("", None),
        ] {
            assert_eq!(share(text).ok().map(Share::thousandths), thousandths, "{text}");
        }
    }
}
