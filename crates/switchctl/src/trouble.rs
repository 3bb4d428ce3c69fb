//! Why a command did not do what it was asked for.

use switch_client::ClientError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The gateway gave no good answer.
    #[error(transparent)]
    Asking(#[from] ClientError),
    /// Something that asks no gateway failed.
    #[error("{0}")]
    Failed(String, Option<String>),
    /// The command line cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// Time is over.
    #[error("{0}")]
    TimedOut(String),
}

impl Trouble {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Asking(ClientError::Unreachable { .. }) => Some(
                "is switchyard running? name it with --server unix:PATH or http://HOST:PORT".into(),
            ),
            Self::Asking(ClientError::BadServer(_)) | Self::Usage(_) => {
                Some("switchctl --help".into())
            }
            Self::Asking(error) => error.hint(),
            Self::Failed(_, hint) => hint.clone(),
            Self::TimedOut(_) => Some("switchctl status shows where it stands".into()),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Asking(ClientError::Refused(_)) | Self::TimedOut(_) | Self::Failed(..) => 1,
            Self::Usage(_) | Self::Asking(ClientError::BadServer(_)) => 64,
            Self::Asking(_) => 2,
        }
    }
}
