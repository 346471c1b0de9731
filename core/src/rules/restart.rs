//! After a failure: how long to wait, and is the budget spent?
//!
//! Failures are counted in a sliding window and forgotten only after a long healthy run: one good
//! minute does not erase them.

use crate::words::{Generation, Moment, ProcessPolicy, Span};
use serde::{Deserialize, Serialize};

/// The failures of one process that still count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// When, oldest first; at most one more than the budget.
    pub recent: Vec<Moment>,
    /// How many in a row, for the backoff.
    pub streak: u32,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Restart after this delay.
    Backoff(Span),
    /// The budget is spent: pause this long, then try once.
    Cooldown(Span),
}

impl Failures {
    /// Counts a failure at `now` and says what follows.
    pub fn count(&mut self, policy: &ProcessPolicy, now: Moment, generation: Generation) -> Next {
        self.recent.retain(|failure| now.since(*failure) < policy.budget_window);
        self.recent.push(now);
        self.streak = self.streak.saturating_add(1);
        let budget = usize::try_from(policy.budget).unwrap_or(usize::MAX);
        if self.recent.len() > budget {
            self.recent.remove(0);
            Next::Cooldown(self.cooldown(policy))
        } else {
            Next::Backoff(backoff(policy, self.streak, generation))
        }
    }

    /// Pause before the next half-open start: doubled for each one that failed in a row, capped.
    pub fn cooldown(&self, policy: &ProcessPolicy) -> Span {
        let tries = self.streak.saturating_sub(policy.budget.saturating_add(1)).min(32);
        let longest = policy.cooldown_max.max(policy.cooldown);
        policy.cooldown.times(1_i64 << tries).min(longest)
    }

    /// Whether there is nothing to forget.
    pub fn is_clean(&self) -> bool {
        self.recent.is_empty() && self.streak == 0
    }
}

/// Delay before restart number `streak`: doubling, capped, and spread by up to a quarter so that
/// processes that died together do not come back together. The spread follows from the
/// generation: the same history always gives the same delay.
fn backoff(policy: &ProcessPolicy, streak: u32, generation: Generation) -> Span {
    let doublings = streak.saturating_sub(1).min(32);
    let delay = policy.backoff_initial.times(1_i64 << doublings);
    let capped = delay.min(policy.backoff_max);
    // Fibonacci hashing spreads consecutive generations evenly over 0..=255.
    let spread = generation.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
    let jitter = capped.0 / 4 * i64::try_from(spread).unwrap_or(0) / 255;
    capped.plus(Span(jitter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Role;

    fn at(seconds: i64) -> Moment {
        Moment::default().plus(Span::seconds(seconds))
    }

    #[test]
    fn the_budget_is_a_sliding_window() {
        let policy = ProcessPolicy { budget: 2, ..ProcessPolicy::of(Role::Worker) };
        let mut failures = Failures::default();
        let mut next = |seconds| failures.count(&policy, at(seconds), Generation(1));
        assert!(matches!(next(0), Next::Backoff(_)));
        assert!(matches!(next(1), Next::Backoff(_)));
        assert_eq!(next(2), Next::Cooldown(policy.cooldown));
        assert_eq!(next(3), Next::Cooldown(policy.cooldown.times(2)));
        assert!(matches!(next(5000), Next::Backoff(_)), "the window has passed");
    }

    #[test]
    fn delays_double_up_to_the_cap_and_stay_within_a_quarter() {
        let policy = ProcessPolicy::of(Role::Worker);
        for (streak, base) in [(1, 1000), (2, 2000), (3, 4000), (7, 60_000), (u32::MAX, 60_000)] {
            for generation in 0..300 {
                let delay = backoff(&policy, streak, Generation(generation)).0;
                assert!((base..=base + base / 4).contains(&delay), "{streak}: {delay}");
            }
        }
    }
}
