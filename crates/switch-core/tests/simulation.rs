//! Seeded runs of the switch against a world that crashes, loses records, repeats old news and flaps.
//!
//! `SWITCH_SEED=17 cargo test -p switch-core --test simulation` replays one run.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use switch_core::{
    Attempt, Canary, Decision, Effect, Event, Identity, Kept, Kind, Mode, ModeChange, News, Phase,
    Refusal, Release, Remembered, Rule, Rules, Share, Slot, SlotReport, Switch, Timestamp,
};

const SEEDS: u64 = 256;
const STEPS: usize = 2_000;
const KEEP_OLD: Duration = Duration::from_secs(60);
const PIN: Duration = Duration::from_secs(20);
const FAILOVER: Duration = Duration::from_secs(10);

/// Everything outside the switch: a disk, a routing table, and news in flight.
struct World {
    random: StdRng,
    now: Timestamp,
    switch: Switch,
    /// The disk: decisions that were written whole.
    recorded: Vec<(Decision, Timestamp)>,
    routed: Slot,
    tried: Option<Canary>,
    pinned: Option<Slot>,
    /// A decision the driver was told to write and has not answered about.
    writing: Option<Decision>,
    /// The disk: the last change of a mode that was written whole.
    recorded_mode: Option<ModeChange>,
    /// The change of a mode that the driver was told to write and has not answered about.
    writing_mode: Option<ModeChange>,
    /// What the workers were told.
    modes: [Mode; 2],
    old_news: Vec<Event>,
    truth: [SlotReport; 2],
}

fn rules() -> Rules {
    Rules {
        require_ready: true,
        require_fingerprint: true,
        keep_old: KEEP_OLD,
        pin: PIN,
        failover: Some(FAILOVER),
        after_keep: [Mode::Full, Mode::Asleep],
    }
}

fn remembered(recorded: &[(Decision, Timestamp)], mode: Option<&ModeChange>) -> Remembered {
    let modes = mode.map_or([Mode::Full; 2], |change| change.modes);
    let given_up = mode.map_or(Attempt(0), |change| change.given_up);
    let Some((last, at)) = recorded.last() else {
        return Remembered {
            live: Slot::Blue,
            attempt: Attempt(0),
            release: None,
            kept: None,
            canary: None,
            stages: None,
            draining: None,
            modes,
            given_up,
        };
    };
    let kept = recorded.iter().rev().find(|(decision, _)| decision.from != decision.to).and_then(
        |(decision, at)| {
            (decision.to == last.to).then(|| Kept {
                slot: decision.from,
                attempt: decision.attempt,
                until: at.after(KEEP_OLD),
                release: decision.from_release.clone(),
                left_by: decision.kind,
            })
        },
    );
    let _ = at;
    Remembered {
        live: last.to,
        attempt: last.attempt,
        release: last.to_release.clone(),
        kept,
        canary: last.canary.clone(),
        stages: last.stages.clone(),
        draining: None,
        modes,
        given_up,
    }
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            now: Timestamp(1_000),
            switch: Switch::new(rules(), remembered(&[], None), [2, 2]),
            recorded: Vec::new(),
            routed: Slot::Blue,
            tried: None,
            pinned: None,
            writing: None,
            recorded_mode: None,
            writing_mode: None,
            modes: [Mode::Full; 2],
            old_news: Vec::new(),
            truth: [SlotReport::unproven(2), SlotReport::unproven(2)],
        }
    }

    fn slot(&mut self) -> Slot {
        if self.random.random() { Slot::Blue } else { Slot::Green }
    }

    fn step(&mut self) {
        self.now = Timestamp(self.now.0 + self.random.random_range(0..5_000));
        match self.random.random_range(0..100) {
            0..26 => self.flap(),
            26..30 => {
                let slot = if self.random.random() { None } else { Some(self.slot()) };
                // A slot that always sleeps decides nothing.
                let awake = self.random.random_bool(0.7);
                let mode =
                    if awake { Mode::Full } else { Mode::ALL[self.random.random_range(1..3)] };
                let (reason, force) = self.manner();
                self.ask(Event::Standby { slot, mode, reason, force });
            }
            30..40 => {
                let to = if self.random.random() { None } else { Some(self.slot()) };
                let (reason, force) = self.manner();
                let seen =
                    self.random.random_bool(0.3).then(|| Attempt(self.random.random_range(0..4)));
                let stages = self.stages();
                let every = Duration::from_secs(self.random.random_range(0..30));
                self.ask(Event::Promote { to, reason, force, seen, stages, every });
            }
            40..45 => {
                let (reason, force) = self.manner();
                let share = self.share();
                let rules = match self.random.random_range(0..4) {
                    0 => vec![Rule::Path { prefix: "/v1".into() }],
                    _ => Vec::new(),
                };
                self.ask(Event::Canary { share, rules, reason, force });
            }
            45..55 => {
                let (reason, force) = self.manner();
                self.ask(Event::Rollback { reason, force });
            }
            55..70 => self.answer_the_record(),
            70..75 => self.answer_the_mode(),
            75..85 => {
                if let Phase::Draining { attempt, .. } = self.switch.phase() {
                    self.tell(Event::Drained { attempt });
                }
            }
            85..90 => self.tell(Event::Tick),
            90..97 => {
                if !self.old_news.is_empty() {
                    let index = self.random.random_range(0..self.old_news.len());
                    let event = self.old_news[index].clone();
                    let before = format!("{:?}", self.switch);
                    let effects = self.switch.handle(event, self.now).unwrap();
                    assert!(effects.is_empty(), "late news had effects: {effects:?}");
                    assert_eq!(
                        before,
                        format!("{:?}", self.switch),
                        "late news changed the switch"
                    );
                }
            }
            _ => self.crash(),
        }
        self.check();
    }

    fn share(&mut self) -> Share {
        Share::per_mille(self.random.random_range(0..=1000)).unwrap()
    }

    /// None, good ones, and ones that make no sense.
    fn stages(&mut self) -> Vec<Share> {
        match self.random.random_range(0..4) {
            0 => {
                let mut stages: Vec<Share> = (0..3).map(|_| self.share()).collect();
                stages.sort();
                stages.push(Share::ALL);
                stages
            }
            1 => (0..2).map(|_| self.share()).collect(),
            _ => Vec::new(),
        }
    }

    fn manner(&mut self) -> (Option<String>, bool) {
        let reason = self.random.random_bool(0.5).then(|| "because".to_owned());
        (reason, self.random.random_bool(0.2))
    }

    fn flap(&mut self) {
        let slot = self.slot();
        let ready = self.random.random_range(0..=2);
        let release = |number: u32| Release {
            label: format!("r{number}"),
            fingerprint: format!("f{number}"),
        };
        let identity = match self.random.random_range(0..10) {
            0 => Identity::Unknown,
            1 => Identity::Divided(vec![release(1), release(2)]),
            number => Identity::Agreed(release(number / 4)),
        };
        let identity = if ready == 0 { Identity::Unknown } else { identity };
        let report = SlotReport { ready, total: 2, judged: true, identity };
        self.truth[slot.index()] = report.clone();
        self.tell(Event::Report { slot, report });
    }

    fn ask(&mut self, event: Event) {
        let plan = self.switch.plan(event.clone(), self.now);
        let kept = self.switch.kept().cloned();
        let before = format!("{:?}", self.switch);
        match self.switch.handle(event.clone(), self.now) {
            Err(refusal) => {
                assert_eq!(before, format!("{:?}", self.switch), "a refusal changed the switch");
                assert_eq!(plan, Err(refusal.clone()));
                assert!(!refusal.to_string().is_empty() && !refusal.hint().is_empty());
                if let (Event::Rollback { force, reason }, Some(kept)) = (&event, kept) {
                    self.rollback_was_rightly_refused(&refusal, &kept, *force, reason.is_some());
                }
            }
            Ok(effects) => {
                assert!(plan.unwrap().starts_with(&effects));
                self.carry_out(effects);
            }
        }
    }

    /// Rollback is always possible while the old slot is kept, ready, and still what it was.
    fn rollback_was_rightly_refused(
        &self,
        refusal: &Refusal,
        kept: &Kept,
        force: bool,
        reasoned: bool,
    ) {
        let report = self.switch.report(kept.slot);
        let same = match (&kept.release, &report.identity) {
            (Some(was), Identity::Agreed(is)) => was.fingerprint == is.fingerprint,
            _ => true,
        };
        let free = !matches!(self.switch.phase(), Phase::Recording(_));
        let changing = matches!(refusal, Refusal::ModeChanging { .. });
        assert!(!changing || self.writing_mode.is_some());
        let free = free && !changing;
        let possible = matches!(kept.left_by, Kind::Promote | Kind::Failover)
            && self.now < kept.until
            && free
            && (!force || reasoned);
        assert!(
            !(possible && (force || (report.ready > 0 && same))),
            "rollback refused although the old slot is kept: {refusal}"
        );
    }

    fn tell(&mut self, event: Event) {
        let effects = self.switch.handle(event, self.now).unwrap();
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Record(decision) => {
                    assert!(self.writing.is_none(), "two decisions at once");
                    self.is_proven(&decision);
                    let highest = self.recorded.iter().map(|(decision, _)| decision.attempt).max();
                    assert!(Some(decision.attempt) > highest, "attempt numbers only grow");
                    self.writing = Some(decision);
                }
                Effect::RouteTo { slot, attempt, canary, pinned, .. } => {
                    let (last, _) =
                        self.recorded.last().expect("routed before anything was recorded");
                    assert_eq!(
                        (last.to, last.attempt),
                        (slot, attempt),
                        "routed to what is not recorded"
                    );
                    assert_eq!(last.canary, canary, "the canary is what was recorded");
                    assert_ne!(canary.as_ref().map(|tried| tried.slot), Some(slot));
                    assert_ne!(pinned, Some(slot), "the live slot needs no pin");
                    self.routed = slot;
                    self.tried = canary;
                    self.pinned = pinned;
                }
                Effect::Unpin { slot, .. } => {
                    assert_eq!(self.pinned.take(), Some(slot), "unpinned what was not pinned");
                }
                Effect::Drain { slot, .. } | Effect::Retire { slot, .. } => {
                    assert_ne!(slot, self.routed, "the live slot was drained or retired");
                    assert_ne!(
                        self.tried.as_ref().map(|tried| tried.slot),
                        Some(slot),
                        "a slot that gets requests was drained or retired"
                    );
                    assert_ne!(
                        self.pinned,
                        Some(slot),
                        "drained while conversations may come back"
                    );
                }
                Effect::RecordMode(change) => {
                    assert!(self.writing_mode.is_none(), "two changes of a mode at once");
                    self.may_be_stopped(&change);
                    self.writing_mode = Some(change);
                }
                Effect::SetMode { slot, mode } => {
                    let recorded = self.recorded_mode.as_ref().expect("set before it was recorded");
                    assert_eq!((recorded.slot, recorded.mode), (slot, mode));
                    self.may_be_stopped(&recorded.clone());
                    self.modes[slot.index()] = mode;
                }
                Effect::Notify(News::Stayed { decision, .. }) => {
                    assert_eq!(self.routed, decision.from)
                }
                Effect::Notify(
                    News::Switched(_)
                    | News::Drained { .. }
                    | News::Retired { .. }
                    | News::Halted { .. }
                    | News::LiveDown { .. }
                    | News::ModeSet(_)
                    | News::ModeStayed { .. },
                ) => {}
            }
        }
    }

    /// A slot that gets requests, or may be gone back to, is not stopped.
    fn may_be_stopped(&self, change: &ModeChange) {
        let ModeChange { slot, mode, reason, forced, .. } = change;
        if *mode == Mode::Full && self.modes[slot.index()] != Mode::Cpu {
            return;
        }
        assert_ne!(*slot, self.routed, "the live slot is stopped");
        assert_ne!(self.tried.as_ref().map(|tried| tried.slot), Some(*slot), "a canary is stopped");
        assert_ne!(self.pinned, Some(*slot), "conversations are stopped");
        assert!(
            !matches!(self.switch.phase(), Phase::Draining { slot: draining, .. } if draining == *slot),
            "running answers are stopped"
        );
        let kept = self.switch.kept().filter(|kept| kept.slot == *slot && *mode != Mode::Full);
        if kept.is_some_and(|kept| kept.left_by != Kind::Rollback) {
            assert!(*forced && reason.is_some(), "a rollback is given up without being asked");
        }
    }

    fn answer_the_mode(&mut self) {
        let Some(change) = self.writing_mode.take() else { return };
        let number = change.number;
        let event = if self.random.random_bool(0.25) {
            Event::ModeRecordFailed { number, cause: "disk full".into() }
        } else {
            self.recorded_mode = Some(change);
            Event::ModeRecorded { number }
        };
        self.old_news.push(event.clone());
        self.tell(event);
    }

    /// No slot gets requests without having proven what the rules require, or a forced decision with a reason.
    fn is_proven(&self, decision: &Decision) {
        let target = decision.canary.as_ref().map_or(decision.to, |canary| canary.slot);
        let ends_a_canary = decision.kind == Kind::Canary && decision.canary.is_none();
        if !ends_a_canary {
            assert_ne!(self.modes[target.index()], Mode::Asleep, "requests for a sleeping slot");
            let stops = self.writing_mode.as_ref().filter(|change| {
                change.mode != Mode::Full || self.modes[change.slot.index()] == Mode::Cpu
            });
            assert_ne!(stops.map(|change| change.slot), Some(target), "it is about to be stopped");
        }
        if decision.forced {
            assert!(decision.reason.is_some());
            return;
        }
        let slot = match (decision.kind, &decision.canary) {
            (Kind::Canary, Some(canary)) => canary.slot,
            // Taking requests back to the live slot asks nothing of it.
            (Kind::Canary, None) => return,
            (Kind::Promote | Kind::Rollback | Kind::Failover, _) => decision.to,
        };
        let report = &self.truth[slot.index()];
        let whole = matches!(decision.kind, Kind::Promote | Kind::Canary);
        let needed = if whole { report.total } else { 1 };
        assert!(
            report.ready >= needed,
            "unproven slot chosen without force: {decision:?} {report:?}"
        );
        if decision.kind != Kind::Rollback {
            assert!(matches!(report.identity, Identity::Agreed(_)), "{decision:?}");
        }
        if decision.kind == Kind::Failover {
            let left = &self.truth[decision.from.index()];
            assert!(left.judged && left.ready == 0, "failed over from a slot that serves");
        }
    }

    fn answer_the_record(&mut self) {
        let Some(decision) = self.writing.take() else { return };
        let attempt = decision.attempt;
        if self.random.random_bool(0.25) {
            self.old_news.push(Event::RecordFailed { attempt, cause: "disk full".into() });
            self.tell(Event::RecordFailed { attempt, cause: "disk full".into() });
        } else {
            self.recorded.push((decision, self.now));
            self.old_news.push(Event::Recorded { attempt });
            self.tell(Event::Recorded { attempt });
        }
    }

    fn crash(&mut self) {
        if let Some(decision) = self.writing.take() {
            // The write may have reached the disk although nobody heard of it.
            if self.random.random() {
                self.recorded.push((decision, self.now));
            }
        }
        if let Some(change) = self.writing_mode.take()
            && self.random.random()
        {
            self.recorded_mode = Some(change);
        }
        let remembered = remembered(&self.recorded, self.recorded_mode.as_ref());
        self.modes = remembered.modes;
        self.routed = remembered.live;
        self.tried.clone_from(&remembered.canary);
        self.switch = Switch::new(rules(), remembered, [2, 2]);
        self.pinned = self.switch.pinned().map(|pinned| pinned.slot);
        self.truth = [SlotReport::unproven(2), SlotReport::unproven(2)];
        // After a restart attempt numbers continue from the disk, so news from before may carry a number that is
        // handed out again; a restarted process never hears it.
        self.old_news.clear();
    }

    fn check(&self) {
        let last = self.recorded.last().map_or(Slot::Blue, |(decision, _)| decision.to);
        assert_eq!(self.switch.live(), last, "live is the last recorded decision");
        assert_eq!(self.routed, last, "traffic follows the last recorded decision");
        let tried = self.recorded.last().and_then(|(decision, _)| decision.canary.clone());
        assert_eq!(self.switch.canary(), tried.as_ref(), "the canary is the last recorded one");
        assert_eq!(self.tried, tried, "requests follow the last recorded canary");
        let modes = self.recorded_mode.as_ref().map_or([Mode::Full; 2], |change| change.modes);
        assert_eq!(Slot::ALL.map(|slot| self.switch.mode(slot)), modes, "the modes are recorded");
        assert_eq!(self.modes, modes, "the workers are told what is recorded");
        assert_ne!(self.modes[self.routed.index()], Mode::Asleep, "the live slot is asleep");
        let given_up = self.recorded_mode.as_ref().map_or(Attempt(0), |change| change.given_up);
        if let Some(kept) = self.switch.kept() {
            assert!(kept.attempt > given_up, "a rollback that was given up is possible again");
            assert_ne!(kept.slot, self.switch.live(), "the kept slot is the idle one");
        }
    }
}

#[test]
fn no_seed_breaks_an_invariant() {
    let only: Option<u64> = std::env::var("SWITCH_SEED")
        .ok()
        .map(|seed| seed.parse().expect("SWITCH_SEED is a number"));
    let seeds = only.map_or(0..SEEDS, |seed| seed..seed + 1);
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            (0..STEPS).for_each(|_| world.step());
            world.recorded.len()
        });
        match outcome {
            Ok(decisions) => assert!(decisions > 10, "seed {seed} decided only {decisions} times"),
            Err(_) => panic!("replay with SWITCH_SEED={seed}"),
        }
    }
}
