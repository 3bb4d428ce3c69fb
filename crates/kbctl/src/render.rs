//! What the terminal hears: data on stdout, everything else on stderr.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use rag_knowledge::KnowledgeError;
use rag_knowledge::build::BuildError;
use rag_knowledge::embedding::OpenError;
use rag_knowledge::sync::SyncError;
use serde::Serialize;
use settings_file::SettingsError;

const DONE: u8 = 0;
const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 64;
/// What shells report of a program stopped by Ctrl-C: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl ToString, hint: Option<String>) -> Self {
        Self { message: message.to_string(), hint, code: FAILED }
    }

    /// Ended by a signal.
    pub(crate) fn interrupted(message: impl ToString) -> Self {
        Self { message: message.to_string(), hint: None, code: INTERRUPTED }
    }

    /// Says it on stderr.
    pub(crate) fn tell(&self) {
        note(&format!("error: {}", self.message));
        if let Some(hint) = &self.hint {
            note(&format!("hint: {hint}"));
        }
    }

    /// Wrong in a way that only another command line mends.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self { message: message.to_string(), hint: None, code: WRONG_USAGE }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.message)
    }
}

impl From<KnowledgeError> for Failure {
    fn from(error: KnowledgeError) -> Self {
        Self::new(&error, Some(error.hint().to_owned()))
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let hint = error.hint();
        Self::new(&error, hint)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::new(&error, Some(error.hint()))
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        let code = if matches!(error, SyncError::Cancelled) { INTERRUPTED } else { FAILED };
        Self { message: error.to_string(), hint: error.hint(), code }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let code = if matches!(error, BuildError::Cancelled) { INTERRUPTED } else { FAILED };
        Self { message: error.to_string(), hint: error.hint(), code }
    }
}

/// The exit code of a finished command; a failure is told.
pub(crate) fn outcome(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::from(DONE),
        Err(failure) => {
            failure.tell();
            ExitCode::from(failure.code)
        }
    }
}

/// What clap says: help on stdout, mistakes on stderr.
pub(crate) fn usage(message: &clap::Error) -> ExitCode {
    // There is nobody left to tell when the terminal is gone.
    let _ = message.print();
    let asked = !message.use_stderr();
    ExitCode::from(if asked { DONE } else { WRONG_USAGE })
}

/// A line on stderr.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Text on stdout, with a newline. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("writing the answer: {e}"), None))
        }
        _ => Ok(()),
    }
}

/// A value as JSON on stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::new(e, None))?;
    print(&text)
}

/// A value as a line of JSON on stdout.
pub(crate) fn print_json_line(value: &impl Serialize) -> Result<(), Failure> {
    print(&serde_json::to_string(value).map_err(|e| Failure::new(e, None))?)
}

/// A number of things: `1 passage`, `2 passages`.
pub(crate) fn many(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Control characters of documents must not reach the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
