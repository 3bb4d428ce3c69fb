//! How an index stores the numbers of a vector, for its walk over the graph: what it finds is compared again with the
//! vectors themselves.

use std::fmt;
use std::str::FromStr;

use usearch::ScalarKind;

/// The storage of one number. Smaller is smaller on disk and in memory and faster, and the walk a little less exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scalar {
    /// Four bytes.
    F32,
    /// Two bytes.
    F16,
    /// One byte.
    #[default]
    I8,
}

impl Scalar {
    /// The word used on the command line and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I8 => "i8",
        }
    }

    /// Bytes per number.
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::I8 => 1,
        }
    }

    pub(crate) fn kind(self) -> ScalarKind {
        match self {
            Self::F32 => ScalarKind::F32,
            Self::F16 => ScalarKind::F16,
            Self::I8 => ScalarKind::I8,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no storage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scalar: f32, f16 or i8")]
pub struct UnknownScalar(pub String);

impl FromStr for Scalar {
    type Err = UnknownScalar;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "i8" => Ok(Self::I8),
            other => Err(UnknownScalar(other.to_owned())),
        }
    }
}
