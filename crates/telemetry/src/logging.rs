//! Log lines on standard error, chosen by `SWITCHYARD_LOG` and `SWITCHYARD_LOG_FORMAT`.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Which lines to write, in `tracing-subscriber`'s filter language; `info` when unset.
pub const FILTER_VARIABLE: &str = "SWITCHYARD_LOG";
/// `text` (default) or `json`, one object a line.
pub const FORMAT_VARIABLE: &str = "SWITCHYARD_LOG_FORMAT";

/// The proxying library reports every failed upstream itself; our access log says the same once, with the slot.
const DEFAULT_FILTER: &str = "info,pingora_proxy=off,pingora_core=error";

/// Starts logging for the named program. Later calls change nothing, so tests may call it freely.
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
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A log that cannot be written, on a full disk say, must not end the program that writes it.
        .log_internal_errors(false);
    let started = match format.as_str() {
        "json" => lines.json().flatten_event(true).try_init(),
        _ => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    if started.is_err() {
        return;
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
