//! Programs from Python's package index, each in an environment of its own that is made once.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::processes;

/// The folder of a virtual environment with one package, `name==version`; `program` in its `bin` tells
/// that it is whole.
pub fn environment(package: &str, program: &str) -> PathBuf {
    let folder = processes::kept().join(package);
    if !folder.join(".whole").exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package];
        run(Command::new(folder.join("bin/python")).args(pip));
        assert!(folder.join("bin").join(program).exists(), "{package} has no {program}");
        std::fs::write(folder.join(".whole"), "").unwrap();
    }
    folder
}

/// Runs a command that must succeed, and returns what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A program in an environment.
pub fn program(environment: &Path, name: &str) -> PathBuf {
    environment.join("bin").join(name)
}
