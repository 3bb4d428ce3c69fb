//! `switchctl history`

use std::process::ExitCode;

use switch_api::{History, Notes};
use switch_client::Client;

use crate::render::{self, Output};
use crate::trouble::Trouble;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many decisions, newest first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// What was done or refused beside the decisions instead: refusals, deadlines, shadow shares, reloads.
    #[arg(long)]
    notes: bool,
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    if arguments.notes {
        let notes: Notes = client.get(&format!("/v1/notes?limit={}", arguments.limit)).await?;
        return Ok(render::print(output, &notes, || render::notes(&notes)));
    }
    let history: History = client.get(&format!("/v1/history?limit={}", arguments.limit)).await?;
    Ok(render::print(output, &history, || render::history(&history)))
}
