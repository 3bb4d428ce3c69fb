//! `switchctl canary`

use std::process::ExitCode;

use switch_api::{Outcome, Rule, SetCanary};
use switch_client::Client;

use crate::render::{self, Output};
use crate::trouble::Trouble;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  switchctl canary 5%
  switchctl canary 0.5% --cookie beta=yes
  switchctl canary --header 'x-team=qa' --source 10.0.0.0/8
  switchctl canary off --reason 'seen enough'")]
pub(crate) struct Arguments {
    /// The share of new requests for the idle slot, such as 5% or 0.1%; `off` ends the canary.
    #[arg(required_unless_present_any = ["header", "cookie", "claim", "path", "source"])]
    share: Option<String>,
    /// Requests with this header go there, whatever the share.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    header: Vec<(String, String)>,
    /// Requests with this cookie.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    cookie: Vec<(String, String)>,
    /// Callers whose verified token has this claim.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    claim: Vec<(String, String)>,
    /// Requests whose path begins so.
    #[arg(long, value_name = "PREFIX")]
    path: Vec<String>,
    /// Clients of this network.
    #[arg(long, value_name = "NETWORK")]
    source: Vec<String>,
    /// Why; kept in the history.
    #[arg(long)]
    reason: Option<String>,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do it although the slot has not proven itself. Needs --reason, and is recorded.
    #[arg(long)]
    force: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write NAME=VALUE".to_owned()),
    }
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let Arguments { share, header, cookie, claim, path, source, reason, dry_run, force } =
        arguments;
    let rules = header
        .into_iter()
        .map(|(name, value)| Rule::Header { name, value })
        .chain(cookie.into_iter().map(|(name, value)| Rule::Cookie { name, value }))
        .chain(claim.into_iter().map(|(name, value)| Rule::Claim { name, value }))
        .chain(path.into_iter().map(|prefix| Rule::Path { prefix }))
        .chain(source.into_iter().map(|network| Rule::Source { network }))
        .collect::<Vec<_>>();
    let share = share.map(|share| if share == "off" { "0%".to_owned() } else { share });
    let request = SetCanary { share, rules, reason, force, dry_run };
    let outcome: Outcome = client.post("/v1/canary", &request).await?;
    Ok(render::print(output, &outcome, || render::outcome(&outcome)))
}
