//! `switchctl shadow`

use std::process::ExitCode;

use switch_api::{Done, SetShadow};
use switch_client::Client;

use crate::render::{self, Output};
use crate::trouble::Trouble;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  switchctl shadow 10%\n  switchctl shadow off")]
pub(crate) struct Arguments {
    /// The share of requests copied to the idle slot, such as 10% or 0.1%; `off` ends it. Nobody sees the copies' answers.
    share: String,
    /// Why; kept in the notes.
    #[arg(long)]
    reason: Option<String>,
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let Arguments { share, reason } = arguments;
    let share = if share == "off" { "0%".to_owned() } else { share };
    let request = SetShadow { share, reason };
    let done: Done = client.post("/v1/shadow", &request).await?;
    Ok(render::print(output, &done, || format!("{}\n", done.text)))
}
