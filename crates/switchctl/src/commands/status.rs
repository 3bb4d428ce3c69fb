//! `switchctl status`

use std::process::ExitCode;

use switch_api::Status;
use switch_client::Client;

use crate::render::{self, Output};
use crate::trouble::Trouble;

pub(crate) async fn run(client: &Client, output: Output) -> Result<ExitCode, Trouble> {
    let status: Status = client.get("/v1/status").await?;
    Ok(render::print(output, &status, || render::status(&status)))
}
