//! `switchctl`: asks the gateway, and explains the answer.

mod commands;
mod render;
mod trouble;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use switch_client::Client;

use crate::commands::{
    canary, drain, history, import_nginx, login, promote, reload, request, rollback, secrets,
    shadow, sleep, status, wait, wake, warm, watch,
};
use crate::trouble::Trouble;

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
    /// Ask the operators to promote what a slot serves.
    Request(request::Arguments),
    /// Go back to the slot that was live before.
    Rollback(rollback::Arguments),
    /// Send a part of the new requests to the idle slot, by share or by rule.
    Canary(canary::Arguments),
    /// Copy a share of the requests to the idle slot; nobody sees the copies' answers.
    Shadow(shadow::Arguments),
    /// Warm a slot, so that the first who ask it do not wait longer than others.
    Warm(warm::Arguments),
    /// Put the idle slot to sleep: its workers are stopped until they are woken, or run without the GPU.
    Sleep(sleep::Arguments),
    /// Wake a slot, and wait until it is ready.
    Wake(wake::Arguments),
    /// Show what still runs on a slot, and when its workers may be stopped.
    Drain(drain::Arguments),
    /// Make settings out of an nginx configuration, and say what differs.
    ImportNginx(import_nginx::Arguments),
    /// Read the settings file again: all of it, or nothing when something is wrong.
    Reload,
    /// Wait until a slot is ready.
    Wait(wait::Arguments),
    /// Print what happens, as it happens.
    Watch,
    /// Show who switched, when, and why.
    History(history::Arguments),
    /// Store a token for an http:// server; it is read from standard input.
    Login,
    /// Forget the stored token.
    Logout,
    /// Show whom the gateway takes you for.
    Whoami,
    /// Make operators' tokens.
    #[command(subcommand)]
    Token(secrets::Token),
    /// Make API keys for users of the front door.
    #[command(subcommand)]
    Key(secrets::Key),
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
        Err(error) => return render::trouble(&Trouble::Failed(error.to_string(), None)),
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(trouble) => render::trouble(&trouble),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Trouble> {
    let output = arguments.output;
    let server = &arguments.server;
    match arguments.command {
        Command::Login => login::login(server, output).await,
        Command::Logout => login::logout(server, output),
        Command::ImportNginx(arguments) => import_nginx::run(output, arguments),
        Command::Token(command) => secrets::token(command, output),
        Command::Key(command) => secrets::key(command, output),
        command => ask(&Client::new(server)?, output, command).await,
    }
}

/// The commands that ask a gateway.
async fn ask(
    client: &Client,
    output: render::Output,
    command: Command,
) -> Result<ExitCode, Trouble> {
    match command {
        Command::Status => status::run(client, output).await,
        Command::Promote(arguments) => promote::run(client, output, arguments).await,
        Command::Request(arguments) => request::run(client, output, arguments).await,
        Command::Rollback(arguments) => rollback::run(client, output, arguments).await,
        Command::Canary(arguments) => canary::run(client, output, arguments).await,
        Command::Warm(arguments) => warm::run(client, output, arguments).await,
        Command::Sleep(arguments) => sleep::run(client, output, arguments).await,
        Command::Wake(arguments) => wake::run(client, output, arguments).await,
        Command::Shadow(arguments) => shadow::run(client, output, arguments).await,
        Command::Drain(arguments) => drain::run(client, output, arguments).await,
        Command::Reload => reload::run(client, output).await,
        Command::Wait(arguments) => wait::run(client, output, arguments).await,
        Command::Watch => watch::run(client, output).await,
        Command::History(arguments) => history::run(client, output, arguments).await,
        Command::Whoami
        | Command::Login
        | Command::Logout
        | Command::ImportNginx(_)
        | Command::Token(_)
        | Command::Key(_) => login::whoami(client, output).await,
    }
}
