//! What may be written under `standby`, and what is said about the rest.

use super::*;
use crate::settings::Settings;

/// The settings of green with `standby`, or what is wrong with them and what to do.
fn standby(workers: &str, standby: &str) -> Result<Standby, (String, String)> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.yaml");
    let text = format!(
        "listen: {{ http: \"127.0.0.1:0\" }}\nadmin: {{ socket: run/s.sock }}\nstate: var/s.db\nslots:\n  blue: {{ workers: [] }}\n  \
         green: {{ workers: [{workers}], standby: {{ {standby} }} }}\n"
    );
    std::fs::write(&file, text).unwrap();
    let settings = Settings::load(&file).map_err(|error| {
        let folder = format!("{}/", directory.path().display());
        (error.to_string().replace(&folder, ""), error.hint().unwrap_or_default())
    })?;
    let [_, green] = settings.slots;
    Ok(green.standby.unwrap())
}

const ONE: &str = "\"127.0.0.1:8002\"";
const TWO: &str = "\"127.0.0.1:8002\", \"127.0.0.1:8012\"";

#[test]
fn each_driver_has_its_defaults() {
    let process = standby(ONE, "driver: process, command: [rag-worker]").unwrap();
    assert_eq!((process.timeout, process.after_keep), (Duration::from_secs(330), Mode::Full));
    assert_eq!(process.driver.missing_for_cpu(), Some("cpu_arguments"));
    let systemd = standby(TWO, "driver: systemd, unit: rag, cpu_unit: rag-cpu, after_keep: cpu");
    let systemctl = vec!["systemctl".to_owned()];
    let (unit, cpu_unit) = ("rag".to_owned(), Some("rag-cpu".to_owned()));
    assert_eq!(systemd.unwrap().driver, Driver::Systemd { unit, cpu_unit, systemctl });
    let command = standby(ONE, "driver: command, start: [a], stop: [b, \"{mode}\"], status: [c]");
    assert_eq!(command.unwrap().timeout, Duration::from_secs(60));
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_key() {
    for (workers, text, wrong, hint) in [
        ("", "driver: process, command: [a]", "green has no workers that could be started", ""),
        (ONE, "driver: process", ".standby`: needs `command`", "such as command: ["),
        (
            ONE,
            "driver: process, comand: [a]",
            "unknown key `slots.green.standby.comand`",
            "did you mean `command`?",
        ),
        (ONE, "driver: systemd, unit: a, command: [a]", ".command`: is for `driver: process`", ""),
        (
            ONE,
            "driver: process, command: [\"{slto}\"]",
            ".command`: {slto} stands for nothing",
            "{slot}, {worker}",
        ),
        (ONE, "driver: process, command: [\"{mode}\"]", ".command`: {mode} stands for nothing", ""),
        (
            TWO,
            "driver: process, command: [a]",
            ".command`: is the same for several workers of green",
            "{number}",
        ),
        (
            TWO,
            "driver: process, command: [\"{number}\"], log: a",
            ".log`: is the same for several",
            "",
        ),
        (
            ONE,
            "driver: process, command: [a], after_keep: cpu",
            ".after_keep`: `cpu` needs `cpu_arguments`",
            "",
        ),
    ] {
        let (told, way_out) = standby(workers, text).unwrap_err();
        assert!(told.starts_with("gateway.yaml:6: ") && told.contains(wrong), "{text}: {told}");
        assert!(way_out.contains(hint), "{text}: {way_out}");
    }
}
