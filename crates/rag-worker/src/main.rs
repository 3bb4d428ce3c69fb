//! Answers questions over HTTP, from one knowledge base with one language model.

mod admission;
mod answering;
mod api;
mod drain;
mod feedback;
mod load;
mod own_request;
mod proving;
mod question_vectors;
mod recent;
mod server;
mod settings;
mod state;
mod verification;
mod warming;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rag_generator::Device;
use telemetry::voice::{self, Exit};

/// Answers questions from a knowledge base, with an OpenAI-compatible API.
///
/// Example:
///   rag-worker --config worker.yaml
///   rag-worker --config worker.yaml --check
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment)]
struct Arguments {
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "worker.yaml")]
    config: PathBuf,

    /// Compute there, whatever the settings say
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,

    /// Check the settings, the knowledge base and that both models are there; then exit
    #[arg(long)]
    check: bool,

    /// Compute a few tokens on this device, and exit: what a starting worker runs before it relies on a device
    #[arg(long, value_name = "DEVICE", hide = true)]
    prove: Option<Device>,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where help goes is clap's to decide; nobody is left to tell when that fails.
            let _ = error.print();
            return voice::usage(!error.use_stderr());
        }
    };
    telemetry::init("rag-worker");
    let settings = match settings::read(&arguments.config, arguments.device) {
        Ok(settings) => settings,
        Err(error) => return voice::fail(&error, error.hint().as_deref(), Exit::Failed),
    };
    if let Some(device) = arguments.prove {
        return proving::serve(&settings, device);
    }
    if arguments.check {
        return match load::check(&settings) {
            Ok(()) => voice::done(&format!("{}: good", arguments.config.display())),
            Err(error) => voice::fail(&error, error.hint().as_deref(), Exit::Failed),
        };
    }
    let outcome = server::run(settings);
    telemetry::traces::finish();
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(error) => voice::fail(&error, None, Exit::Failed),
    }
}
