//! `switchctl sleep`

use std::process::ExitCode;
use std::time::Duration;

use switch_api::{ModeSet, SetMode};
use switch_client::Client;

use crate::commands::wake::follow;
use crate::render::Output;
use crate::trouble::Trouble;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  switchctl sleep                       stop the workers of the idle slot
  switchctl sleep green --mode cpu      free the GPU; green still answers health and verification
  switchctl sleep blue --force --reason 'the card is needed'   gives up the rollback to blue

`switchctl wake` starts them again. Needs slots.SLOT.standby in the gateway's settings.")]
pub(crate) struct Arguments {
    /// The slot to put to sleep; the idle one when left out.
    #[arg(value_parser = ["blue", "green"])]
    slot: Option<String>,
    /// Stopped, or running without the GPU.
    #[arg(long, value_enum, default_value = "asleep")]
    mode: Mode,
    /// Why; kept in the notes.
    #[arg(long)]
    reason: Option<String>,
    /// Give up the rollback to a slot that is kept for one. Needs --reason, and is recorded.
    #[arg(long)]
    force: bool,
    /// How long to wait until it is done: a worker finishes its running answers first.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "10m", value_name = "DURATION")]
    timeout: Duration,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Mode {
    Asleep,
    Cpu,
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let Arguments { slot, mode, reason, force, timeout } = arguments;
    let mode = match mode {
        Mode::Asleep => "asleep",
        Mode::Cpu => "cpu",
    };
    let wish = SetMode { slot, mode: mode.to_owned(), reason, force };
    let set: ModeSet = client.post("/v1/standby", &wish).await?;
    follow(client, output, &set, timeout).await
}
