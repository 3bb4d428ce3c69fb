//! Which operators there are, and what each may.

use std::path::{Path, PathBuf};

use access::operators::{Local, OperatorTokens, Role};
use serde::Deserialize;
use settings_file::SettingsError;

use super::users::unusable;

/// One of `admin.operators`, word for word.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorFile {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    uid: Option<u32>,
    role: Role,
}

/// Which operators there are.
#[derive(Clone, Debug, Default)]
pub struct Operators {
    /// Users of this machine and their roles. `None` makes everybody an admin who may open the socket.
    pub local: Option<Vec<(Local, Role)>>,
    /// The file of tokens for HTTP. Without one, everybody who reaches the address is an admin.
    pub tokens: Option<PathBuf>,
    /// Whether `/metrics` needs a role, too.
    pub protect_metrics: bool,
}

pub(super) fn operators(
    file: &Path,
    typed: Option<Vec<OperatorFile>>,
    tokens: Option<PathBuf>,
    protect_metrics: bool,
) -> Result<Operators, SettingsError> {
    if let Some(tokens) = &tokens {
        OperatorTokens::open(tokens).map_err(|error| unusable(file, "admin.tokens", &error))?;
    }
    let one = |(index, typed): (usize, OperatorFile)| {
        let local = match (typed.user, typed.group, typed.uid) {
            (Some(user), None, None) => Local::User(user),
            (None, Some(group), None) => Local::Group(group),
            (None, None, Some(uid)) => Local::Uid(uid),
            _ => {
                let key = format!("admin.operators[{index}]");
                let text = "needs one of `user`, `group` and `uid`";
                return Err(SettingsError::invalid(file, &key, text));
            }
        };
        Ok((local, typed.role))
    };
    let local = typed.map(|typed| typed.into_iter().enumerate().map(one).collect()).transpose()?;
    Ok(Operators { local, tokens, protect_metrics })
}
