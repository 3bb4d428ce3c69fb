//! Log lines on standard error, chosen by `SWITCHYARD_LOG` and `SWITCHYARD_LOG_FORMAT`, and traces beside them.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::traces;

/// Which lines to write, in `tracing-subscriber`'s filter language; `info` when unset.
pub const FILTER_VARIABLE: &str = "SWITCHYARD_LOG";
/// `text` (default) or `json`, one object a line.
pub const FORMAT_VARIABLE: &str = "SWITCHYARD_LOG_FORMAT";

/// The proxying library reports every failed upstream itself; our access log says the same once, with the slot.
const DEFAULT_FILTER: &str = "info,pingora_proxy=off,pingora_core=error";

/// Starts logging and tracing for the named program. Later calls change nothing, so tests may call it freely.
///
/// A filter or format that cannot be understood is reported on the log itself and the default is used: a typing
/// mistake in an environment variable must not keep a daemon from starting.
pub fn init(program: &'static str) {
    let wanted = std::env::var(FILTER_VARIABLE).unwrap_or_default();
    let (filter, refused) = match wanted.as_str() {
        "" => (EnvFilter::new(DEFAULT_FILTER), None),
        text => match EnvFilter::try_new(text) {
            Ok(filter) => (filter, None),
            Err(error) => (EnvFilter::new(DEFAULT_FILTER), Some(error)),
        },
    };
    let format = std::env::var(FORMAT_VARIABLE).unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // A log that cannot be written, on a full disk say, must not end the program that writes it.
        .log_internal_errors(false);
    let lines = match format.as_str() {
        "json" => lines.json().flatten_event(true).boxed(),
        _ => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
    };
    // Spans are for traces; log lines say what they have to say themselves. What neither wants is told to be so by its level:
    // libraries ask before they make a line, and Pingora makes many a request.
    let level = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    let events = filter_fn(|it| it.is_event()).with_max_level_hint(level);
    let lines = lines.with_filter(filter).with_filter(events);
    let traces = traces::start(program);
    let (tracer, untraced) = match traces {
        Some(Ok(tracer)) => (Some(tracer), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let spans = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(traces::is_told).with_max_level_hint(traces::LEVEL))
    });
    let started = tracing_subscriber::registry().with(lines).with(spans).try_init();
    if started.is_err() {
        return;
    }
    if let Some(error) = untraced {
        tracing::warn!(program, error, "traces cannot be exported");
    }
    if let Some(error) = refused {
        tracing::warn!(program, variable = FILTER_VARIABLE, %error, "log filter not understood, using the default");
    }
    if !matches!(format.as_str(), "" | "text" | "json") {
        tracing::warn!(
            program,
            variable = FORMAT_VARIABLE,
            format,
            "log format not understood, using text"
        );
    }
}
