//! Packages from npm's registry, each in a folder of its own that is made once.

use std::path::PathBuf;
use std::process::Command;

use super::processes;
use super::python::run;

/// A folder with one package, `name@version`, below its `node_modules`.
pub fn environment(package: &str) -> PathBuf {
    let folder = processes::kept().join("npm").join(package.replace('/', "-"));
    if !folder.join(".whole").exists() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("package.json"), r#"{"private":true,"type":"module"}"#).unwrap();
        let install =
            ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", package];
        run(Command::new("npm").args(install).current_dir(&folder));
        std::fs::write(folder.join(".whole"), "").unwrap();
    }
    folder
}
