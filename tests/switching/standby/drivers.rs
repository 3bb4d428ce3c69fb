//! Workers that systemd or commands of the user's start and stop; both are pretended by a script.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::peers::free_address;
use switchyard_tests::harness::processes::program;

use super::{ask, directory, health, slot, write};

/// Starts and stops a pretended worker, which is nobody's child: `VERB NAME ADDRESS MODE`. A file keeps its number and
/// its mode.
const SCRIPT: &str = r#"#!/bin/sh
verb=$1 name=$2 address=$3 mode=$4
file="$(dirname "$0")/$name.pid"
read -r pid was < "$file" 2>/dev/null
runs() { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }
echo "$verb $name $mode" >> "$(dirname "$0")/calls"
case $verb in
start)
    [ -e "$(dirname "$0")/broken" ] && { echo "the image cannot be pulled" >&2; exit 1; }
    runs && exit 0
    setsid FAKE --listen "$address" --tag v2 --control "CONTROL" --device "$mode" > /dev/null 2>&1 < /dev/null &
    echo "$! $mode" > "$file" ;;
stop)
    runs && kill "$pid"
    exit 0 ;;
status)
    runs || exit 3
    echo "$was" ;;
esac
"#;

/// `systemctl VERB UNIT`; the unit's name says the rest.
const SYSTEMCTL: &str = r#"#!/bin/sh
here=$(dirname "$0")
mode=auto; case $2 in *-cpu@*) mode=cpu ;; esac
case $1 in
is-active) if "$here/workers" status "$2" > /dev/null; then echo active; else echo inactive; exit 3; fi ;;
*) "$here/workers" "$1" "$2" "ADDRESS" "$mode" ;;
esac
case $1 in
stop) while "$here/workers" status "$2" > /dev/null; do sleep 0.01; done ;;
esac
"#;

fn script(directory: &Path, name: &str, text: &str) -> String {
    let fake = program("examples/fake-worker").display().to_string();
    let control = directory.join("control").display().to_string();
    let file = directory.join(name);
    std::fs::write(&file, text.replace("FAKE", &fake).replace("CONTROL", &control)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file.display().to_string()
}

fn calls(gateway: &Gateway) -> String {
    std::fs::read_to_string(gateway.directory.path().join("calls")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_users_start_and_stop_a_slot() {
    let blue = FakeWorker::start("blue", "v1").await;
    let (green, directory) = (free_address(), directory());
    let workers = script(directory.path(), "workers", SCRIPT);
    let command =
        |verb: &str| format!("[{workers:?}, {verb}, \"{{slot}}\", \"{{worker}}\", \"{{mode}}\"]");
    let [start, stop, status] = ["start", "stop", "status"].map(command);
    let slots = format!(
        "  blue: {{ workers: [\"{}\"] }}\n  green: {{ workers: [\"{green}\"], standby: {{ driver: command, start: {start}, \
         stop: {stop}, status: {status}, cpu: true, timeout: 10s }} }}\n",
        blue.address
    );
    write(directory.path(), &slots, "");
    let mut gateway = Gateway::start_in(directory).await;
    gateway.wait("blue");
    assert_eq!(slot(&gateway, "green")["standby"]["state"], "left");
    assert_eq!(calls(&gateway), "", "nobody has asked for anything");

    ask(&gateway, &["wake", "green"], 0);
    assert_eq!(health(green).await.unwrap()["inference"]["device"], "full");
    ask(&gateway, &["sleep", "--mode", "cpu"], 0);
    assert_eq!(health(green).await.unwrap()["inference"]["device"], "cpu");
    ask(&gateway, &["sleep"], 0);
    assert_eq!(health(green).await, None);
    gateway.crash_and_restart().await;
    gateway.wait("blue");
    assert_eq!(slot(&gateway, "green")["standby"]["mode"], "asleep");

    std::fs::write(gateway.directory.path().join("broken"), "").unwrap();
    let said = ask(&gateway, &["wake", "green"], 1);
    assert!(said.contains("exit status: 1: the image cannot be pulled"), "{said}");
    assert!(said.contains("slots.green.standby"), "{said}");
    let failed = "switchyard_mode_changes_total{mode=\"full\",outcome=\"failed\",slot=\"green\"}";
    assert_eq!(gateway.metric(failed).await, 1.0);
    std::fs::remove_file(gateway.directory.path().join("broken")).unwrap();
    ask(&gateway, &["wake", "green"], 0);
    gateway.expect(&["promote"], 0);
    let calls = calls(&gateway);
    for call in ["start green full", "stop green asleep", "start green cpu", "status green"] {
        assert!(calls.contains(call), "{call} in {calls}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn units_of_systemd_are_started_and_stopped_by_name() {
    let blue = FakeWorker::start("blue", "v1").await;
    let (green, directory) = (free_address(), directory());
    script(directory.path(), "workers", SCRIPT);
    let systemctl = SYSTEMCTL.replace("ADDRESS", &green.to_string());
    let systemctl = script(directory.path(), "systemctl", &systemctl);
    let slots = format!(
        "  blue: {{ workers: [\"{}\"] }}\n  green: {{ workers: [\"{green}\"], standby: {{ driver: systemd, \
         unit: \"rag-worker@{{slot}}\", cpu_unit: \"rag-worker-cpu@{{slot}}\", systemctl: [{systemctl:?}] }} }}\n",
        blue.address
    );
    write(directory.path(), &slots, "");
    let gateway = Gateway::start_in(directory).await;
    gateway.wait("blue");
    ask(&gateway, &["wake", "green"], 0);
    assert_eq!(health(green).await.unwrap()["inference"]["device"], "auto");
    ask(&gateway, &["sleep", "green", "--mode", "cpu"], 0);
    assert_eq!(health(green).await.unwrap()["inference"]["device"], "cpu");
    ask(&gateway, &["sleep", "green"], 0);
    assert_eq!(
        (health(green).await, &slot(&gateway, "green")["state"]),
        (None, &Value::from("asleep"))
    );
    ask(&gateway, &["wake", "green"], 0);
    gateway.expect(&["promote"], 0);
    let calls = calls(&gateway);
    assert!(calls.contains("stop rag-worker@green auto\n"), "{calls}");
    assert!(calls.contains("start rag-worker-cpu@green cpu\n"), "{calls}");
}
