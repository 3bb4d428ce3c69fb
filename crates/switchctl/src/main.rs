//! `switchctl`: asks the gateway, and explains the answer.

mod client;
mod commands;
mod render;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::client::{Client, Trouble};
use crate::commands::{canary, drain, history, promote, rollback, shadow, status, wait, watch};

/// Asks the gateway what is live, and switches slots.
#[derive(Parser)]
#[command(name = "switchctl", version, after_help = words::EXAMPLES)]
struct Arguments {
    /// Where the gateway's operators' API is: unix:PATH or http://HOST:PORT.
    #[arg(
        long,
        global = true,
        env = "SWITCHYARD_SERVER",
        default_value = "unix:run/switchyard.sock"
    )]
    server: String,
    /// How to print what was asked for.
    #[arg(long, global = true, value_enum, default_value = "table")]
    output: render::Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what is live and what each slot serves.
    Status,
    /// Make a slot live: the idle one, or the one named.
    Promote(promote::Arguments),
    /// Go back to the slot that was live before.
    Rollback(rollback::Arguments),
    /// Send a part of the new requests to the idle slot, by share or by rule.
    Canary(canary::Arguments),
    /// Copy a share of the requests to the idle slot; nobody sees the copies' answers.
    Shadow(shadow::Arguments),
    /// Show what still runs on a slot, and when its workers may be stopped.
    Drain(drain::Arguments),
    /// Wait until a slot is ready.
    Wait(wait::Arguments),
    /// Print what happens, as it happens.
    Watch,
    /// Show who switched, when, and why.
    History(history::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed terminal cannot be told.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return render::trouble(&Trouble::unreachable("this machine", error)),
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(trouble) => render::trouble(&trouble),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Trouble> {
    let client = Client::new(&arguments.server)?;
    let output = arguments.output;
    match arguments.command {
        Command::Status => status::run(&client, output).await,
        Command::Promote(arguments) => promote::run(&client, output, arguments).await,
        Command::Rollback(arguments) => rollback::run(&client, output, arguments).await,
        Command::Canary(arguments) => canary::run(&client, output, arguments).await,
        Command::Shadow(arguments) => shadow::run(&client, output, arguments).await,
        Command::Drain(arguments) => drain::run(&client, output, arguments).await,
        Command::Wait(arguments) => wait::run(&client, output, arguments).await,
        Command::Watch => watch::run(&client, output).await,
        Command::History(arguments) => history::run(&client, output, arguments).await,
    }
}
