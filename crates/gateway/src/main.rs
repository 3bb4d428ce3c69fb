//! `switchyard`: carries requests to the live slot and carries out the switch.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gateway::compose::{StartError, compose};
use gateway::handover::take_over;
use gateway::serving::End;
use gateway::settings::Source;
use telemetry::voice::{self, Exit};

/// The front door: carries requests to the live slot, and switches slots when told to.
#[derive(Parser)]
#[command(
    name = "switchyard",
    version,
    after_help = "Examples:\n  switchyard --config gateway.yaml --check\n  switchyard --config gateway.yaml\n  \
                  switchyard --config gateway.yaml --upgrade   # from a new program, while the old one runs"
)]
struct Arguments {
    /// The settings file. Paths in it are relative to the working directory.
    #[arg(long, value_name = "FILE", default_value = "gateway.yaml")]
    config: PathBuf,
    /// Serve from an nginx configuration instead. What is done otherwise than it says is logged.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    nginx: Option<PathBuf>,
    /// Say whether the settings are good, and exit.
    #[arg(long)]
    check: bool,
    /// Take over from the gateway that runs with these settings: its listening sockets come here, and it ends when
    /// its running answers have. Nothing changes when that cannot be done.
    #[arg(long)]
    upgrade: bool,
}

/// A request makes and drops dozens of small things; the system's allocator takes twice as long over them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed terminal cannot be told.
            let _ = error.print();
            return voice::usage(!error.use_stderr());
        }
    };
    // A connection's buffers are mostly untouched; huge pages would make them resident as a whole. A kernel that knows no
    // such pages has none to leave out.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // Before the settings: an nginx configuration is explained in the log.
    telemetry::init("switchyard");
    let source = arguments.nginx.map_or(Source::Settings(arguments.config), Source::Nginx);
    let (settings, values) = match source.load() {
        Ok(loaded) => loaded,
        Err(error) => return voice::fail(&error, error.hint().as_deref(), Exit::Failed),
    };
    if arguments.check {
        return voice::done(&format!("{}: good", source.file().display()));
    }
    // The driver, the operators and the probes; requests have threads of their own.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return voice::fail(&error, None, Exit::Failed),
    };
    let end = runtime.block_on(async {
        let taken = match arguments.upgrade {
            true => Some(take_over(&settings).await?),
            false => None,
        };
        compose(source, settings, values, taken).await?.run().await
    });
    runtime.shutdown_background();
    telemetry::traces::finish();
    finish(end)
}

fn finish(end: Result<End, StartError>) -> ExitCode {
    match end {
        Ok(End::Drained) => Exit::Done.into(),
        Ok(End::Cut) => Exit::Failed.into(),
        Err(error) => voice::fail(&error, error.hint().as_deref(), Exit::Failed),
    }
}
