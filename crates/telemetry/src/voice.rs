//! How a program of ours says that something went wrong: `error:`, `  caused by:`, `hint:`, and an exit code.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

/// How a program ended, the same for every program of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: refused or failed, and the reason said.
    Failed,
    /// 2: could not ask (unreachable, unauthorised).
    CouldNotAsk,
    /// 64: wrong usage (`EX_USAGE` of sysexits.h).
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::CouldNotAsk => 2,
            Exit::Usage => 64,
        })
    }
}

/// The causes of an error, outermost first, each once: a wrapper repeats its cause word for word, and a
/// library may repeat it with its own code in front.
pub fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        let said = causes.last().map_or_else(String::new, Clone::clone);
        if said.is_empty() || !text.ends_with(&said) {
            causes.push(text);
        }
        cause = error.source();
    }
    causes
}

/// The text of an error: the error, its causes, then the hint.
pub fn render(error: &dyn Error, hint: Option<&str>) -> String {
    let message = error.to_string();
    let mut text = format!("error: {message}\n");
    for cause in causes(error).iter().filter(|cause| **cause != message) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  caused by: {cause}");
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

/// Says the error on standard error and gives the exit code to leave with.
#[expect(clippy::print_stderr, reason = "this is the one place where programs speak of failure")]
pub fn fail(error: &dyn Error, hint: Option<&str>, exit: Exit) -> ExitCode {
    eprint!("{}", render(error, hint));
    exit.into()
}

/// Says what was done on standard output.
#[expect(clippy::print_stdout, reason = "this is the one place where daemons answer")]
pub fn done(text: &str) -> ExitCode {
    println!("{text}");
    Exit::Done.into()
}

/// The exit code for a command line that was not understood: help and version asked for are no failure.
///
/// `asked_for_help` is `clap::Error::use_stderr` turned around.
pub fn usage(asked_for_help: bool) -> ExitCode {
    if asked_for_help { Exit::Done } else { Exit::Usage }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the state file")]
    struct Outer(#[from] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("disk is full")]
    struct Repeats(#[source] std::io::Error);

    #[test]
    fn a_cause_repeated_with_a_code_in_front_is_one_cause() {
        let inner = Repeats(std::io::Error::other("code 13: disk is full"));
        let error = Outer(std::io::Error::other(inner));
        assert_eq!(causes(&error), ["disk is full"]);
    }

    #[test]
    fn each_cause_is_printed_once() {
        let error = Outer(std::io::Error::other("disk is full"));
        assert_eq!(
            render(&error, Some("free some space")),
            "error: cannot read the state file\n  caused by: disk is full\nhint: free some space\n"
        );
    }
}
