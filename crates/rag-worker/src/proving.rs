//! Which device the model is computed on: the first that has computed a few tokens in a process of its own.
//!
//! A processor that announces instructions it cannot run, or a GPU's broken driver, ends that process and not this one.
//! Then the next safer device is tried, and the reason is told in the log and in `/health`.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rag_generator::{Device, ProofError, ladder};

use crate::settings::Settings;

/// How long a device may take: a GPU's driver compiles its programs the first time.
const LIMIT: Duration = Duration::from_secs(300);

/// So much of what a process prints is kept, in bytes, from its end: the last line is told.
const KEPT: usize = 4 << 10;

/// The exit code of a process for "there is no such device".
const NOT_HERE: u8 = 3;

/// The device to use, and those that were tried before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proven {
    pub(crate) device: Device,
    pub(crate) unusable: Vec<Unusable>,
}

/// A device that is there and did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unusable {
    pub(crate) device: Device,
    pub(crate) reason: String,
}

/// No device computes the model.
#[derive(Debug, thiserror::Error)]
#[error("no device computes this model: {}", list(.0))]
pub(crate) struct NoDevice(Vec<Unusable>);

fn list(unusable: &[Unusable]) -> String {
    let each = unusable.iter().map(|Unusable { device, reason }| format!("{device}: {reason}"));
    each.collect::<Vec<_>>().join("; ")
}

/// What came of trying a device.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Computes,
    NotHere(String),
    Fails(String),
}

/// Proves the devices that the settings allow, the best first.
///
/// # Errors
/// When none of them computes the model, or the one that was asked for by name is not there.
pub(crate) fn choose(settings: &Settings) -> Result<Proven, NoDevice> {
    let asked = settings.inference.device.as_ref();
    choose_from(&ladder(asked), asked, |device| {
        let mut command = Command::new("/proc/self/exe");
        command
            .arg("--config")
            .arg(&settings.file)
            .arg("--prove")
            .arg(device.to_string())
            // What llama.cpp tells of the model is told once, by the worker.
            .env(telemetry::logging::FILTER_VARIABLE, "warn");
        run(command, LIMIT)
    })
}

fn choose_from(
    devices: &[Device],
    asked: Option<&Device>,
    prove: impl Fn(&Device) -> Outcome,
) -> Result<Proven, NoDevice> {
    let mut unusable = Vec::new();
    for device in devices {
        let reason = match prove(device) {
            Outcome::Computes => return Ok(Proven { device: device.clone(), unusable }),
            // Who asks for a GPU that is not there has made a mistake; who asks for the best there is has not.
            Outcome::NotHere(reason) if Some(device) == asked => {
                return Err(NoDevice(vec![Unusable { device: device.clone(), reason }]));
            }
            Outcome::NotHere(reason) => {
                tracing::debug!(%device, reason, "not here");
                continue;
            }
            Outcome::Fails(reason) => reason,
        };
        tracing::warn!(%device, reason, "this device cannot be used: the next safer one is tried");
        unusable.push(Unusable { device: device.clone(), reason });
    }
    Err(NoDevice(unusable))
}

/// What the process does that [`choose`] starts: computes a few tokens on this device, and exits.
pub(crate) fn serve(settings: &Settings, device: Device) -> ExitCode {
    let engine = settings.inference.engine_on(device);
    match rag_generator::prove(&settings.model, &engine) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let not_here = matches!(error, ProofError::NoSuchDevice(_));
            telemetry::voice::fail(&error, None, telemetry::voice::Exit::Failed);
            ExitCode::from(if not_here { NOT_HERE } else { 1 })
        }
    }
}

/// Runs a process that proves, for at most so long.
fn run(mut command: Command, limit: Duration) -> Outcome {
    let fails = |what: &str, cause: std::io::Error| Outcome::Fails(format!("{what}: {cause}"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return fails("starting a process to try it", error),
    };
    let said = child.stderr.take();
    let (tell, told) = channel();
    // The thread ends with the process, whose end closes the pipe.
    let reader = std::thread::Builder::new().name("prove".to_owned()).spawn(move || {
        let bytes = said.map(tail).unwrap_or_default();
        let _ = tell.send(bytes);
    });
    if let Err(error) = reader {
        end(&mut child);
        return fails("starting a thread to listen to it", error);
    }
    let bytes = match told.recv_timeout(limit) {
        Ok(bytes) => bytes,
        Err(RecvTimeoutError::Timeout) => {
            end(&mut child);
            return Outcome::Fails(format!("it took longer than {limit:?}"));
        }
        Err(RecvTimeoutError::Disconnected) => Vec::new(),
    };
    match child.wait() {
        Ok(status) => outcome(status, &String::from_utf8_lossy(&bytes)),
        Err(error) => fails("waiting for the process that tries it", error),
    }
}

/// The end of what is said until the pipe is closed.
fn tail(mut said: impl Read) -> Vec<u8> {
    let (mut kept, mut part) = (Vec::new(), [0; KEPT]);
    while let Ok(read @ 1..) = said.read(&mut part) {
        kept.extend_from_slice(&part[..read]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
    kept
}

/// Kills a process and takes its end away; it may have ended by itself.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn outcome(status: ExitStatus, said: &str) -> Outcome {
    if status.success() {
        return Outcome::Computes;
    }
    if let Some(signal) = status.signal() {
        return Outcome::Fails(format!("the process that tried it was ended by {}", name(signal)));
    }
    let last =
        said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it did not say why");
    let reason = last.trim().trim_start_matches("error: ").to_owned();
    if status.code() == Some(i32::from(NOT_HERE)) {
        Outcome::NotHere(reason)
    } else {
        Outcome::Fails(reason)
    }
}

/// A signal in words (signal(7)).
fn name(signal: i32) -> String {
    let name = match signal {
        4 => "SIGILL, an instruction that this processor cannot run",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL; it may have taken too much memory",
        11 => "SIGSEGV",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Outcome {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, Duration::from_secs(60))
    }

    #[test]
    fn the_end_of_a_process_says_what_came_of_it() {
        assert_eq!(shell("echo noise >&2; exit 0"), Outcome::Computes);
        let fails = |reason: &str| Outcome::Fails(reason.to_owned());
        assert_eq!(
            shell("echo loading >&2; echo error: too small >&2; exit 1"),
            fails("too small")
        );
        assert_eq!(shell("exit 1"), fails("it did not say why"));
        let not_here = Outcome::NotHere("no GPU".to_owned());
        assert_eq!(shell("echo error: no GPU >&2; exit 3"), not_here);
        let Outcome::Fails(reason) = shell("kill -ILL $$") else { panic!("it lives") };
        assert!(reason.contains("SIGILL"), "{reason}");
    }

    #[test]
    fn a_process_that_hangs_is_ended() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let Outcome::Fails(reason) = run(command, Duration::from_millis(20)) else {
            panic!("it ended")
        };
        assert!(reason.contains("longer than"), "{reason}");
    }

    #[test]
    fn one_that_says_much_does_not_stall() {
        let loud = "yes | head -c 1000000 >&2; echo error: too small >&2; exit 1";
        assert_eq!(shell(loud), Outcome::Fails("too small".to_owned()));
    }

    fn devices(names: &[&str]) -> Vec<Device> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn the_next_safer_device_is_used_and_the_reason_kept() {
        let all = devices(&["gpu", "cpu/sapphirerapids", "cpu/haswell"]);
        let proven = choose_from(&all, None, |device| match device.to_string().as_str() {
            "gpu" => Outcome::NotHere("there is none".to_owned()),
            "cpu/sapphirerapids" => Outcome::Fails("SIGILL".to_owned()),
            _ => Outcome::Computes,
        })
        .unwrap();
        assert_eq!(proven.device, all[2]);
        let reason = "SIGILL".to_owned();
        assert_eq!(proven.unusable, [Unusable { device: all[1].clone(), reason }]);
    }

    #[test]
    fn a_device_that_was_asked_for_and_is_not_there_is_an_error() {
        let all = devices(&["cuda:7", "cpu"]);
        let missing = |_: &Device| Outcome::NotHere("there is no cuda:7 here".to_owned());
        let error = choose_from(&all, Some(&all[0]), missing).unwrap_err();
        assert!(error.to_string().contains("no cuda:7"), "{error}");
        let error = choose_from(&all, None, |_| Outcome::Fails("broken".to_owned())).unwrap_err();
        assert_eq!(error.to_string(), "no device computes this model: cuda:7: broken; cpu: broken");
    }
}
