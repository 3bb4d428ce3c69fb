//! Builds and checks knowledge bases.

mod commands;
mod documents;
mod interrupt;
mod progress;
mod rebuild;
mod render;
mod replace;
mod retrieval;
mod splitting;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    build, calibrate, diff, evaluate, extract, gc, inspect, search, sync, verify, watch,
};

/// Builds and checks knowledge bases.
#[derive(Parser)]
#[command(name = "kbctl", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  kbctl extract handbook.pdf
  kbctl build --documents docs/ --embedding multilingual-e5-small --output data/green
  kbctl build --documents docs/ --embedding multilingual-e5-small --output data/green --from v20261122
  kbctl diff data/green/v20261122 data/green/v20261123
  kbctl verify data/green/v20261123
  kbctl search data/green/v20261123 \"How many days of annual leave?\" --top-k 3
  kbctl evaluate data/green/v20261123 questions/sample-handbook.jsonl
  kbctl watch --config watch.yaml --once

Models are looked up in SWITCHYARD_MODELS (~/.cache/switchyard/models when it is not set).

Exit codes: 0 done, 1 refused or failed, 64 wrong usage, 130 stopped by Ctrl-C.";

#[derive(Subcommand)]
enum Command {
    Extract(extract::Arguments),
    Build(build::Arguments),
    Inspect(inspect::Arguments),
    Verify(verify::Arguments),
    Diff(diff::Arguments),
    Search(search::Arguments),
    Evaluate(evaluate::Arguments),
    Calibrate(calibrate::Arguments),
    Sync(sync::Arguments),
    Gc(gc::Arguments),
    Watch(watch::Arguments),
}

fn main() -> ExitCode {
    if let Some(code) = documents::serve_if_asked() {
        return code;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => return render::usage(&message),
    };
    let done = match arguments.command {
        Command::Extract(arguments) => extract::run(&arguments),
        Command::Build(arguments) => build::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Search(arguments) => search::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Sync(arguments) => sync::run(&arguments),
        Command::Gc(arguments) => gc::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
    };
    render::outcome(done)
}
