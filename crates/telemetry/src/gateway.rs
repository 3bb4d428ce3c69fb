//! The gateway's metric families. Children are resolved once, so that counting a request looks nothing up and
//! takes no lock.

pub use prometheus::{Error, IntCounter as Counter, IntGauge as Gauge};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use crate::family::{self, counters, gauges, histograms, register};

/// The modes of a slot.
const MODES: [&str; 3] = ["full", "cpu", "asleep"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Every metric of the gateway.
pub struct GatewayMetrics {
    registry: Registry,
    /// One entry per slot, in the order given to [`GatewayMetrics::new`].
    pub slots: Vec<SlotMetrics>,
    /// Requests answered by the gateway itself, because nothing could serve them or they were malformed.
    pub refused: StatusClasses,
    /// Connections open at the front door.
    pub connections: IntGauge,
    /// Connections turned away because the limit was reached.
    pub connections_refused: IntCounter,
    /// Connections that ended before their first request: no TLS, no PROXY header, or nothing in time.
    pub connections_failed: IntCounter,
    /// Retries that the budget did not allow.
    pub retries_denied: IntCounter,
    /// Seconds that copies to the idle slot took.
    pub shadow_duration: Histogram,
    /// Requests that wait for a worker.
    pub held: IntGauge,
    /// Conversations remembered.
    pub conversations: IntGauge,
    /// Failovers, and deadlines that ended answers.
    pub failovers: IntCounter,
    pub deadlines: IntCounter,
    /// Decisions that the proxy which is driven did not follow.
    pub not_followed: IntCounter,
    shadows: IntCounterVec,
    holds: IntCounterVec,
    authentications: IntCounterVec,
    rate_limited: IntCounterVec,
    operator_refusals: IntCounterVec,
    breakers: IntGaugeVec,
    canary_share: IntGauge,
    promotions: IntCounterVec,
    rollbacks: IntCounterVec,
    probes: IntCounterVec,
    ejections: IntCounterVec,
    mismatches: IntCounterVec,
    worker_ready: IntGaugeVec,
    slot_modes: IntGaugeVec,
    mode_changes: IntCounterVec,
    worker_restarts: IntCounterVec,
}

/// What is counted for one slot.
pub struct SlotMetrics {
    pub requests: StatusClasses,
    /// Seconds from the request's first byte to the answer's last.
    pub duration: Histogram,
    /// Seconds from the request's first byte to the answer's first.
    pub first_byte: Histogram,
    pub in_flight: IntGauge,
    /// Answers that began and did not end: the worker went away in the middle.
    pub truncated: IntCounter,
    /// Answers that another worker was asked to go on with.
    pub continued: IntCounter,
    /// Answers whose client went away before their end.
    pub abandoned: IntCounter,
    pub retries: IntCounter,
    /// Requests that came here as a canary, by share or by rule.
    pub canary: IntCounter,
    /// Requests that came here because their conversation did.
    pub pinned: IntCounter,
    /// 1 for the live slot, 0 for the idle one.
    pub live: IntGauge,
}

/// A counter per status class.
pub struct StatusClasses([IntCounter; 5]);

impl StatusClasses {
    /// Counts one answer by its HTTP status; statuses outside 100–599 count as 5xx.
    pub fn count(&self, status: u16) {
        let index = match status / 100 {
            class @ 1..=5 => usize::from(class) - 1,
            _ => 4,
        };
        if let Some(counter) = self.0.get(index) {
            counter.inc();
        }
    }
}

impl GatewayMetrics {
    /// Registers every family, with children for the slots named.
    ///
    /// # Errors
    /// Only when a metric is named twice or badly, which is a mistake in this file.
    pub fn new(slots: &[&str]) -> Result<Self, Error> {
        let registry = Registry::new();
        let requests = counters(
            &registry,
            "switchyard_requests_total",
            "Requests answered",
            &["slot", "class"],
        )?;
        let duration = histograms(
            &registry,
            "switchyard_request_duration_seconds",
            "First byte in to last byte out",
            &["slot"],
        )?;
        let first_byte = histograms(
            &registry,
            "switchyard_time_to_first_byte_seconds",
            "First byte in to first byte out",
            &["slot"],
        )?;
        let in_flight = gauges(
            &registry,
            "switchyard_in_flight_requests",
            "Requests being answered",
            &["slot"],
        )?;
        let truncated = counters(
            &registry,
            "switchyard_truncated_streams_total",
            "Answers cut by their worker",
            &["slot"],
        )?;
        let continued = counters(
            &registry,
            "switchyard_continued_streams_total",
            "Answers that another worker went on with",
            &["slot"],
        )?;
        let abandoned = counters(
            &registry,
            "switchyard_abandoned_requests_total",
            "Answers whose client left",
            &["slot"],
        )?;
        let retries = counters(
            &registry,
            "switchyard_retries_total",
            "Requests tried again on another worker",
            &["slot"],
        )?;
        let canary = counters(
            &registry,
            "switchyard_canary_requests_total",
            "Requests sent to the idle slot by share or rule",
            &["slot"],
        )?;
        let pinned = counters(
            &registry,
            "switchyard_conversation_requests_total",
            "Requests sent where their conversation began",
            &["slot"],
        )?;
        let live = gauges(&registry, "switchyard_live_slot", "1 for the live slot", &["slot"])?;
        let connections = IntGauge::new("switchyard_connections", "Open front door connections")?;
        let connections_refused =
            IntCounter::new("switchyard_connections_refused_total", "Connections over the limit")?;
        register(&registry, &connections)?;
        register(&registry, &connections_refused)?;
        let counter = |name: &str, help: &str| -> Result<IntCounter, Error> {
            let counter = IntCounter::new(name, help)?;
            register(&registry, &counter)?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, Error> {
            let gauge = IntGauge::new(name, help)?;
            register(&registry, &gauge)?;
            Ok(gauge)
        };
        let connections_failed = counter(
            "switchyard_connections_failed_total",
            "Connections that ended before their first request",
        )?;
        let retries_denied = counter("switchyard_retries_denied_total", "Retries over the budget")?;
        let failovers =
            counter("switchyard_failovers_total", "Live slots replaced because they died")?;
        let not_followed =
            counter("switchyard_not_followed_total", "Decisions the driven proxy did not follow")?;
        let deadlines = counter("switchyard_deadline_cuts_total", "Answers ended by a deadline")?;
        let held = gauge("switchyard_held_requests", "Requests that wait for a worker")?;
        let conversations = gauge("switchyard_conversations", "Conversations remembered")?;
        let canary_share =
            gauge("switchyard_canary_share", "Thousandths of the requests sent to the idle slot")?;
        let shadow_duration = histograms(
            &registry,
            "switchyard_shadow_duration_seconds",
            "How long copies to the idle slot took",
            &[],
        )?
        .with_label_values::<&str>(&[]);
        let shadows = counters(
            &registry,
            "switchyard_shadow_requests_total",
            "Copies of requests for the idle slot",
            &["outcome"],
        )?;
        for outcome in ["answered", "failed", "timed_out", "dropped", "too_long", "no_worker"] {
            shadows.with_label_values(&[outcome]);
        }
        let holds = counters(
            &registry,
            "switchyard_holds_total",
            "Requests that waited for a worker",
            &["outcome"],
        )?;
        let slot_metrics = slots
            .iter()
            .map(|slot| SlotMetrics {
                requests: classes(&requests, slot),
                duration: duration.with_label_values(&[slot]),
                first_byte: first_byte.with_label_values(&[slot]),
                in_flight: in_flight.with_label_values(&[slot]),
                truncated: truncated.with_label_values(&[slot]),
                continued: continued.with_label_values(&[slot]),
                abandoned: abandoned.with_label_values(&[slot]),
                retries: retries.with_label_values(&[slot]),
                canary: canary.with_label_values(&[slot]),
                pinned: pinned.with_label_values(&[slot]),
                live: live.with_label_values(&[slot]),
            })
            .collect();
        let promotions = counters(
            &registry,
            "switchyard_promotions_total",
            "Promotions asked for",
            &["to", "outcome"],
        )?;
        let rollbacks = counters(
            &registry,
            "switchyard_rollbacks_total",
            "Rollbacks asked for",
            &["to", "outcome"],
        )?;
        // A series that appears with its first failure hides that failure from `increase()`.
        for slot in slots {
            for outcome in ["done", "refused", "failed"] {
                promotions.with_label_values(&[slot, outcome]);
                rollbacks.with_label_values(&[slot, outcome]);
            }
        }
        let slot_modes = gauges(
            &registry,
            "switchyard_slot_mode",
            "1 for the mode a slot is to be in, 0 for the others",
            &["slot", "mode"],
        )?;
        let mode_changes = counters(
            &registry,
            "switchyard_mode_changes_total",
            "Slots put to sleep or woken, by how that ended",
            &["slot", "mode", "outcome"],
        )?;
        for slot in slots {
            for mode in MODES {
                slot_modes.with_label_values(&[slot, mode]);
                for outcome in ["done", "refused", "failed"] {
                    mode_changes.with_label_values(&[slot, mode, outcome]);
                }
            }
        }
        Ok(Self {
            slot_modes,
            mode_changes,
            worker_restarts: counters(
                &registry,
                "switchyard_worker_restarts_total",
                "Workers started again because they had ended by themselves",
                &["slot", "worker"],
            )?,
            slots: slot_metrics,
            refused: classes(&requests, "none"),
            connections,
            connections_refused,
            connections_failed,
            retries_denied,
            shadow_duration,
            held,
            conversations,
            failovers,
            deadlines,
            not_followed,
            shadows,
            holds,
            authentications: counters(
                &registry,
                "switchyard_authentications_total",
                "Users asked who they are, by how they showed it and the outcome",
                &["kind", "outcome"],
            )?,
            rate_limited: counters(
                &registry,
                "switchyard_rate_limited_total",
                "Requests refused because a limit was reached",
                &["limit"],
            )?,
            operator_refusals: counters(
                &registry,
                "switchyard_operator_refusals_total",
                "Operators refused for who they are",
                &["reason"],
            )?,
            canary_share,
            breakers: gauges(
                &registry,
                "switchyard_breaker_open",
                "0 while a worker's circuit breaker is closed, 1 open, 2 half open",
                &["slot", "worker"],
            )?,
            promotions,
            rollbacks,
            probes: counters(
                &registry,
                "switchyard_probes_total",
                "Health probes",
                &["slot", "worker", "result"],
            )?,
            ejections: counters(
                &registry,
                "switchyard_ejections_total",
                "Workers set aside after failed requests",
                &["slot", "worker"],
            )?,
            mismatches: counters(
                &registry,
                "switchyard_release_mismatches_total",
                "Workers that stopped serving the recorded release",
                &["slot", "worker"],
            )?,
            worker_ready: gauges(
                &registry,
                "switchyard_worker_ready",
                "1 while a worker may get requests",
                &["slot", "worker"],
            )?,
            registry,
        })
    }

    /// Counts a promotion by where it wanted to go and how it ended (`done`, `refused`, `failed`).
    pub fn promotion(&self, to: &str, outcome: &str) {
        self.promotions.with_label_values(&[to, outcome]).inc();
    }

    /// Counts a rollback by where it wanted to go and how it ended.
    pub fn rollback(&self, to: &str, outcome: &str) {
        self.rollbacks.with_label_values(&[to, outcome]).inc();
    }

    /// Counts a copy by how it ended (`answered`, `failed`, `timed_out`, `dropped`, `too_long`, `no_worker`).
    pub fn shadow(&self, outcome: &str) {
        self.shadows.with_label_values(&[outcome]).inc();
    }

    /// Counts a request that waited by how that ended (`answered`, `timed_out`, `full`, `left`, `gave_up`).
    pub fn holds(&self, outcome: &str) {
        self.holds.with_label_values(&[outcome]).inc();
    }

    /// The counter of users who showed who they are by `kind` (`jwt`, `api_key`, `none`).
    pub fn authentications(&self, kind: &str, outcome: &str) -> IntCounter {
        self.authentications.with_label_values(&[kind, outcome])
    }

    /// Counts a user who was not let in, by the word for why.
    pub fn authentication(&self, kind: &str, outcome: &str) {
        self.authentications(kind, outcome).inc();
    }

    /// The counter of requests that a limit refused.
    pub fn rate_limited(&self, limit: &str) -> IntCounter {
        self.rate_limited.with_label_values(&[limit])
    }

    /// Counts an operator who was refused (`no_token`, `bad_token`, `role`).
    pub fn operator_refusal(&self, reason: &str) {
        self.operator_refusals.with_label_values(&[reason]).inc();
    }

    /// Shows the canary's share, in thousandths.
    pub fn canary_share(&self, thousandths: u16) {
        self.canary_share.set(i64::from(thousandths));
    }

    /// The gauge of a worker's circuit breaker: 0 closed, 1 open, 2 half open.
    pub fn breaker(&self, slot: &str, worker: &str) -> IntGauge {
        self.breakers.with_label_values(&[slot, worker])
    }

    /// The counter of a worker's probes that ended in `result` (`ready`, `not_ready`, `failed`).
    pub fn probe(&self, slot: &str, worker: &str, result: &str) -> IntCounter {
        self.probes.with_label_values(&[slot, worker, result])
    }

    /// The counter of times a worker was set aside after failed requests.
    pub fn ejection(&self, slot: &str, worker: &str) -> IntCounter {
        self.ejections.with_label_values(&[slot, worker])
    }

    /// The counter of times a worker was found serving another release than the recorded one.
    pub fn mismatch(&self, slot: &str, worker: &str) -> IntCounter {
        self.mismatches.with_label_values(&[slot, worker])
    }

    /// The gauge that is 1 while a worker may get requests.
    pub fn worker_ready(&self, slot: &str, worker: &str) -> IntGauge {
        self.worker_ready.with_label_values(&[slot, worker])
    }

    /// Shows the mode of a slot: `full`, `cpu` or `asleep`.
    pub fn slot_mode(&self, slot: &str, mode: &str) {
        for known in MODES {
            self.slot_modes.with_label_values(&[slot, known]).set(i64::from(known == mode));
        }
    }

    /// Counts a slot's change into a mode by how it ended (`done`, `refused`, `failed`).
    pub fn mode_change(&self, slot: &str, mode: &str, outcome: &str) {
        self.mode_changes.with_label_values(&[slot, mode, outcome]).inc();
    }

    /// The counter of times a worker was started again because it had ended by itself.
    pub fn worker_restarts(&self, slot: &str, worker: &str) -> IntCounter {
        self.worker_restarts.with_label_values(&[slot, worker])
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// When a family cannot be encoded.
    pub fn render(&self) -> Result<String, Error> {
        family::render(&self.registry)
    }
}

fn classes(family: &IntCounterVec, slot: &str) -> StatusClasses {
    StatusClasses(CLASSES.map(|class| family.with_label_values(&[slot, class])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_named_once_and_rendered() {
        let metrics = GatewayMetrics::new(&["blue", "green"]).unwrap();
        metrics.slots[0].requests.count(200);
        metrics.promotion("green", "done");
        let text = metrics.render().unwrap();
        assert!(text.contains(r#"switchyard_requests_total{class="2xx",slot="blue"} 1"#), "{text}");
        assert!(
            text.contains(r#"switchyard_promotions_total{outcome="done",to="green"} 1"#),
            "{text}"
        );
    }
}
