//! `switchctl reload`

use std::process::ExitCode;

use switch_api::Reloaded;

use crate::client::{Client, Trouble};
use crate::render::{self, Output};

pub(crate) async fn run(client: &Client, output: Output) -> Result<ExitCode, Trouble> {
    let reloaded: Reloaded = client.post("/v1/reload", &serde_json::json!({})).await?;
    Ok(render::print(output, &reloaded, || render::reloaded(&reloaded)))
}
