//! What a slot's report proves.

use crate::refusal::Refusal;
use crate::words::{Identity, Release, Slot, SlotReport};

pub(super) fn is_dead(report: &SlotReport) -> bool {
    report.judged && report.ready == 0
}

pub(super) fn ready_enough(slot: Slot, report: &SlotReport, needed: u32) -> Result<(), Refusal> {
    match report {
        SlotReport { total: 0, .. } => Err(Refusal::NoWorkers { slot }),
        SlotReport { ready, total, .. } if *ready < needed => {
            Err(Refusal::NotReady { slot, ready: *ready, total: *total })
        }
        SlotReport { .. } => Ok(()),
    }
}

pub(super) fn one_release(slot: Slot, report: &SlotReport) -> Result<(), Refusal> {
    match &report.identity {
        Identity::Agreed(_) => Ok(()),
        Identity::Unknown => Err(Refusal::FingerprintUnknown { slot }),
        Identity::Divided(releases) => {
            let names: Vec<&str> = releases.iter().map(|release| release.label.as_str()).collect();
            Err(Refusal::ReleasesDiffer { slot, count: releases.len(), names: names.join(", ") })
        }
    }
}

pub(super) fn agreed(report: &SlotReport) -> Option<Release> {
    match &report.identity {
        Identity::Agreed(release) => Some(release.clone()),
        Identity::Unknown | Identity::Divided(_) => None,
    }
}
