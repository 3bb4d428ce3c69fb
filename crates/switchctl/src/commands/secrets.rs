//! `switchctl token new` and `switchctl key new`: a secret that is shown once, and the hashed entry that is kept.
//!
//! No gateway is asked: the entry takes effect when it is in the file that the settings name.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use access::api_keys::ApiKey;
use access::key_file::{self, Entry};
use access::operators::{OperatorToken, Role};
use access::secret::{NewSecret, NoRandomness};
use serde_json::json;

use crate::render::{self, Output};
use crate::trouble::Trouble;

#[derive(clap::Subcommand)]
pub(crate) enum Token {
    /// Make a token for an operator.
    New {
        /// Whose token it is; the name that history shows.
        #[arg(long, value_parser = name)]
        name: String,
        #[arg(long, value_enum)]
        role: RoleName,
        #[command(flatten)]
        kept: Kept,
    },
}

#[derive(clap::Subcommand)]
pub(crate) enum Key {
    /// Make an API key for a user of the front door.
    New {
        /// Whose key it is: a team, an application.
        #[arg(long, value_parser = name)]
        name: String,
        /// What the key may beyond asking; `slot` lets it choose a slot.
        #[arg(long = "scope", value_parser = name)]
        scopes: Vec<String>,
        #[command(flatten)]
        kept: Kept,
    },
}

#[derive(clap::Args)]
pub(crate) struct Kept {
    /// How long it is valid, such as 90d; for ever when absent.
    #[arg(long, value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    /// Append the entry to this file instead of printing it; made with mode 0600 when it is not there.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum RoleName {
    Viewer,
    Operator,
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
            RoleName::Admin => Self::Admin,
        }
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
    if (1..=64).contains(&text.len()) && plain {
        return Ok(text.to_owned());
    }
    Err("1 to 64 letters, digits and -_.@")
}

pub(crate) fn token(command: Token, output: Output) -> Result<ExitCode, Trouble> {
    let Token::New { name, role, kept } = command;
    let made = OperatorToken::generate(&name, role.into(), kept.end());
    hand_over(made, &kept, "admin.tokens", output)
}

pub(crate) fn key(command: Key, output: Output) -> Result<ExitCode, Trouble> {
    let Key::New { name, scopes, kept } = command;
    let made = ApiKey::generate(&name, scopes, kept.end());
    hand_over(made, &kept, "users.api_keys", output)
}

impl Kept {
    fn end(&self) -> Option<SystemTime> {
        self.expires.and_then(|time| SystemTime::now().checked_add(time))
    }
}

fn hand_over<E: Entry>(
    made: Result<(E, NewSecret), NoRandomness>,
    kept: &Kept,
    setting: &str,
    output: Output,
) -> Result<ExitCode, Trouble> {
    let (entry, new) = made.map_err(|error| Trouble::Failed(error.to_string(), None))?;
    if let Some(file) = &kept.file {
        key_file::append(file, &entry).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            Trouble::Failed(format!("{error}{}", cause.unwrap_or_default()), None)
        })?;
    }
    let data = json!({ "secret": new.text, "entry": entry });
    Ok(render::print(output, &data, || {
        let entry = match &kept.file {
            Some(file) => format!("appended to {}", file.display()),
            None => data["entry"].to_string(),
        };
        format!(
            "secret  {}\nentry   {entry}\n\nThe secret is shown only now. The entry belongs into the file of `{setting}`.\n",
            new.text
        )
    }))
}
