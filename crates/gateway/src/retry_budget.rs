//! Retries must not double the load of a service in trouble: they are paid from a budget that requests fill.

use std::sync::atomic::{AtomicI64, Ordering};

/// What one retry costs.
const COST: i64 = 1000;
/// What the budget holds at most, in retries: enough for a quiet service to lose a worker.
const MOST: i64 = 100;

/// A budget of retries: each request pays in a part of one (Finagle's retry budgets work so).
#[derive(Debug)]
pub(crate) struct RetryBudget {
    pay_in: i64,
    saved: AtomicI64,
}

impl RetryBudget {
    /// `thousandths` of the requests may be tried again, and a hundred in any case.
    pub(crate) fn new(thousandths: u16) -> Self {
        Self { pay_in: i64::from(thousandths), saved: AtomicI64::new(MOST * COST) }
    }

    /// A request came in.
    pub(crate) fn pay_in(&self) {
        // Full most of the time: then nothing is written that another thread would have to fetch.
        if self.saved.load(Ordering::Relaxed) < MOST * COST {
            self.saved.fetch_add(self.pay_in, Ordering::Relaxed);
        }
    }

    /// Whether there is enough for a retry, which is then paid.
    pub(crate) fn spend(&self) -> bool {
        let saved = self.saved.fetch_sub(COST, Ordering::Relaxed);
        if saved >= COST {
            return true;
        }
        self.saved.fetch_add(COST, Ordering::Relaxed);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_end_when_the_budget_is_spent_and_come_back_with_requests() {
        let budget = RetryBudget::new(200);
        assert_eq!((0..1_000).filter(|_| budget.spend()).count(), 100);
        (0..50).for_each(|_| budget.pay_in());
        assert_eq!((0..1_000).filter(|_| budget.spend()).count(), 10);
    }
}
