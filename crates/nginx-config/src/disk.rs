//! A configuration's files on disk.

use std::path::{Path, PathBuf};

use crate::include::{Files, read};
use crate::{Directive, SyntaxError};

/// The longest file read, in bytes.
const LONGEST: u64 = 16 << 20;

/// Files of a configuration: relative names belong to the main file's folder, as in nginx.
struct Disk {
    folder: PathBuf,
}

/// Reads a configuration and everything it includes.
///
/// # Errors
/// The first thing that is wrong, with file and line.
pub fn read_file(main: &Path) -> Result<Vec<Directive>, SyntaxError> {
    let folder = main.parent().unwrap_or(Path::new("")).to_owned();
    let name = main.file_name().unwrap_or(main.as_os_str());
    read(&Disk { folder }, &name.to_string_lossy())
}

impl Files for Disk {
    fn read(&self, name: &str) -> Result<String, String> {
        let path = self.folder.join(name);
        let length = std::fs::metadata(&path).map_err(|error| error.to_string())?.len();
        if length > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn matching(&self, pattern: &str) -> Result<Vec<String>, String> {
        let whole = self.folder.join(pattern);
        let found = glob::glob(&whole.to_string_lossy()).map_err(|error| error.to_string())?;
        let mut names = Vec::new();
        for path in found {
            let path = path.map_err(|error| error.to_string())?;
            let name = path.strip_prefix(&self.folder).unwrap_or(&path);
            names.push(name.to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}
