//! What the gateway says about itself: the switch, the slots, and what runs on them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use switch_api::{Drain, Pinned, RunningStream, SlotStatus, Stages, Status, WorkerStatus};
use switch_core::{Canary, Kind, Phase, Rule, Slot, Stages as CoreStages, Switch, Timestamp};

use crate::events;
use crate::requested::Requested;
use crate::shared::Shared;
use crate::worker::now_millis;

/// `GET /v1/status`.
pub(crate) fn status(
    switch: &Switch,
    shared: &Shared,
    listen: &str,
    deadline: Option<Timestamp>,
    requested: Option<&Requested>,
) -> Status {
    let known = shared.conversations.as_ref().map_or([0, 0], |known| known.count());
    let slots: BTreeMap<String, SlotStatus> = Slot::ALL
        .into_iter()
        .map(|slot| (slot.to_string(), slot_status(switch, shared, slot, known[slot.index()])))
        .collect();
    let (phase, drain) = match switch.phase() {
        Phase::Steady => ("steady", None),
        Phase::Recording(_) => ("recording", None),
        Phase::Draining { attempt, slot } => {
            let left = shared.routing.slot(slot).in_flight();
            let deadline = deadline.map(|at| events::rfc3339(at.0));
            ("draining", Some(Drain { slot: slot.to_string(), attempt: attempt.0, left, deadline }))
        }
    };
    Status {
        live: switch.live().to_string(),
        attempt: switch.attempt().0,
        phase: phase.to_owned(),
        slots,
        kept: switch.kept().map(|kept| switch_api::Kept {
            slot: kept.slot.to_string(),
            until: events::rfc3339(kept.until.0),
            rollback: matches!(kept.left_by, Kind::Promote | Kind::Failover),
        }),
        drain,
        canary: switch.canary().map(|tried| canary(tried, switch.stages())),
        pinned: switch.pinned().map(|pinned| Pinned {
            slot: pinned.slot.to_string(),
            until: events::rfc3339(pinned.until.0),
        }),
        shadow: Some(shared.shadow.share())
            .filter(|share| share.thousandths() > 0)
            .map(|share| share.to_string()),
        request: requested.map(|requested| {
            requested.told(shared.routing.slot(requested.slot).release().as_ref())
        }),
        listen: listen.to_owned(),
        drive: shared.drive.as_ref().map(|drive| drive.state()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
    }
}

fn slot_status(switch: &Switch, shared: &Shared, slot: Slot, conversations: u64) -> SlotStatus {
    let pool = shared.routing.slot(slot);
    let members = pool.members();
    let workers = members.workers.iter().map(|worker| WorkerStatus {
        address: worker.name.clone(),
        state: pool.state_of(worker).to_owned(),
        in_flight: u64::from(worker.in_flight.load(Ordering::Relaxed)),
        breaker: Some(worker.breaker.state(now_millis()).as_str().to_owned()),
        detail: Some(worker.detail().to_string())
            .filter(|detail| !detail.is_empty() && pool.state_of(worker) != "asleep"),
    });
    let standby = shared.standby.told(pool);
    let waking = standby.as_ref().is_some_and(|standby| standby.state == "waking");
    let state = match pool.state() {
        "down" | "unproven" if waking => "waking",
        state => state,
    };
    SlotStatus {
        state: state.to_owned(),
        in_flight: pool.in_flight(),
        workers: workers.collect(),
        release: pool.health(),
        release_name: pool.release().map(|release| release.label),
        retired: switch.is_retired(slot),
        conversations,
        standby,
    }
}

/// A canary in the words of the API.
pub(crate) fn canary(canary: &Canary, stages: Option<&CoreStages>) -> switch_api::Canary {
    switch_api::Canary {
        slot: canary.slot.to_string(),
        share: canary.share.to_string(),
        rules: canary.rules.iter().map(rule).collect(),
        stages: stages.map(|stages| Stages {
            left: stages.left.iter().map(ToString::to_string).collect(),
            every_s: stages.every.as_secs_f64(),
            due: events::rfc3339(stages.due.0),
        }),
    }
}

fn rule(rule: &Rule) -> switch_api::Rule {
    match rule.clone() {
        Rule::Header { name, value } => switch_api::Rule::Header { name, value },
        Rule::Cookie { name, value } => switch_api::Rule::Cookie { name, value },
        Rule::Claim { name, value } => switch_api::Rule::Claim { name, value },
        Rule::Path { prefix } => switch_api::Rule::Path { prefix },
        Rule::Source { network } => switch_api::Rule::Source { network },
    }
}

/// A rule of the API in the switch's words.
pub(crate) fn read_rule(rule: switch_api::Rule) -> Rule {
    match rule {
        switch_api::Rule::Header { name, value } => Rule::Header { name, value },
        switch_api::Rule::Cookie { name, value } => Rule::Cookie { name, value },
        switch_api::Rule::Claim { name, value } => Rule::Claim { name, value },
        switch_api::Rule::Path { prefix } => Rule::Path { prefix },
        switch_api::Rule::Source { network } => Rule::Source { network },
    }
}

/// The most answers told in one listing.
const LONGEST_LISTING: usize = 1_000;

/// `GET /v1/drain`: what runs on a slot, and whether its workers may be stopped.
pub(crate) fn running(
    switch: &Switch,
    shared: &Shared,
    slot: Slot,
    deadline: Option<Timestamp>,
) -> switch_api::Running {
    let in_flight = shared.routing.slot(slot).in_flight();
    let live = switch.live() == slot;
    let mut because = Vec::new();
    if live {
        because.push(format!("{slot} is live"));
    }
    if let Some(tried) = switch.canary().filter(|tried| tried.slot == slot) {
        because.push(format!("a canary sends requests there: {tried}"));
    }
    if let Some(pinned) = switch.pinned().filter(|pinned| pinned.slot == slot) {
        let until = events::rfc3339(pinned.until.0);
        because.push(format!("conversations stay there until {until}"));
    }
    if matches!(switch.phase(), Phase::Recording(_)) {
        because.push("a decision is being recorded".to_owned());
    }
    if in_flight > 0 {
        because.push(format!("answers are running: {in_flight}"));
    }
    let draining =
        matches!(switch.phase(), Phase::Draining { slot: drained, .. } if drained == slot);
    switch_api::Running {
        slot: slot.to_string(),
        live,
        in_flight,
        safe_to_stop: because.is_empty(),
        because,
        deadline: deadline.filter(|_| draining).map(|at| events::rfc3339(at.0)),
        streams: streams(shared, slot),
    }
}

/// The answers that run on a slot, the oldest first: those of an old process that this one took over from come first.
pub(crate) fn streams(shared: &Shared, slot: Slot) -> Vec<RunningStream> {
    let own = shared.running.on(slot).into_iter().map(|answer| {
        let worker = answer.worker.load();
        RunningStream {
            request_id: answer
                .request_id
                .as_ref()
                .and_then(|id| id.to_str().ok())
                .unwrap_or("-")
                .to_owned(),
            client: answer.client.map_or_else(|| "-".to_owned(), |client| client.to_string()),
            method: answer.method.to_string(),
            path: answer.target.path().to_owned(),
            worker: worker.as_ref().map_or("-", |worker| worker.name.as_str()).to_owned(),
            age_s: (answer.started.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            bytes: answer.bytes.load(Ordering::Relaxed),
        }
    });
    shared.predecessor.on(slot).into_iter().chain(own).take(LONGEST_LISTING).collect()
}
