//! How many prompt tokens a step may compute, so that running answers do not stall.

use std::time::Duration;

/// Fewer are not worth a step: the weights are read once for each.
const LEAST: usize = 16;
/// How much the latest time counts against those before.
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

    /// The most prompt tokens that a step reads; `beside` is what answers took of it, if any are being written.
    pub(crate) fn room(&self, beside: Option<Duration>) -> usize {
        let Some(beside) = beside else { return self.batch };
        let left = self.longest.saturating_sub(beside).as_secs_f64();
        let tokens = self.speed.map_or(0.0, |speed| speed * left);
        (tokens as usize).clamp(LEAST.min(self.batch), self.batch)
    }

    /// So many prompt tokens were read in this time.
    pub(crate) fn measured(&mut self, tokens: usize, took: Duration) {
        // Fewer say more of the weights, which are read once for each step.
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
        let beside = |millis| Some(Duration::from_millis(millis));
        let mut pace = Pace::new(Duration::from_millis(200), 512);
        assert_eq!(pace.room(None), 512);
        assert_eq!(pace.room(beside(0)), 16);
        pace.measured(512, Duration::from_secs(2));
        assert_eq!(pace.room(beside(0)), 51);
        assert_eq!(pace.room(beside(100)), 25);
        assert_eq!(pace.room(beside(500)), 16);
        assert_eq!(pace.room(None), 512);
        for _ in 0..50 {
            pace.measured(512, Duration::from_millis(10));
        }
        assert_eq!(pace.room(beside(0)), 512);
        pace.measured(3, Duration::from_secs(60));
        assert_eq!(pace.room(beside(0)), 512);
    }

    #[test]
    fn a_small_batch_stays_small() {
        let pace = Pace::new(Duration::from_millis(1), 8);
        assert_eq!(pace.room(Some(Duration::ZERO)), 8);
    }
}
