//! The slots and their workers.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use settings_file::SettingsError;
use switch_core::Slot;

use super::check::address;
use super::standby::{self, Standby, StandbyFile};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slots {
    pub(super) blue: SlotFile,
    pub(super) green: SlotFile,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotFile {
    pub(super) workers: Vec<WorkerFile>,
    #[serde(default)]
    pub(super) balance: Balance,
    /// How long a worker that recovered takes to get its whole part of the requests.
    #[serde(default, with = "settings_file::duration")]
    pub(super) slow_start: Duration,
    /// How the workers are started and stopped.
    #[serde(default)]
    pub(super) standby: Option<StandbyFile>,
}

/// How a slot's requests are spread over its workers.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// To the worker with the fewest running requests, compared with its weight.
    #[default]
    LeastInFlight,
    /// In turn, by weight.
    RoundRobin,
    /// The same conversation to the same worker; requests without one by `least_in_flight`.
    Conversation,
}

/// A worker: its address as text, or with more about it.
#[derive(Clone, Debug)]
pub(super) struct WorkerFile(Worker);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Worker {
    address: String,
    #[serde(default = "one")]
    weight: u32,
    /// The most requests at once; 0 for no limit.
    #[serde(default)]
    max_requests: u32,
    /// Gets requests only while no other worker can.
    #[serde(default)]
    backup: bool,
    /// Gets no requests.
    #[serde(default)]
    down: bool,
}

fn one() -> u32 {
    1
}

impl<'de> Deserialize<'de> for WorkerFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Worker;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an address such as 127.0.0.1:8001, or a map with `address`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Worker, E> {
                let address = text.to_owned();
                Ok(Worker { address, weight: 1, max_requests: 0, backup: false, down: false })
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Worker, M::Error> {
                Worker::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_any(Either).map(Self)
    }
}

/// Workers a slot may have: a request remembers in one machine word which it has tried.
const MAX_WORKERS: usize = 64;
const MAX_WEIGHT: u32 = 1_000;

/// One slot, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotSettings {
    pub workers: Vec<WorkerSettings>,
    pub balance: Balance,
    pub slow_start: Duration,
    pub standby: Option<Standby>,
}

/// One worker, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerSettings {
    /// As written.
    pub name: String,
    pub address: SocketAddr,
    pub weight: u32,
    pub max_requests: u32,
    pub backup: bool,
    pub down: bool,
}

#[cfg(test)]
impl WorkerSettings {
    /// A worker of which only the address is said.
    pub(crate) fn plain(name: &str, address: SocketAddr) -> Self {
        let name = name.to_owned();
        Self { name, address, weight: 1, max_requests: 0, backup: false, down: false }
    }
}

pub(super) fn check(
    file: &Path,
    slot: Slot,
    typed: &SlotFile,
) -> Result<SlotSettings, SettingsError> {
    if typed.workers.len() > MAX_WORKERS {
        let key = format!("slots.{slot}.workers");
        let text = format!("a slot has at most {MAX_WORKERS} workers");
        return Err(SettingsError::invalid(file, &key, text));
    }
    let workers = typed.workers.iter().enumerate().map(|(index, WorkerFile(worker))| {
        let key = format!("slots.{slot}.workers[{index}]");
        if !(1..=MAX_WEIGHT).contains(&worker.weight) {
            let text = format!("a weight is between 1 and {MAX_WEIGHT}");
            return Err(SettingsError::invalid(file, &format!("{key}.weight"), text));
        }
        Ok(WorkerSettings {
            name: worker.address.clone(),
            address: address(file, &key, &worker.address)?,
            weight: worker.weight,
            max_requests: worker.max_requests,
            backup: worker.backup,
            down: worker.down,
        })
    });
    let workers = workers.collect::<Result<Vec<_>, _>>()?;
    let standby = typed.standby.as_ref();
    let standby = standby.map(|typed| standby::check(file, slot, typed, &workers)).transpose()?;
    Ok(SlotSettings { workers, balance: typed.balance, slow_start: typed.slow_start, standby })
}
