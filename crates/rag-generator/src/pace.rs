//! How many prompt tokens a step may compute, so that running answers do not stall.

use std::time::Duration;

/// Fewer are not worth a step: the weights are read once for each.
const LEAST: usize = 16;
/// How much the latest step counts against those before.
const WEIGHT: f64 = 0.3;

/// Keeps steps that run beside an answer near a time.
#[derive(Debug)]
pub(crate) struct Pace {
    longest: Duration,
    batch: usize,
    /// Prompt tokens a second, as measured; none yet.
    speed: Option<f64>,
}

impl Pace {
    /// Steps of about `longest`, of at most `batch` tokens.
    pub(crate) fn new(longest: Duration, batch: usize) -> Self {
        Self { longest, batch, speed: None }
    }

    /// The most prompt tokens of the next step; `beside` says whether answers are being written.
    pub(crate) fn room(&self, beside: bool) -> usize {
        if !beside {
            return self.batch;
        }
        let tokens = self.speed.map_or(0.0, |speed| speed * self.longest.as_secs_f64());
        (tokens as usize).clamp(LEAST.min(self.batch), self.batch)
    }

    /// A step has computed so many prompt tokens in this time.
    pub(crate) fn measured(&mut self, tokens: usize, took: Duration) {
        // Less says more of the step than of the tokens.
        if tokens < LEAST || took.is_zero() {
            return;
        }
        let now = tokens as f64 / took.as_secs_f64();
        self.speed = Some(self.speed.map_or(now, |before| before + WEIGHT * (now - before)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_prompt_longer_than_a_step() {
        let mut pace = Pace::new(Duration::from_millis(200), 512);
        assert_eq!(pace.room(false), 512);
        assert_eq!(pace.room(true), 16);
        pace.measured(512, Duration::from_secs(2));
        assert_eq!(pace.room(true), 51);
        assert_eq!(pace.room(false), 512);
        for _ in 0..50 {
            pace.measured(512, Duration::from_millis(10));
        }
        assert_eq!(pace.room(true), 512);
        pace.measured(3, Duration::from_secs(60));
        assert_eq!(pace.room(true), 512);
    }

    #[test]
    fn a_small_batch_stays_small() {
        assert_eq!(Pace::new(Duration::from_millis(1), 8).room(true), 8);
    }
}
