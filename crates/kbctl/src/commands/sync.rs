//! `kbctl sync`: a tag from one place to another.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rag_knowledge::sync::{Place, SyncObserver, Synced, sync};

use crate::interrupt;
use crate::render::{self, Failure, Output};

/// Copies a tag to or from a folder or an object store; only what the other side lacks is carried.
///
/// What arrives is checked by its fingerprint and becomes visible as a whole. A sync that was stopped goes on
/// where it stopped.
#[derive(Args)]
#[command(after_help = "\
Examples:
  kbctl sync data/green/v20261123 /mnt/share/kb            to /mnt/share/kb/v20261123
  kbctl sync data/green/v20261123 s3://knowledge/green     to a bucket
  kbctl sync s3://knowledge/green/v20261123 data/green     and from there to another machine

A bucket's store and keys come from AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")]
pub(crate) struct Arguments {
    /// The tag: its own folder, or s3://BUCKET/PREFIX/TAG.
    #[arg(value_name = "FROM")]
    from: Place,
    /// Where tags are kept: a folder, or s3://BUCKET/PREFIX.
    #[arg(value_name = "TO")]
    to: Place,
    /// The form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let cancelled = interrupt::watch();
    let progress = Progress::new();
    let synced = sync(&arguments.from, &arguments.to, &progress, &cancelled);
    progress.finish();
    let synced = synced?;
    if arguments.output == Output::Json {
        return render::print_json(&synced);
    }
    render::print(&render::plain(&text(&synced)))
}

fn text(synced: &Synced) -> String {
    let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
    let how = if synced.already_there {
        "already there".to_owned()
    } else {
        format!("{:.1} of {:.1} MiB carried", mib(synced.carried), mib(synced.bytes))
    };
    format!("{}: {how}\nfingerprint {}", synced.place, synced.fingerprint)
}

/// A bar on a terminal, a line now and then in a pipe.
struct Progress {
    bar: Option<ProgressBar>,
    said_at: Mutex<Instant>,
}

/// The least time between two lines in a pipe.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

impl Progress {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let template = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { bar, said_at: Mutex::new(Instant::now()) }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl SyncObserver for Progress {
    fn settled(&self, settled: u64, all: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(settled);
            return;
        }
        let Ok(mut said_at) = self.said_at.lock() else { return };
        if said_at.elapsed() >= BETWEEN_LINES {
            *said_at = Instant::now();
            render::note(&format!("{} of {} bytes", settled, all));
        }
    }
}
