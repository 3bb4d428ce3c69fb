//! Why a gateway gives no good answer.

use switch_api::Problem;

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The gateway said no.
    #[error("{}", .0.message)]
    Refused(Box<Problem>),
    /// The gateway does not let this operator ask.
    #[error("{}", .0.message)]
    NotAllowed(Box<Problem>),
    /// The gateway could not be asked.
    #[error("asking the gateway at {server}: {cause}")]
    Unreachable { server: String, cause: String },
    /// The stored tokens cannot be used.
    #[error("{text}")]
    Credentials { text: String, hint: Option<String> },
    /// The server's name is neither `unix:PATH` nor `http://HOST:PORT`.
    #[error("the server {0:?} is neither unix:PATH nor http://HOST:PORT")]
    BadServer(String),
    /// What is asked cannot be written as JSON.
    #[error("the request cannot be written: {0}")]
    BadRequest(#[source] serde_json::Error),
}

impl ClientError {
    pub(crate) fn credentials(text: impl Into<String>, hint: Option<String>) -> Self {
        Self::Credentials { text: text.into(), hint }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(problem) | Self::NotAllowed(problem) => problem.hint.clone(),
            Self::Credentials { hint, .. } => hint.clone(),
            Self::Unreachable { .. } => Some(
                "is switchyard running? its admin socket is unix:PATH, its admin address http://HOST:PORT"
                    .to_owned(),
            ),
            Self::BadServer(_) | Self::BadRequest(_) => None,
        }
    }
}
