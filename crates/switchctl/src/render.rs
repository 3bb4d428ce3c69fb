//! Everything `switchctl` prints: data on standard output, talk on standard error.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the one place that prints")]

mod standby;

use std::fmt::Write as _;
use std::process::ExitCode;

use nginx_config::import::{Import, Level};
use serde::Serialize;
use switch_api::{
    Canary, Event, History, Notes, Outcome, PromotionRequest, Reloaded, Rule, Running, Status,
};
use switch_client::ClientError;

pub(crate) use self::standby::{in_words, progress, reached};
use crate::trouble::Trouble;

/// The form of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

/// Prints data in the form asked for.
pub(crate) fn print(
    output: Output,
    data: &impl Serialize,
    table: impl FnOnce() -> String,
) -> ExitCode {
    match output {
        Output::Json => println!("{}", serde_json::to_string(data).unwrap_or_default()),
        Output::Table => print!("{}", table()),
    }
    ExitCode::SUCCESS
}

/// Asks for something on standard error, without a newline.
pub(crate) fn prompt(text: &str) {
    eprint!("{text}");
}

/// Prints one event on one line.
pub(crate) fn event(output: Output, event: &Event) -> ExitCode {
    print(output, event, || format!("{}  {:<9} {}\n", event.at, event.kind, event.text))
}

/// Says what went wrong and gives the exit code.
pub(crate) fn trouble(trouble: &Trouble) -> ExitCode {
    eprint!("{}", trouble_text(trouble));
    ExitCode::from(trouble.exit_code())
}

fn trouble_text(trouble: &Trouble) -> String {
    let mut text = format!("error: {trouble}\n");
    if let Trouble::Asking(ClientError::Refused(problem)) = trouble {
        for cause in &problem.causes {
            let _ = writeln!(text, "  caused by: {cause}");
        }
    }
    if let Some(hint) = trouble.hint() {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

/// The table of `switchctl status`.
pub(crate) fn status(status: &Status) -> String {
    let mut rows =
        vec![["SLOT", "", "STATE", "IN FLIGHT", "WORKERS", "RELEASE"].map(str::to_owned)];
    for (name, slot) in &status.slots {
        let ready = slot.workers.iter().filter(|worker| worker.state == "ready").count();
        rows.push([
            name.clone(),
            if *name == status.live {
                "live"
            } else if slot.retired {
                "retired"
            } else {
                "idle"
            }
            .to_owned(),
            slot.state.clone(),
            slot.in_flight.to_string(),
            format!("{ready}/{} ready", slot.workers.len()),
            slot.release_name.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    let mut text = columns(&rows);
    let _ = writeln!(
        text,
        "\nattempt {}, {}, listening on {}",
        status.attempt, status.phase, status.listen
    );
    if let Some(drain) = &status.drain {
        let _ =
            writeln!(text, "{} is draining: {} running", drain.slot, counted(drain.left, "answer"));
    }
    if let Some(deadline) = status.drain.as_ref().and_then(|drain| drain.deadline.as_ref()) {
        let _ = writeln!(text, "what still runs there at {deadline} is ended");
    }
    if let Some(tried) = &status.canary {
        let _ = writeln!(text, "canary: {}", canary(tried));
    }
    if let Some(pinned) = &status.pinned {
        let known = status.slots.get(&pinned.slot).map_or(0, |slot| slot.conversations);
        let _ = writeln!(
            text,
            "{} stay on {} until {}",
            counted(known, "conversation"),
            pinned.slot,
            pinned.until
        );
    }
    if let Some(share) = &status.shadow {
        let _ = writeln!(text, "shadow: {share} of the requests are copied to the idle slot");
    }
    if let Some(kept) = status.kept.as_ref().filter(|kept| kept.rollback) {
        let _ = writeln!(text, "{} is kept for a rollback until {}", kept.slot, kept.until);
    }
    if let Some(request) = &status.request {
        text.push_str(&requested(request));
    }
    for (name, slot) in &status.slots {
        text.push_str(&standby::lines(name, slot));
        for worker in slot.workers.iter().filter(|worker| worker.detail.is_some()) {
            let _ = writeln!(
                text,
                "{}: {}: {}",
                worker.address,
                worker.state,
                worker.detail.as_deref().unwrap_or("")
            );
        }
    }
    text
}

/// `asked for: green with small@v2, by kb at …: 2 documents changed`, and what speaks for it.
fn requested(request: &PromotionRequest) -> String {
    let PromotionRequest { slot, release_name, at, who, reason, evidence, stands } = request;
    let because = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let mut text = format!("asked for: {slot} with {release_name}, by {who} at {at}{because}\n");
    for finding in evidence {
        let _ = write!(text, "  {} {:.3}", finding.name, finding.value);
        if let Some(live) = finding.live {
            let _ = write!(text, ", live {live:.3}");
        }
        if let Some(p) = finding.p {
            let _ = write!(text, ", p = {p:.3}");
        }
        text.push('\n');
    }
    let _ = match stands {
        true => writeln!(
            text,
            "  switchctl promote {slot} does it, switchctl request --withdraw takes it back"
        ),
        false => writeln!(text, "  {slot} does not serve that now"),
    };
    text
}

/// `5% to green, header x-team=qa; then 25%, 100%, the next at …`
fn canary(canary: &Canary) -> String {
    let mut text = format!("{} of new requests to {}", canary.share, canary.slot);
    for rule in &canary.rules {
        let _ = match rule {
            Rule::Header { name, value } => write!(text, ", header {name}={value}"),
            Rule::Cookie { name, value } => write!(text, ", cookie {name}={value}"),
            Rule::Claim { name, value } => write!(text, ", claim {name}={value}"),
            Rule::Path { prefix } => write!(text, ", path {prefix}"),
            Rule::Source { network } => write!(text, ", source {network}"),
        };
    }
    if let Some(stages) = &canary.stages {
        let _ = write!(text, "; then {}, the next at {}", stages.left.join(", "), stages.due);
    }
    text
}

/// What still runs on a slot.
pub(crate) fn running(running: &Running) -> String {
    let mut text = String::new();
    if !running.streams.is_empty() {
        let header = ["AGE", "BYTES", "SLOT", "WORKER", "CLIENT", "REQUEST", "ID"];
        let mut rows = vec![header.map(str::to_owned)];
        for stream in &running.streams {
            rows.push([
                format!("{:.1}s", stream.age_s),
                stream.bytes.to_string(),
                running.slot.clone(),
                stream.worker.clone(),
                stream.client.clone(),
                format!("{} {}", stream.method, stream.path),
                stream.request_id.clone(),
            ]);
        }
        text.push_str(&columns(&rows));
    }
    if let Some(deadline) = &running.deadline {
        let _ = writeln!(text, "what still runs at {deadline} is ended");
    }
    if running.safe_to_stop {
        let _ = writeln!(text, "{}: safe to stop", running.slot);
    } else {
        let _ =
            writeln!(text, "{}: not safe to stop: {}", running.slot, running.because.join("; "));
    }
    text
}

/// The table of `switchctl history --notes`.
pub(crate) fn notes(notes: &Notes) -> String {
    if notes.notes.is_empty() {
        return "nothing was noted\n".to_owned();
    }
    let mut rows = vec![["WHEN", "WHAT", "WHO", "NOTE"].map(str::to_owned)];
    for note in &notes.notes {
        rows.push([note.at.clone(), note.kind.clone(), note.who.clone(), note.text.clone()]);
    }
    columns(&rows)
}

/// What a reload changed.
pub(crate) fn reloaded(reloaded: &Reloaded) -> String {
    if reloaded.changes.is_empty() {
        return "nothing changed\n".to_owned();
    }
    let mut text = String::new();
    for change in &reloaded.changes {
        let [from, to] =
            [&change.from, &change.to].map(|value| value.as_deref().unwrap_or("(default)"));
        let _ = writeln!(text, "{}: {from} → {to}", change.key);
    }
    text
}

/// An import: the settings for a file, the report for people.
pub(crate) fn imported(output: Output, imported: &Import, with_settings: bool) {
    if output == Output::Json {
        let report: Vec<serde_json::Value> = imported
            .report
            .iter()
            .map(|line| {
                serde_json::json!({
                    "level": line.level.to_string(), "file": &*line.place.file, "line": line.place.line,
                    "directive": line.directive, "explanation": line.explanation,
                })
            })
            .collect();
        println!("{}", serde_json::json!({ "settings": imported.settings, "report": report }));
        return;
    }
    if with_settings {
        print!("{}", imported.settings);
    }
    let mut rows = vec![["LEVEL", "WHERE", "DIRECTIVE", "EXPLANATION"].map(str::to_owned)];
    for line in &imported.report {
        rows.push([
            line.level.to_string(),
            line.place.to_string(),
            line.directive.chars().take(60).collect(),
            line.explanation.clone(),
        ]);
    }
    eprint!("{}", columns(&rows));
    let count = |level: Level| imported.report.iter().filter(|line| line.level == level).count();
    eprintln!(
        "{} honored, {} different, {} not supported",
        count(Level::Honored),
        count(Level::Different),
        count(Level::NotSupported)
    );
}

/// Talk for people, beside the data.
pub(crate) fn talk(text: &str) {
    eprintln!("{text}");
}

/// What `promote`, `rollback` and `canary` did.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    let tried = outcome.canary.as_ref().map_or_else(|| "canary off".to_owned(), canary);
    if !outcome.done && outcome.kind == "canary" {
        let steps: Vec<String> =
            outcome.effects.iter().map(|effect| format!("  {effect}\n")).collect();
        return format!("would set {tried}:\n{}", steps.concat());
    }
    if outcome.kind == "canary" {
        return format!("{} is live, {tried} (attempt {})\n", outcome.to, outcome.attempt);
    }
    if !outcome.done {
        let steps: Vec<String> =
            outcome.effects.iter().map(|effect| format!("  {effect}\n")).collect();
        return format!("would change {} to {}:\n{}", outcome.from, outcome.to, steps.concat());
    }
    let forced = if outcome.forced { ", forced" } else { "" };
    let drain = match (outcome.from == outcome.to, outcome.drained) {
        (true, _) => String::new(),
        (false, true) => format!("; {} is drained", outcome.from),
        (false, false) => format!("; {} finishes its running answers", outcome.from),
    };
    format!("{} is live (attempt {}{forced}){drain}\n", outcome.to, outcome.attempt)
}

/// The table of `switchctl history`.
pub(crate) fn history(history: &History) -> String {
    if history.decisions.is_empty() {
        return "nothing was ever switched\n".to_owned();
    }
    let mut rows =
        vec![["ATTEMPT", "WHEN", "WHAT", "WHO", "OUTCOME", "RELEASE", "REASON"].map(str::to_owned)];
    for decision in &history.decisions {
        let forced = if decision.forced { " (forced)" } else { "" };
        rows.push([
            decision.attempt.to_string(),
            decision.at.clone(),
            match (&decision.canary, decision.kind.as_str()) {
                (Some(tried), "canary") => format!("canary {}{forced}", canary(tried)),
                (None, "canary") => format!("canary off{forced}"),
                (_, kind) => format!("{kind} {} → {}{forced}", decision.from, decision.to),
            },
            decision.who.clone(),
            decision.outcome.clone(),
            decision.to_release.clone().unwrap_or_else(|| "-".to_owned()),
            decision.reason.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    columns(&rows)
}

fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_with_a_drain() {
        let answer: Status = serde_json::from_value(json!({
            "live": "green", "attempt": 7, "phase": "draining", "listen": "127.0.0.1:8080", "version": "0.1.0",
            "drain": {"slot": "blue", "attempt": 7, "left": 1},
            "kept": {"slot": "blue", "until": "2026-11-23T05:00:00Z", "rollback": true},
            "slots": {
                "blue": {"state": "degraded", "in_flight": 1, "release": null, "workers": [
                    {"address": "127.0.0.1:8001", "state": "ready", "in_flight": 1},
                    {"address": "127.0.0.1:8003", "state": "down", "in_flight": 0, "detail": "connection refused"}]},
                "green": {"state": "ready", "in_flight": 3, "release": {}, "release_name": "small@v2", "workers": [
                    {"address": "127.0.0.1:8002", "state": "ready", "in_flight": 3}]},
            },
        }))
        .unwrap();
        insta::assert_snapshot!(status(&answer), @r"
        SLOT         STATE     IN FLIGHT  WORKERS    RELEASE
        blue   idle  degraded  1          1/2 ready  -
        green  live  ready     3          1/1 ready  small@v2

        attempt 7, draining, listening on 127.0.0.1:8080
        blue is draining: 1 answer running
        blue is kept for a rollback until 2026-11-23T05:00:00Z
        127.0.0.1:8003: down: connection refused
        ");
    }

    #[test]
    fn a_status_with_a_promotion_that_is_asked_for() {
        let mut answer: Status = serde_json::from_value(json!({
            "live": "blue", "attempt": 7, "phase": "steady", "listen": "127.0.0.1:8080", "version": "0.1.0", "slots": {},
            "request": {
                "slot": "green", "release_name": "small@v2", "at": "2026-11-23T03:10:00Z", "who": "kb",
                "reason": "2 documents changed", "stands": true,
                "evidence": [{"name": "recall@5", "value": 0.9, "live": 0.85, "p": 0.04}, {"name": "MRR", "value": 0.7}],
            },
        }))
        .unwrap();
        insta::assert_snapshot!(status(&answer), @r"
        SLOT    STATE  IN FLIGHT  WORKERS  RELEASE

        attempt 7, steady, listening on 127.0.0.1:8080
        asked for: green with small@v2, by kb at 2026-11-23T03:10:00Z: 2 documents changed
          recall@5 0.900, live 0.850, p = 0.040
          MRR 0.700
          switchctl promote green does it, switchctl request --withdraw takes it back
        ");
        answer.request.as_mut().unwrap().stands = false;
        assert!(status(&answer).ends_with("  green does not serve that now\n"));
    }

    #[test]
    fn a_history_with_a_forced_promotion() {
        let answer: History = serde_json::from_value(json!({"decisions": [
            {"attempt": 2, "kind": "rollback", "from": "green", "to": "blue", "at": "2026-11-23T05:01:00Z", "who": "ada",
             "forced": false, "outcome": "drained"},
            {"attempt": 1, "kind": "promote", "from": "blue", "to": "green", "at": "2026-11-23T05:00:00Z", "who": "ada",
             "forced": true, "outcome": "drained", "reason": "night shift", "to_release": "small@v2"},
        ]}))
        .unwrap();
        insta::assert_snapshot!(history(&answer), @r"
        ATTEMPT  WHEN                  WHAT                           WHO  OUTCOME  RELEASE   REASON
        2        2026-11-23T05:01:00Z  rollback green → blue          ada  drained  -         -
        1        2026-11-23T05:00:00Z  promote blue → green (forced)  ada  drained  small@v2  night shift
        ");
    }

    #[test]
    fn a_refusal_has_a_hint() {
        let problem = serde_json::from_value(json!({
            "reason": "not_ready", "message": "green is not ready: 1 of 2 workers ready",
            "hint": "switchctl wait green --timeout 60s",
        }))
        .unwrap();
        insta::assert_snapshot!(trouble_text(&ClientError::Refused(problem).into()), @r"
        error: green is not ready: 1 of 2 workers ready
        hint: switchctl wait green --timeout 60s
        ");
    }
}
