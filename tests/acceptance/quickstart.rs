//! The newcomer's first command, as it stands in the README.

use std::path::Path;
use std::process::{Command, Stdio};

use switchyard_tests::harness::processes;

#[test]
fn the_quickstart_shows_the_main_job() {
    // What is built already is what is tested.
    let bin = processes::program("switchyard").parent().unwrap().to_owned();
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/quickstart"))
        .args(["--once", "--bin"])
        .arg(bin)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Every step held") && said.contains(", 0 failed"), "{said}");
}
