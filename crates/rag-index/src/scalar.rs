//! How an index stores the numbers of a vector, for its walk over the graph: what it finds is compared again with the
//! vectors themselves.

use std::fmt;
use std::str::FromStr;

use numkong::{Angular, f16};
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
    pub(crate) fn bytes(self) -> usize {
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

/// A vector in the numbers of a graph, to be compared with the graph's own.
pub(crate) enum Question {
    F32(Vec<f32>),
    F16(Vec<f16>),
    I8(Vec<i8>),
}

impl Question {
    /// The vector in these numbers, as usearch stores it.
    pub(crate) fn new(vector: &[f32], scalar: Scalar) -> Self {
        match scalar {
            Scalar::F32 => Self::F32(vector.to_vec()),
            Scalar::F16 => Self::F16(vector.iter().copied().map(f16::from_f32).collect()),
            Scalar::I8 => {
                let square: f64 = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
                // A vector without length stays one.
                let unit = if square > 0.0 { 127.0 / square.sqrt() } else { 0.0 };
                let byte = |x: &f32| (f64::from(*x) * unit).clamp(-127.0, 127.0) as i8;
                Self::I8(vector.iter().map(byte).collect())
            }
        }
    }

    /// One less the cosine of this vector and a stored one; nothing when that has another width.
    pub(crate) fn distance(&self, stored: &[u8]) -> Option<f32> {
        match self {
            Self::F32(vector) => f32::angular(vector, bytemuck::try_cast_slice(stored).ok()?)
                .map(|distance| distance as f32),
            Self::F16(vector) => {
                let numbers = stored.as_chunks().0.iter();
                let stored: Vec<f16> =
                    numbers.map(|bytes| f16(u16::from_le_bytes(*bytes))).collect();
                f16::angular(vector, &stored)
            }
            Self::I8(vector) => i8::angular(vector, bytemuck::cast_slice(stored)),
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
