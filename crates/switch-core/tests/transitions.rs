//! What the switch answers to each event in each phase, as a reviewed table.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

use std::fmt::Write as _;
use std::time::Duration;

use switch_core::{
    Attempt, Event, Identity, Mode, Release, Remembered, Rules, Share, Slot, SlotReport, Switch,
    Timestamp,
};

const NOW: Timestamp = Timestamp(1_000_000);

fn release(name: &str) -> Release {
    Release { label: name.to_owned(), fingerprint: format!("fingerprint of {name}") }
}

fn ready(name: &str) -> SlotReport {
    SlotReport { ready: 2, total: 2, judged: true, identity: Identity::Agreed(release(name)) }
}

fn fresh() -> Switch {
    let rules = Rules {
        require_ready: true,
        require_fingerprint: true,
        keep_old: Duration::from_secs(1800),
        pin: Duration::ZERO,
        failover: None,
        after_keep: [Mode::Full; 2],
    };
    let remembered = Remembered {
        live: Slot::Blue,
        attempt: Attempt(0),
        release: None,
        kept: None,
        canary: None,
        stages: None,
        draining: None,
        modes: [Mode::Full; 2],
        given_up: Attempt(0),
    };
    Switch::new(rules, remembered, [2, 2])
}

fn tell(switch: &mut Switch, event: Event, now: Timestamp) {
    switch.handle(event, now).unwrap();
}

fn proven() -> Switch {
    let mut switch = fresh();
    tell(&mut switch, Event::Report { slot: Slot::Blue, report: ready("one") }, NOW);
    tell(&mut switch, Event::Report { slot: Slot::Green, report: ready("two") }, NOW);
    switch
}

fn promote() -> Event {
    Event::Promote {
        to: None,
        reason: None,
        force: false,
        seen: None,
        stages: Vec::new(),
        every: Duration::ZERO,
    }
}

fn rollback() -> Event {
    Event::Rollback { reason: None, force: false }
}

fn standby(slot: Option<Slot>, mode: Mode) -> Event {
    Event::Standby { slot, mode, reason: None, force: false }
}

fn in_mode(mut switch: Switch, mode: Mode) -> Switch {
    let wish = Event::Standby { slot: None, mode, reason: Some("idle".into()), force: true };
    tell(&mut switch, wish, NOW);
    tell(&mut switch, Event::ModeRecorded { number: 1 }, NOW);
    switch
}

fn falling_asleep() -> Switch {
    let mut switch = proven();
    tell(&mut switch, standby(None, Mode::Asleep), NOW);
    switch
}

fn canary() -> Switch {
    let mut switch = proven();
    let share = Share::per_mille(50).unwrap();
    tell(&mut switch, Event::Canary { share, rules: Vec::new(), reason: None, force: false }, NOW);
    tell(&mut switch, Event::Recorded { attempt: Attempt(1) }, NOW);
    switch
}

fn recording() -> Switch {
    let mut switch = proven();
    tell(&mut switch, promote(), NOW);
    switch
}

fn draining() -> Switch {
    let mut switch = recording();
    tell(&mut switch, Event::Recorded { attempt: Attempt(1) }, NOW);
    switch
}

fn kept() -> Switch {
    let mut switch = draining();
    tell(&mut switch, Event::Drained { attempt: Attempt(1) }, NOW);
    switch
}

fn rolled_back() -> Switch {
    let mut switch = kept();
    tell(&mut switch, rollback(), NOW);
    tell(&mut switch, Event::Recorded { attempt: Attempt(2) }, NOW);
    tell(&mut switch, Event::Drained { attempt: Attempt(2) }, NOW);
    switch
}

fn retired() -> Switch {
    let mut switch = kept();
    tell(&mut switch, Event::Tick, Timestamp(NOW.0 + 1_800_000));
    switch
}

fn with_green(report: SlotReport) -> Switch {
    let mut switch = proven();
    tell(&mut switch, Event::Report { slot: Slot::Green, report }, NOW);
    switch
}

fn redeployed_in_place() -> Switch {
    let mut switch = kept();
    tell(&mut switch, Event::Report { slot: Slot::Green, report: ready("three") }, NOW);
    switch
}

fn old_slot_changed() -> Switch {
    let mut switch = kept();
    tell(&mut switch, Event::Report { slot: Slot::Blue, report: ready("four") }, NOW);
    switch
}

#[test]
fn the_transition_table() {
    let phases: Vec<(&str, Switch)> = vec![
        ("nothing probed yet", fresh()),
        ("both proven", proven()),
        ("green half ready", with_green(SlotReport { ready: 1, ..ready("two") })),
        ("green has no workers", with_green(SlotReport::unproven(0))),
        (
            "green hides its fingerprint",
            with_green(SlotReport { identity: Identity::Unknown, ..ready("two") }),
        ),
        (
            "green divided",
            with_green(SlotReport {
                identity: Identity::Divided(vec![release("two"), release("three")]),
                ..ready("two")
            }),
        ),
        ("recording", recording()),
        ("draining", draining()),
        ("old slot kept", kept()),
        ("old slot changed its release", old_slot_changed()),
        ("live slot changed its release", redeployed_in_place()),
        ("rolled back", rolled_back()),
        ("retired", retired()),
        ("canary", canary()),
        ("green falls asleep", falling_asleep()),
        ("green asleep", in_mode(proven(), Mode::Asleep)),
        ("green on the CPU", in_mode(proven(), Mode::Cpu)),
        ("rollback given up", in_mode(kept(), Mode::Asleep)),
    ];
    let force = |reason: Option<&str>| Event::Promote {
        to: None,
        reason: reason.map(str::to_owned),
        force: true,
        seen: None,
        stages: Vec::new(),
        every: Duration::ZERO,
    };
    let events: Vec<(&str, Event)> = vec![
        ("promote", promote()),
        (
            "promote blue",
            Event::Promote {
                to: Some(Slot::Blue),
                reason: None,
                force: false,
                seen: None,
                stages: Vec::new(),
                every: Duration::ZERO,
            },
        ),
        (
            "promote green",
            Event::Promote {
                to: Some(Slot::Green),
                reason: None,
                force: false,
                seen: None,
                stages: Vec::new(),
                every: Duration::ZERO,
            },
        ),
        (
            "promote having seen 0",
            Event::Promote {
                to: None,
                reason: None,
                force: false,
                seen: Some(Attempt(0)),
                stages: Vec::new(),
                every: Duration::ZERO,
            },
        ),
        ("promote --force", force(None)),
        ("promote --force --reason", force(Some("the night shift decided"))),
        ("rollback", rollback()),
        (
            "rollback --force --reason",
            Event::Rollback { reason: Some("trouble".into()), force: true },
        ),
        ("recorded 1", Event::Recorded { attempt: Attempt(1) }),
        ("record failed 1", Event::RecordFailed { attempt: Attempt(1), cause: "disk full".into() }),
        ("recorded 9", Event::Recorded { attempt: Attempt(9) }),
        ("drained 1", Event::Drained { attempt: Attempt(1) }),
        ("tick after keep_old", Event::Tick),
        ("sleep", standby(None, Mode::Asleep)),
        ("sleep blue", standby(Some(Slot::Blue), Mode::Asleep)),
        (
            "sleep --force --reason",
            Event::Standby {
                slot: None,
                mode: Mode::Asleep,
                reason: Some("the night shift decided".into()),
                force: true,
            },
        ),
        ("sleep --mode cpu", standby(None, Mode::Cpu)),
        ("wake", standby(None, Mode::Full)),
        ("mode 1 recorded", Event::ModeRecorded { number: 1 }),
        ("mode 1 record failed", Event::ModeRecordFailed { number: 1, cause: "disk full".into() }),
    ];
    let mut table = String::new();
    for (phase, switch) in &phases {
        writeln!(table, "{phase}").unwrap();
        for (name, event) in &events {
            let now = if *event == Event::Tick { Timestamp(NOW.0 + 1_800_000) } else { NOW };
            let answer = match switch.clone().handle(event.clone(), now) {
                Err(refusal) => format!("no: {refusal} [{}]", refusal.hint()),
                Ok(effects) if effects.is_empty() => "-".to_owned(),
                Ok(effects) => {
                    effects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                }
            };
            writeln!(table, "  {name:<26} {answer}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_plan_lists_every_effect_and_changes_nothing() {
    let switch = proven();
    let plan: Vec<String> =
        switch.plan(promote(), NOW).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        plan,
        [
            "record attempt 1: promote green",
            "route new requests to green",
            "drain blue",
            "notify: green is live"
        ]
    );
    assert_eq!(switch.live(), Slot::Blue);
    assert_eq!(switch.attempt(), Attempt(0));
}

#[test]
fn a_rollback_that_was_given_up_stays_so_after_a_restart() {
    let asleep = in_mode(kept(), Mode::Asleep);
    assert_eq!((asleep.kept(), asleep.is_retired(Slot::Blue)), (None, true));
    let remembered = Remembered {
        live: Slot::Green,
        attempt: Attempt(1),
        release: None,
        kept: kept().kept().cloned(),
        canary: None,
        stages: None,
        draining: None,
        modes: [Mode::Full; 2],
        given_up: Attempt(1),
    };
    let rules = Rules {
        require_ready: true,
        require_fingerprint: true,
        keep_old: Duration::from_secs(1800),
        pin: Duration::ZERO,
        failover: None,
        after_keep: [Mode::Full; 2],
    };
    let switch = Switch::new(rules, remembered, [2, 2]);
    assert_eq!((switch.kept(), switch.is_retired(Slot::Blue)), (None, true));
}

#[test]
fn a_retired_slot_goes_into_the_mode_that_the_rules_say() {
    let mut switch = kept();
    switch.set_rules(Rules {
        require_ready: true,
        require_fingerprint: true,
        keep_old: Duration::from_secs(1800),
        pin: Duration::ZERO,
        failover: None,
        after_keep: [Mode::Asleep, Mode::Full],
    });
    let effects = switch.handle(Event::Tick, Timestamp(NOW.0 + 1_800_000)).unwrap();
    let told: Vec<String> = effects.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["retire blue", "notify: blue is retired", "record: put blue to sleep"]);
    let effects = switch.handle(Event::ModeRecorded { number: 1 }, NOW).unwrap();
    let told: Vec<String> = effects.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["set blue to asleep", "notify: blue is to be asleep"]);
}

#[test]
fn a_rollback_is_possible_while_the_old_slot_still_drains() {
    let mut switch = draining();
    let effects = switch.handle(rollback(), Timestamp(NOW.0 + 9_000_000)).unwrap();
    assert_eq!(effects[0].to_string(), "record attempt 2: rollback blue");
}
