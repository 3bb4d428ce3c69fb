//! `switchctl wait`

use std::process::ExitCode;
use std::time::Duration;

use switch_api::Status;
use switch_client::Client;
use tokio::time::Instant;

use crate::render::{self, Output};
use crate::trouble::Trouble;

/// How often the gateway is asked.
const INTERVAL: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The slot that should become ready.
    #[arg(value_parser = ["blue", "green"])]
    slot: String,
    /// How long to wait.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "60s", value_name = "DURATION")]
    timeout: Duration,
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let Arguments { slot, timeout } = arguments;
    let deadline = Instant::now() + timeout;
    loop {
        let answer = client.get::<Status>("/v1/status").await;
        // A gateway that is just starting is waited for, too.
        if let Ok(status) = &answer
            && let Some(found) = status.slots.get(&slot)
            && found.state == "ready"
        {
            return Ok(render::print(output, found, || format!("{slot} is ready\n")));
        }
        // It would never become ready by itself.
        if let Ok(status) = &answer
            && status.slots.get(&slot).is_some_and(|found| found.state == "asleep")
        {
            let hint = format!("switchctl wake {slot}");
            return Err(Trouble::Failed(format!("{slot} is asleep"), Some(hint)));
        }
        if Instant::now() + INTERVAL > deadline {
            let status = answer?;
            let state = status.slots.get(&slot).map_or("unknown", |found| found.state.as_str());
            let timeout = humantime::format_duration(timeout);
            return Err(Trouble::TimedOut(format!("{slot} is {state} after {timeout}")));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
