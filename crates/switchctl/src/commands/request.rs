//! `switchctl request`

use std::process::ExitCode;

use switch_api::{Done, RequestPromotion};
use switch_client::Client;

use crate::render::{self, Output};
use crate::trouble::Trouble;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  switchctl request --reason 'new price list, approved by sales'
  switchctl request --withdraw --reason 'the price list is wrong'

`switchctl status` shows what is asked for until the live slot changes.")]
pub(crate) struct Arguments {
    /// The slot that should be promoted; the idle one when left out.
    #[arg(value_parser = ["blue", "green"])]
    slot: Option<String>,
    /// Why; shown to the operators and kept in the notes.
    #[arg(long)]
    reason: Option<String>,
    /// The fingerprint of the knowledge base that is meant: refused when the slot serves another.
    #[arg(long, value_name = "FINGERPRINT")]
    knowledge: Option<String>,
    /// Take back what was asked for.
    #[arg(long, conflicts_with_all = ["slot", "knowledge"])]
    withdraw: bool,
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let Arguments { slot, reason, knowledge, withdraw } = arguments;
    let request = RequestPromotion { slot, knowledge, reason, evidence: Vec::new(), withdraw };
    let done: Done = client.post("/v1/request", &request).await?;
    Ok(render::print(output, &done, || format!("{}\n", done.text)))
}
