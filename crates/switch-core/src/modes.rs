//! The modes of a slot: whether its workers run, and on what.

use std::fmt;

use crate::words::{Attempt, Slot};

/// How much of a slot's workers is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// They run as they are set up.
    #[default]
    Full,
    /// They run without the GPU: enough for health and verification, too slow to be live.
    Cpu,
    /// They are stopped until they are woken.
    Asleep,
}

impl Mode {
    /// Every mode, the most awake first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Cpu, Self::Asleep];

    /// `full`, `cpu` or `asleep`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Cpu => "cpu",
            Self::Asleep => "asleep",
        }
    }

    /// The mode of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A decision about the mode of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeChange {
    /// Counted from the start of the process: late news of an earlier change is recognized by it.
    pub number: u64,
    pub slot: Slot,
    pub mode: Mode,
    /// The modes of both slots once it is recorded, in the order of [`Slot::ALL`].
    pub modes: [Mode; 2],
    pub reason: Option<String>,
    /// Whether a rollback was given up on purpose.
    pub forced: bool,
    /// The slot that this attempt or an earlier one has left cannot be rolled back to, whatever its time.
    pub given_up: Attempt,
}

/// Such as `put green to sleep`.
impl fmt::Display for ModeChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slot, mode, .. } = self;
        match mode {
            Mode::Full => write!(formatter, "wake {slot}"),
            Mode::Cpu => write!(formatter, "run {slot} on the CPU"),
            Mode::Asleep => write!(formatter, "put {slot} to sleep"),
        }
    }
}
