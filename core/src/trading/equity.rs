//! The worth of an account over time: growth, highest point, drawdown, the close of each day.
//!
//! Growth is chained: an account that was set anew with other money starts where the old one
//! ended, so that neither the new money counts as a gain nor the old loss is forgotten.

use crate::words::Timestamp;
use std::collections::VecDeque;

/// Milliseconds of a day, UTC.
const DAY: i64 = 86_400_000;
/// Days kept for the figures, newest first to stay: eleven years.
const DAYS_MAX: usize = 4096;

/// How the worth of an account developed.
#[derive(Clone, Debug, PartialEq)]
pub struct Equity {
    worth: Option<f64>,
    growth: f64,
    peak: f64,
    max_drawdown: f64,
    today: Option<i64>,
    closes: VecDeque<f64>,
}

impl Default for Equity {
    /// Before the first row: a growth of 1, which is also the first peak.
    fn default() -> Self {
        Self {
            worth: None,
            growth: 1.0,
            peak: 1.0,
            max_drawdown: 0.0,
            today: None,
            closes: VecDeque::new(),
        }
    }
}

impl Equity {
    /// The account is worth `worth` (money) at `at`.
    pub fn mark(&mut self, at: Timestamp, worth: f64) {
        if let Some(before) = self.worth.replace(worth)
            && before > 0.0
        {
            self.growth *= worth / before;
        }
        self.peak = self.peak.max(self.growth);
        self.max_drawdown = self.max_drawdown.max(self.drawdown());
        self.close(at.0.div_euclid(DAY));
    }

    /// The account begins anew with `worth` at `at`, which is neither a gain nor a loss.
    pub fn begin_anew(&mut self, at: Timestamp, worth: f64) {
        self.worth = None;
        self.mark(at, worth);
    }

    /// Days without a row close as the day before; a clock set back changes today's close.
    fn close(&mut self, day: i64) {
        let newer = self.today.map_or(1, |today| day.saturating_sub(today));
        match (usize::try_from(newer), self.closes.back().copied()) {
            (Ok(days @ 1..), last) => {
                let flat = (days - 1).min(DAYS_MAX);
                self.closes.extend(std::iter::repeat_n(last.unwrap_or(self.growth), flat));
                self.closes.push_back(self.growth);
                self.today = Some(day);
            }
            (Ok(0) | Err(_), _) => {
                if let Some(last) = self.closes.back_mut() {
                    *last = self.growth;
                }
            }
        }
        let surplus = self.closes.len().saturating_sub(DAYS_MAX);
        self.closes.drain(..surplus);
    }

    /// Growth since the first row as a factor: 1.05 after a gain of five percent.
    pub const fn growth(&self) -> f64 {
        self.growth
    }

    /// Loss from the highest point to the present one, 0 to 1.
    pub fn drawdown(&self) -> f64 {
        1.0 - self.growth / self.peak
    }

    /// Largest loss from a highest point so far, 0 to 1; the start counts as a highest point.
    pub const fn max_drawdown(&self) -> f64 {
        self.max_drawdown
    }

    /// Growth at the close of each day, oldest first; the present day is the last.
    pub fn closes(&self) -> impl ExactSizeIterator<Item = f64> {
        self.closes.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: i64) -> Timestamp {
        Timestamp(hour * 3_600_000)
    }

    #[test]
    fn the_first_worth_is_a_peak_and_a_flat_day_counts() {
        let mut equity = Equity::default();
        for (at, worth) in [(0, 1000.0), (1, 900.0), (30, 1100.0), (24 * 4, 990.0)] {
            equity.mark(hour(at), worth);
        }
        assert!((equity.max_drawdown() - 0.1).abs() < 1e-12);
        assert!((equity.drawdown() - 0.1).abs() < 1e-12);
        let closes: Vec<f64> = equity.closes().map(|c| (c * 1000.0).round()).collect();
        assert_eq!(closes, [900.0, 1100.0, 1100.0, 1100.0, 990.0]);
    }

    #[test]
    fn new_money_is_no_gain_and_an_old_loss_stays() {
        let mut equity = Equity::default();
        equity.mark(hour(0), 1000.0);
        equity.mark(hour(1), 800.0);
        equity.begin_anew(hour(2), 1000.0);
        equity.mark(hour(3), 1100.0);
        assert!((equity.growth() - 0.88).abs() < 1e-12);
        assert!((equity.max_drawdown() - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_time_in_the_far_future_or_past_costs_nothing() {
        let mut equity = Equity::default();
        for at in [0, i64::MAX, i64::MIN, 5] {
            equity.mark(Timestamp(at), 1000.0);
        }
        assert_eq!(equity.closes().len(), DAYS_MAX);
    }
}
