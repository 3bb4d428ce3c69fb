//! Starts a successor from the program's file, at SIGUSR2 as nginx does.

use std::ffi::OsString;
use std::process::Stdio;

use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// The option that makes a new process a successor.
const UPGRADE: &str = "--upgrade";

/// Starts a successor at every SIGUSR2, with this process's arguments, directory and environment.
///
/// # Errors
/// When signals cannot be waited for.
pub(crate) fn when_told() -> std::io::Result<()> {
    let mut told = signal(SignalKind::user_defined2())?;
    tokio::spawn(async move {
        while told.recv().await.is_some() {
            // One at a time: the next is started when this one has taken over or given up.
            start().await;
        }
    });
    Ok(())
}

async fn start() {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let Some((program, arguments)) = arguments.split_first() else { return };
    let arguments = arguments.iter().filter(|argument| *argument != UPGRADE);
    // The file of that name, which may be newer than what runs here.
    let started = Command::new(program).args(arguments).arg(UPGRADE).stdin(Stdio::null()).spawn();
    match started {
        Ok(mut successor) => {
            tracing::info!(program = %program.display(), pid = successor.id(), "a successor is started");
            match successor.wait().await {
                Ok(status) => tracing::warn!(%status, "the successor has ended"),
                Err(error) => tracing::warn!(%error, "the successor cannot be waited for"),
            }
        }
        Err(error) => {
            tracing::error!(program = %program.display(), %error, "no successor could be started")
        }
    }
}
