//! `switchctl warm`

use std::process::ExitCode;

use switch_api::{Done, Warm};
use switch_client::Client;

use crate::render::{self, Output};
use crate::trouble::Trouble;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  switchctl warm\n  switchctl warm green")]
pub(crate) struct Arguments {
    /// The slot whose workers read their files and compute the prompts of the questions asked most; the idle slot when
    /// absent. A promotion does so by itself where it is needed.
    #[arg(value_name = "SLOT")]
    slot: Option<String>,
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let done: Done = client.post("/v1/warm", &Warm { slot: arguments.slot }).await?;
    Ok(render::print(output, &done, || format!("{}\n", done.text)))
}
