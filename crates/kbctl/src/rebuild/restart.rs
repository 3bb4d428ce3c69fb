//! The program that makes a slot's workers open another knowledge base.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::render::Failure;

/// How long it may run.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(50);

/// Runs a program to its end. What it prints goes to this one's standard error.
pub(super) fn restart(argv: &[String], cancelled: &AtomicBool) -> Result<(), Failure> {
    let Some((program, arguments)) = argv.split_first() else { return Ok(()) };
    let failed = |cause: String| {
        let text = format!("`{}` {cause}", argv.join(" "));
        Failure::new(text, Some("slots.….restart in the settings names it".to_owned()))
    };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        // Of its own, so that Ctrl-C reaches us alone and all of it can be ended.
        .process_group(0)
        .spawn();
    let mut child = child.map_err(|error| failed(format!("cannot be started: {error}")))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(failed(format!("failed: {status}"))),
            Ok(None) if cancelled.load(Ordering::Relaxed) => {
                end(&mut child);
                return Err(failed("was stopped".to_owned()));
            }
            Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
            Ok(None) => {
                end(&mut child);
                return Err(failed(format!("did not end within {}s", PATIENCE.as_secs())));
            }
            Err(error) => return Err(failed(format!("cannot be waited for: {error}"))),
        }
    }
}

/// Ends the program and what it has started.
fn end(child: &mut Child) {
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(argv: &[&str]) -> Result<(), Failure> {
        let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
        restart(&argv, &AtomicBool::new(false))
    }

    #[test]
    fn its_end_is_what_counts() {
        assert!(run(&[]).is_ok() && run(&["true"]).is_ok());
        for (argv, said) in [
            (&["false"][..], "`false` failed: exit status: 1"),
            (&["/nonexistent/program", "x"], "`/nonexistent/program x` cannot be started"),
        ] {
            let text = run(argv).unwrap_err().to_string();
            assert!(text.starts_with(said), "{text}");
        }
    }

    #[test]
    fn it_is_ended_with_us() {
        let argv = ["sh", "-c", "sleep 1000 & wait"].map(str::to_owned);
        let stopped = restart(&argv, &AtomicBool::new(true)).unwrap_err();
        assert!(stopped.to_string().ends_with("was stopped"), "{stopped}");
    }
}
