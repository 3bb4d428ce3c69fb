//! `switchctl wake`

use std::process::ExitCode;
use std::time::Duration;

use switch_api::{ModeSet, SetMode, Status};
use switch_client::Client;
use tokio::time::Instant;

use crate::render::{self, Output};
use crate::trouble::Trouble;

/// How often the gateway is asked how far it is.
const INTERVAL: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
#[command(after_help = "Examples:
  switchctl wake
  switchctl wake green --reason 'the next release is built' --timeout 5m
  switchctl wake green && switchctl promote green

It says what the workers are loading, and returns when every worker is ready.")]
pub(crate) struct Arguments {
    /// The slot to wake; the idle one when left out.
    #[arg(value_parser = ["blue", "green"])]
    slot: Option<String>,
    /// Why; kept in the notes.
    #[arg(long)]
    reason: Option<String>,
    /// How long to wait until it is ready.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "10m", value_name = "DURATION")]
    timeout: Duration,
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let Arguments { slot, reason, timeout } = arguments;
    let wish = SetMode { slot, mode: "full".to_owned(), reason, force: false };
    let set: ModeSet = client.post("/v1/standby", &wish).await?;
    follow(client, output, &set, timeout).await
}

/// Waits until a slot has reached the mode that was asked for, and says what goes on meanwhile.
pub(crate) async fn follow(
    client: &Client,
    output: Output,
    set: &ModeSet,
    timeout: Duration,
) -> Result<ExitCode, Trouble> {
    let ModeSet { slot, mode, .. } = set;
    let deadline = Instant::now() + timeout;
    let mut told = String::new();
    loop {
        let answer = client.get::<Status>("/v1/status").await;
        // A gateway that is being replaced is waited for.
        let found = answer.as_ref().ok().and_then(|status| status.slots.get(slot));
        if let Some(found) = found
            && let Some(standby) = &found.standby
        {
            if standby.mode != *mode {
                let now = render::in_words(&standby.mode);
                let text = format!("somebody else has asked for {slot} to be {now}");
                return Err(Trouble::Failed(text, Some("switchctl history --notes".to_owned())));
            }
            match standby.state.as_str() {
                "failed" => {
                    let (mode, why) = (render::in_words(mode), standby.detail.join("; "));
                    let text = format!("{slot} is not {mode}: {why}");
                    return Err(Trouble::Failed(text, standby.hint.clone()));
                }
                "awake" if found.state != "ready" => {}
                "asleep" | "awake" => {
                    return Ok(render::print(output, found, || render::reached(slot, standby)));
                }
                _ => {}
            }
            let line = render::progress(slot, found);
            if line != told {
                render::talk(&line);
                told = line;
            }
        }
        if Instant::now() + INTERVAL > deadline {
            let status = answer?;
            let state = status.slots.get(slot).map_or("unknown", |found| found.state.as_str());
            let timeout = humantime::format_duration(timeout);
            return Err(Trouble::TimedOut(format!("{slot} is {state} after {timeout}")));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
