//! Checks that several settings share.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use settings_file::SettingsError;

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
