//! `switchctl promote`

use std::process::ExitCode;
use std::time::Duration;

use switch_api::{Outcome, Promote, Status, Wait};
use switch_client::{Client, ClientError};

use crate::render::{self, Output};
use crate::trouble::Trouble;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  switchctl promote
  switchctl promote green --reason 'new handbook' --wait drained
  switchctl promote --steps 5%,25%,50%,100% --every 5m")]
pub(crate) struct Arguments {
    /// The slot to make live; the idle one when left out.
    #[arg(value_parser = ["blue", "green"])]
    slot: Option<String>,
    /// Go there in stages: rising shares that end in 100%. Each is recorded; `rollback` or `canary off` stops them.
    #[arg(long, value_delimiter = ',', value_name = "SHARES")]
    steps: Vec<String>,
    /// The time between two stages.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "5m", requires = "steps", value_name = "DURATION")]
    every: Duration,
    #[command(flatten)]
    manner: Manner,
}

/// What `promote` and `rollback` have in common.
#[derive(clap::Args)]
pub(crate) struct Manner {
    /// Why; kept in the history.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do it although the slot has not proven itself. Needs --reason, and is recorded.
    #[arg(long)]
    pub(crate) force: bool,
    /// When to return: as soon as new requests go to the new slot, or when the old one has finished its answers.
    #[arg(long, value_enum, default_value = "routed")]
    wait: Until,
    /// How long to wait.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "10m", value_name = "DURATION")]
    pub(crate) timeout: Duration,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Until {
    Routed,
    Drained,
}

impl Manner {
    pub(crate) fn wait(&self) -> Wait {
        match self.wait {
            Until::Routed => Wait::Routed,
            Until::Drained => Wait::Drained,
        }
    }
}

pub(crate) async fn run(
    client: &Client,
    output: Output,
    arguments: Arguments,
) -> Result<ExitCode, Trouble> {
    let Arguments { slot, steps, every, manner } = arguments;
    let timeout = manner.timeout;
    let ask = async {
        // "The idle slot" means the one that is idle now: when somebody else switches first, this must not undo it.
        let seen_attempt = match slot {
            Some(_) => None,
            None => Some(client.get::<Status>("/v1/status").await?.attempt),
        };
        let wait = manner.wait();
        let request = Promote {
            slot,
            reason: manner.reason,
            force: manner.force,
            dry_run: manner.dry_run,
            wait,
            seen_attempt,
            every_s: (!steps.is_empty()).then_some(every.as_secs_f64()),
            steps,
        };
        client.post::<Outcome>("/v1/promote", &request).await
    };
    finish(ask, timeout, output).await
}

/// Waits for the outcome and prints it.
pub(crate) async fn finish(
    ask: impl Future<Output = Result<Outcome, ClientError>>,
    timeout: Duration,
    output: Output,
) -> Result<ExitCode, Trouble> {
    let outcome = tokio::time::timeout(timeout, ask).await.map_err(|_| {
        Trouble::TimedOut(format!("no outcome within {}", humantime::format_duration(timeout)))
    })??;
    Ok(render::print(output, &outcome, || render::outcome(&outcome)))
}
