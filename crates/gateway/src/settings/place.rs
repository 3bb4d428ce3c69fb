//! The placeholders `{slot}`, `{worker}`, `{number}` and `{mode}` in what starts and stops workers.

use switch_core::{Mode, Slot};

use super::slots::WorkerSettings;

/// What the placeholders `{slot}`, `{worker}` and `{number}` stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub slot: Slot,
    /// Its address as written in the settings.
    pub worker: String,
    /// Its number in the slot, from 1.
    pub number: usize,
}

impl Place {
    /// A text with its placeholders filled; `{mode}` is left where no mode is given.
    pub(crate) fn fill(&self, text: &str, mode: Option<Mode>) -> String {
        let text = text
            .replace("{slot}", self.slot.as_str())
            .replace("{worker}", &self.worker)
            .replace("{number}", &self.number.to_string());
        mode.map_or_else(|| text.clone(), |mode| text.replace("{mode}", mode.as_str()))
    }

    pub(crate) fn fill_all(&self, texts: &[String], mode: Option<Mode>) -> Vec<String> {
        texts.iter().map(|text| self.fill(text, mode)).collect()
    }
}

/// The workers of a slot as the placeholders name them.
pub(crate) fn places(slot: Slot, workers: &[WorkerSettings]) -> Vec<Place> {
    let place = |(index, worker): (usize, &WorkerSettings)| Place {
        slot,
        worker: worker.name.clone(),
        number: index + 1,
    };
    workers.iter().enumerate().map(place).collect()
}

/// The first placeholder that stands for nothing. What is in braces otherwise, such as JSON, is no placeholder.
pub(super) fn unknown_placeholder(text: &str, with_mode: bool) -> Option<String> {
    text.split('{').skip(1).find_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let known = matches!(name, "slot" | "worker" | "number") || (with_mode && name == "mode");
        (is_name && !known).then(|| format!("{{{name}}}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_others_are_found() {
        let place = Place { slot: Slot::Green, worker: "127.0.0.1:8012".into(), number: 2 };
        let text = "worker.{slot}.{number}.yaml at {worker} as {mode}";
        assert_eq!(
            place.fill(text, Some(Mode::Cpu)),
            "worker.green.2.yaml at 127.0.0.1:8012 as cpu"
        );
        assert!(place.fill(text, None).ends_with(" as {mode}"));
        for (text, with_mode, unknown) in [
            (text, true, None),
            (text, false, Some("{mode}")),
            ("{slto}", true, Some("{slto}")),
            (r#"{"a": {}} ${HOME}"#, true, None),
        ] {
            assert_eq!(unknown_placeholder(text, with_mode).as_deref(), unknown, "{text}");
        }
    }
}
