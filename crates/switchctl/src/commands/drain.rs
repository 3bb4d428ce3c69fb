//! `switchctl drain`

use std::process::ExitCode;
use std::time::Duration;

use switch_api::{Done, Running, SetDeadline};
use switch_client::Client;

use crate::render::{self, Output};
use crate::trouble::Trouble;

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
#[command(after_help = "Examples:
  switchctl drain                     what still runs on the idle slot
  switchctl drain blue --watch        until it is safe to stop blue's workers
  switchctl drain --deadline 10m --reason 'maintenance at six'")]
pub(crate) struct Arguments {
    /// The slot to look at; the idle one when left out.
    #[arg(value_parser = ["blue", "green"])]
    slot: Option<String>,
    /// Look every second until the slot's workers may be stopped.
    #[arg(long)]
    watch: bool,
    /// End what still runs on the slot that is being drained, this long from now. Recorded.
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    deadline: Option<Duration>,
    /// Why; kept in the notes.
    #[arg(long, requires = "deadline")]
    reason: Option<String>,
    /// How long to watch.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "1h", value_name = "DURATION")]
    timeout: Duration,
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let Arguments { slot, watch, deadline, reason, timeout } = arguments;
    if let Some(deadline) = deadline {
        let request = SetDeadline { deadline_s: deadline.as_secs_f64(), reason };
        let done: Done = client.post("/v1/drain", &request).await?;
        render::talk(&done.text);
    }
    let path = match &slot {
        Some(slot) => format!("/v1/drain?slot={slot}"),
        None => "/v1/drain".to_owned(),
    };
    let until = tokio::time::Instant::now() + timeout;
    loop {
        let running: Running = client.get(&path).await?;
        let code = render::print(output, &running, || render::running(&running));
        if !watch || running.safe_to_stop {
            return Ok(code);
        }
        if running.live {
            return Err(Trouble::Usage(format!(
                "{} is live: it is not being drained",
                running.slot
            )));
        }
        if tokio::time::Instant::now() >= until {
            let limit = humantime::format_duration(timeout);
            return Err(Trouble::TimedOut(format!("not safe to stop within {limit}")));
        }
        tokio::time::sleep(LOOK).await;
    }
}
