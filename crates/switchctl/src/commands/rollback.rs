//! `switchctl rollback`

use std::process::ExitCode;

use switch_api::{Outcome, Rollback};
use switch_client::Client;

use crate::commands::promote::{Manner, finish};
use crate::render::Output;
use crate::trouble::Trouble;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    manner: Manner,
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let Manner { reason, force, dry_run, timeout, .. } = &arguments.manner;
    let wait = arguments.manner.wait();
    let request = Rollback { reason: reason.clone(), force: *force, dry_run: *dry_run, wait };
    finish(client.post::<Outcome>("/v1/rollback", &request), *timeout, output).await
}
