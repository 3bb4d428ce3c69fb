//! `switchctl reload`

use std::process::ExitCode;

use switch_api::Reloaded;
use switch_client::Client;

use crate::render::{self, Output};
use crate::trouble::Trouble;

pub(crate) async fn run(client: &Client, output: Output) -> Result<ExitCode, Trouble> {
    let reloaded: Reloaded = client.post("/v1/reload", &serde_json::json!({})).await?;
    Ok(render::print(output, &reloaded, || render::reloaded(&reloaded)))
}
