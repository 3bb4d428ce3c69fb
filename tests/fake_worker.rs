//! A pretended worker as a program, for gateways that start their workers themselves.
//!
//! `fake-worker --listen ADDRESS --tag TAG --control DIRECTORY [--device DEVICE]`. Files in the directory change what it
//! does: `crash` (it ends at once), `load` (it is not ready while that is there), `fail` (it says that it cannot become ready), `stubborn` (it does not mind SIGTERM).
//! It ends when the directory is gone, so that no test leaves one behind.

#![expect(clippy::unwrap_used, reason = "a pretended worker panics with the cause")]
#![expect(clippy::print_stderr, reason = "what it says is found in its log")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use switchyard_tests::harness::fake_worker::{FakeWorker, health};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        let mut pairs = arguments.windows(2);
        pairs.find(|pair| pair[0] == name).map(|pair| pair[1].clone())
    };
    let control = PathBuf::from(after("--control").unwrap());
    let device = after("--device").unwrap_or_else(|| "auto".to_owned());
    let address = after("--listen").unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    if control.join("crash").exists() {
        eprintln!("told to crash");
        return ExitCode::from(3);
    }
    let worker =
        FakeWorker::start_at(address.parse().unwrap(), &address, &after("--tag").unwrap()).await;
    let mut says = health(&after("--tag").unwrap());
    says["pid"] = std::process::id().into();
    says["inference"]["device"] = device.clone().into();
    worker.state.set_health(says.clone());
    eprintln!("listening address={address} device={device}");
    let mut look = tokio::time::interval(Duration::from_millis(10));
    loop {
        tokio::select! {
            _ = terminate.recv() => {
                if !control.join("stubborn").exists() {
                    eprintln!("stopped");
                    return ExitCode::SUCCESS;
                }
                eprintln!("told to stop, and does not");
            }
            _ = look.tick() => {
                if !control.exists() {
                    return ExitCode::FAILURE;
                }
                if control.join("fail").exists() {
                    says["status"] = "failed".into();
                    says["error"] = serde_json::json!({ "message": "the model is missing" });
                    worker.state.set_health(says.clone());
                }
                let ready = says["status"] == "ready" && !control.join("load").exists();
                worker.state.set_ready(ready);
            }
        }
    }
}
