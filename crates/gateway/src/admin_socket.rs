//! The operators' unix socket: private to its user and group, and never taken from a gateway that still answers.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Why there is no admin socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("another gateway answers on {}", .0.display())]
    Taken(PathBuf),
    #[error("making the admin socket {}", .0.display())]
    Failed(PathBuf, #[source] std::io::Error),
}

/// The files of the sockets: removed when dropped, if they are this process's.
pub(crate) struct SocketFiles {
    pub files: Vec<PathBuf>,
    /// False while, or as soon as, another process listens there.
    pub ours: bool,
}

impl Drop for SocketFiles {
    fn drop(&mut self) {
        for file in self.files.iter().filter(|_| self.ours) {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Binds the socket. A directory that does not exist is made, for its user alone.
///
/// # Errors
/// [`SocketError::Taken`] when another gateway answers there.
pub(crate) fn bind(path: &Path) -> Result<UnixListener, SocketError> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(SocketError::Taken(path.to_owned()));
    }
    replace(path, 0o660)
}

/// Binds the socket, whoever had it before.
///
/// # Errors
/// When its directory cannot be written to.
pub(crate) fn replace(path: &Path, mode: u32) -> Result<UnixListener, SocketError> {
    let failed = |error| SocketError::Failed(path.to_owned(), error);
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    }
    // Bound under another name and moved into place: nobody can connect before its mode is set.
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    let _ = std::fs::remove_file(&unfinished);
    let listener = UnixListener::bind(&unfinished).map_err(failed)?;
    std::fs::set_permissions(&unfinished, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(failed)?;
    Ok(listener)
}
