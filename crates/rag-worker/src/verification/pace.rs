//! Reading no faster than is wanted, so that others can read, too.

use std::time::{Duration, Instant};

/// The longest wait at once; a small rate then is kept over several pieces.
const LONGEST: Duration = Duration::from_secs(5);

/// Keeps reading to a rate.
#[derive(Debug)]
pub(super) struct Pace {
    rate: u64,
    started: Instant,
    bytes: u64,
}

impl Pace {
    /// So many bytes a second, from now on.
    pub(super) fn new(rate: u64) -> Self {
        Self { rate, started: Instant::now(), bytes: 0 }
    }

    /// So many bytes were read: waits until they may have been.
    pub(super) fn read(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        std::thread::sleep(self.ahead(self.started.elapsed()).min(LONGEST));
    }

    /// How long it is before its time.
    fn ahead(&self, elapsed: Duration) -> Duration {
        Duration::from_secs_f64(self.bytes as f64 / self.rate as f64).saturating_sub(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_takes_its_time() {
        let pace = Pace { bytes: 3000, ..Pace::new(1000) };
        assert_eq!(pace.ahead(Duration::from_secs(1)), Duration::from_secs(2));
        assert_eq!(pace.ahead(Duration::from_secs(9)), Duration::ZERO);
    }
}
