//! The slots and their workers.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;
use settings_file::SettingsError;
use switch_core::Slot;

use super::check::address;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slots {
    pub(super) blue: SlotFile,
    pub(super) green: SlotFile,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotFile {
    pub(super) workers: Vec<String>,
}

/// Workers a slot may have: a request remembers in one machine word which it has tried.
const MAX_WORKERS: usize = 64;

pub(super) fn slot_workers(
    file: &Path,
    slot: Slot,
    typed: &[String],
) -> Result<Vec<(String, SocketAddr)>, SettingsError> {
    if typed.len() > MAX_WORKERS {
        let key = format!("slots.{slot}.workers");
        return Err(SettingsError::invalid(
            file,
            &key,
            format!("a slot has at most {MAX_WORKERS} workers"),
        ));
    }
    typed
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let key = format!("slots.{slot}.workers[{index}]");
            address(file, &key, text).map(|address| (text.clone(), address))
        })
        .collect()
}
