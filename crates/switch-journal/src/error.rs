//! Why a journal could not do its work, and what can be done about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the journal could not do its work. Names the file; the source says the cause.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{doing} the state file {}", file.display())]
    Failed { file: PathBuf, doing: &'static str, source: rusqlite::Error },
    #[error("{} is not a state file this version can read: application {id:#x}, format {format}", file.display())]
    NotOurs { file: PathBuf, id: i32, format: i32 },
}

impl JournalError {
    pub(crate) fn new(file: &Path, doing: &'static str, source: rusqlite::Error) -> Self {
        Self::Failed { file: file.to_owned(), doing, source }
    }

    /// What an operator can do about it.
    pub fn hint(&self) -> String {
        let Self::Failed { file, source, .. } = self else {
            return "name another file under `state` in the settings".to_owned();
        };
        let file = file.display();
        match source.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                format!("make {file} and its directory writable for this user")
            }
            Some(ErrorCode::DiskFull) => format!("free some space on the disk of {file}"),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                format!("another gateway is using {file}; stop it or give this one its own `state`")
            }
            Some(ErrorCode::CannotOpen) => {
                format!("check that the directory of {file} exists and is writable")
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                format!(
                    "{file} is damaged: restore it from a backup, or move it away to start afresh"
                )
            }
            _ => format!("check {file} and its disk"),
        }
    }
}
