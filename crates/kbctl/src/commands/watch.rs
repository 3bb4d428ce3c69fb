//! `kbctl watch`: keeps the idle slot's knowledge base up to date, off-peak.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Zoned;

use crate::interrupt;
use crate::rebuild::{Round, Said, Settings, read};
use crate::render::{self, Failure, Output};

/// How often it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(200);

/// Rebuilds the idle slot's knowledge base when documents have changed, proves it with a question set, and asks the
/// operators to promote it.
///
/// Nothing goes live by itself: `switchctl status` shows what is asked for, `switchctl promote` does it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kbctl watch --config watch.yaml              look every 15 minutes, in the hours that `between` allows
  kbctl watch --config watch.yaml --once       look now and end: for a timer or cron
  kbctl watch --config watch.yaml --check      only say whether the settings hold

The settings are described in docs/OPERATIONS.md.")]
pub(crate) struct Arguments {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = "watch.yaml")]
    config: PathBuf,
    /// One round now, whatever the hour; fails when the new knowledge base is refused.
    #[arg(long)]
    once: bool,
    /// Also build, prove and ask for what was refused or asked for before.
    #[arg(long, requires = "once")]
    again: bool,
    /// Read the settings, and do nothing.
    #[arg(long)]
    check: bool,
    /// The form of the answer; json is a line for each round.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let settings = read(&arguments.config)?;
    if arguments.check {
        return render::print(&format!("{} holds", arguments.config.display()));
    }
    let stop = interrupt::watch();
    let round = Round::new(settings.clone())?;
    if arguments.once {
        let said = round.run(arguments.again, &stop)?;
        tell(&said, arguments.output)?;
        return match said {
            Said::Refused { tag, why } => {
                Err(Failure::new(format!("{tag} is refused: {why}"), None))
            }
            Said::Nothing { .. } | Said::Waits { .. } | Said::Asked { .. } => Ok(()),
        };
    }
    for_ever(&round, &settings, arguments.output, &stop)
}

fn for_ever(
    round: &Round,
    settings: &Settings,
    output: Output,
    stop: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let stopped = || stop.load(Ordering::Relaxed);
    let mut last = None;
    while !stopped() {
        let now = Zoned::now();
        if let Some(between) = settings.between
            && !between.is_open(&now)
        {
            render::note(&format!("waiting for {between}"));
            sleep(between.opens_in(&now), stop);
            continue;
        }
        let closes_in = settings.between.map(|between| between.closes_in(&now));
        let closing = Closing::begin(closes_in, stop);
        match round.run(false, &closing.flag) {
            // The same again is no news.
            Ok(said) if last.as_ref() == Some(&said) => {}
            Ok(said) => {
                tell(&said, output)?;
                last = Some(said);
            }
            Err(_) if stopped() => break,
            Err(_) if closing.flag.load(Ordering::Relaxed) => {
                render::note("the hours are over: the work goes on in the next ones");
            }
            Err(failure) => failure.tell(),
        }
        drop(closing);
        sleep(settings.every, stop);
    }
    Ok(())
}

fn tell(said: &Said, output: Output) -> Result<(), Failure> {
    if output == Output::Json {
        return render::print_json_line(said);
    }
    render::print(&render::plain(&match said {
        Said::Nothing { why } => format!("nothing to do: {why}"),
        Said::Waits { why } => format!("not now: {why}"),
        Said::Refused { tag, why } => format!("refused: {tag}: {why}"),
        Said::Asked { slot, tag, why, .. } => {
            format!(
                "asked for the promotion of {slot} with {tag} ({why}); switchctl status shows it"
            )
        }
    }))
}

fn sleep(time: Duration, stop: &AtomicBool) {
    let until = Instant::now() + time;
    while !stop.load(Ordering::Relaxed) && Instant::now() < until {
        std::thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
    }
}

/// Turns `flag` true when the hours are over or a signal has come, until it is dropped.
struct Closing {
    flag: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Closing {
    fn begin(after: Option<Duration>, stop: &Arc<AtomicBool>) -> Self {
        let (flag, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let until = after.map(|after| Instant::now() + after);
        let (turned, ended, stop) = (Arc::clone(&flag), Arc::clone(&over), Arc::clone(stop));
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let closed = until.is_some_and(|until| Instant::now() >= until);
                if closed || stop.load(Ordering::Relaxed) {
                    turned.store(true, Ordering::Relaxed);
                    return;
                }
                std::thread::sleep(LOOK);
            }
        });
        Self { flag, over }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
