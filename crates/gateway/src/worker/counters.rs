//! The worker's metrics, looked up once.

use switch_core::Slot;
use telemetry::gateway::{Counter, GatewayMetrics, Gauge};

pub(crate) struct Children {
    pub probe_ready: Counter,
    pub probe_not_ready: Counter,
    pub probe_failed: Counter,
    pub ejections: Counter,
    pub mismatches: Counter,
    pub ready: Gauge,
}

impl Children {
    pub(crate) fn of(metrics: &GatewayMetrics, slot: Slot, worker: &str) -> Self {
        let slot = slot.as_str();
        Self {
            probe_ready: metrics.probe(slot, worker, "ready"),
            probe_not_ready: metrics.probe(slot, worker, "not_ready"),
            probe_failed: metrics.probe(slot, worker, "failed"),
            ejections: metrics.ejection(slot, worker),
            mismatches: metrics.mismatch(slot, worker),
            ready: metrics.worker_ready(slot, worker),
        }
    }
}
