//! How a slot stands that is put to sleep or woken, in words.

use switch_api::{SlotStatus, Standby};

/// What `switchctl status` says below its table; nothing for a slot that is simply awake.
pub(super) fn lines(name: &str, slot: &SlotStatus) -> String {
    let Some(standby) = &slot.standby else { return String::new() };
    let mut text = match (standby.state.as_str(), standby.mode.as_str()) {
        ("asleep", _) => format!("{name} is asleep: switchctl wake {name}\n"),
        ("awake", "cpu") => {
            format!("{name} runs on the CPU only: switchctl wake {name} brings it back\n")
        }
        ("awake" | "left", _) => String::new(),
        ("failed", mode) => format!("{name} is to be {}, but:\n", in_words(mode)),
        (state, mode) => format!("{name} is {state}, to be {}\n", in_words(mode)),
    };
    for line in &standby.detail {
        text.push_str(&format!("  {line}\n"));
    }
    if let Some(hint) = &standby.hint {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    text
}

/// What goes on in a slot that has not reached its mode, in one line.
pub(crate) fn progress(name: &str, slot: &SlotStatus) -> String {
    let state = slot.standby.as_ref().map_or(slot.state.as_str(), |standby| &standby.state);
    let of_keepers = slot.standby.iter().flat_map(|standby| standby.detail.iter().cloned());
    let waits = slot.workers.iter().filter(|worker| worker.state != "ready");
    let of_workers = waits.filter_map(|worker| {
        worker.detail.as_ref().map(|detail| format!("{}: {detail}", worker.address))
    });
    let mut details: Vec<String> = of_keepers.collect();
    if details.is_empty() {
        details = of_workers.collect();
    }
    let colon = if details.is_empty() { "" } else { ": " };
    format!("{name} is {state}{colon}{}", details.join("; "))
}

/// That a slot has reached its mode.
pub(crate) fn reached(name: &str, standby: &Standby) -> String {
    format!("{name} is {}\n", in_words(&standby.mode))
}

/// A mode as it is said of a slot.
pub(crate) fn in_words(mode: &str) -> &str {
    match mode {
        "full" => "awake",
        "cpu" => "awake on the CPU only",
        mode => mode,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn slot(standby: serde_json::Value) -> SlotStatus {
        serde_json::from_value(json!({
            "state": "asleep", "in_flight": 0, "release": null, "standby": standby,
            "workers": [{"address": "127.0.0.1:8002", "state": "down", "in_flight": 0,
                         "detail": "answers 503 loading: language model"}],
        }))
        .unwrap()
    }

    #[test]
    fn each_state_says_what_to_do() {
        let told = |mode: &str, state: &str, detail: &[&str], hint: Option<&str>| {
            let standby = json!({ "mode": mode, "state": state, "driver": "process", "detail": detail, "hint": hint });
            lines("green", &slot(standby))
        };
        assert_eq!(told("full", "awake", &[], None), "");
        assert_eq!(told("full", "left", &[], None), "");
        assert_eq!(told("asleep", "asleep", &[], None), "green is asleep: switchctl wake green\n");
        assert_eq!(
            told("cpu", "awake", &[], None),
            "green runs on the CPU only: switchctl wake green brings it back\n"
        );
        assert_eq!(
            told("asleep", "stopping", &["127.0.0.1:8002 is being stopped"], None),
            "green is stopping, to be asleep\n  127.0.0.1:8002 is being stopped\n"
        );
        assert_eq!(
            told("full", "failed", &["127.0.0.1:8002: no such file"], Some("check the command")),
            "green is to be awake, but:\n  127.0.0.1:8002: no such file\n  hint: check the command\n"
        );
    }

    #[test]
    fn progress_is_what_the_workers_say_once_they_are_started() {
        let mut waking = slot(json!({ "mode": "full", "state": "waking", "driver": "process" }));
        assert_eq!(
            progress("green", &waking),
            "green is waking: 127.0.0.1:8002: answers 503 loading: language model"
        );
        waking.standby.as_mut().unwrap().detail = vec!["127.0.0.1:8002 is being started".into()];
        assert_eq!(progress("green", &waking), "green is waking: 127.0.0.1:8002 is being started");
    }
}
