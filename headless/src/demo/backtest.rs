//! What a policy would have earned: fees paid, decided on closed bars, filled at the next open.

use super::candles::{Bar, TICKER_COUNT};
use super::features::{self, narrow};
use super::policy::Policy;
use serde::{Deserialize, Serialize};

/// What every trade costs, as a fraction of its worth.
pub const FEE: f64 = 0.0025;
/// Money at the start, in dollars.
pub const START_CASH: f64 = 1000.0;
/// Smaller changes of a position, as a fraction of the wealth, are not worth their fee.
const MIN_TRADE: f64 = 0.05;

/// Cash and positions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Dollars.
    pub cash: f64,
    /// Units held of each ticker.
    pub holdings: [f64; TICKER_COUNT],
}

impl Default for Account {
    fn default() -> Self {
        Self { cash: START_CASH, holdings: [0.0; TICKER_COUNT] }
    }
}

impl Account {
    /// Dollars this is worth at those prices.
    pub fn worth(&self, prices: &[f64; TICKER_COUNT]) -> f64 {
        self.cash
            + self.holdings.iter().zip(prices).map(|(units, price)| units * price).sum::<f64>()
    }

    /// What the policy sees: the market, and how the wealth is spread.
    pub fn observation(&self, prices: &[f64; TICKER_COUNT], market: &[f32]) -> Vec<f32> {
        let worth = self.worth(prices);
        let shares = self.holdings.iter().zip(prices).map(|(units, price)| units * price / worth);
        let mut observation = vec![narrow(self.cash / worth)];
        observation.extend(shares.map(narrow));
        observation.extend_from_slice(market);
        observation
    }

    /// Trades towards the wishes at those prices and returns the units bought (sold: negative).
    /// Sells first, so that its proceeds can buy; never borrows and never sells short.
    pub fn follow(&mut self, wishes: &[f32], prices: &[f64; TICKER_COUNT]) -> [f64; TICKER_COUNT] {
        let worth = self.worth(prices);
        let part = worth / f64::from(u32::try_from(TICKER_COUNT).unwrap_or(1));
        let mut wanted = [0.0; TICKER_COUNT];
        for ((units, wish), price) in wanted.iter_mut().zip(wishes).zip(prices) {
            *units = f64::from(wish.max(0.0)) * part / price;
        }
        let mut traded = [0.0; TICKER_COUNT];
        for selling in [true, false] {
            let places = self.holdings.iter_mut().zip(&mut traded).zip(wanted.iter().zip(prices));
            for ((held, traded), (wanted, price)) in places {
                let mut units = wanted - *held;
                if (units < 0.0) != selling || (units * price).abs() < MIN_TRADE * worth {
                    continue;
                }
                if !selling {
                    units = units.min(self.cash / (price * (1.0 + FEE)));
                }
                self.cash -= units * price + (units * price).abs() * FEE;
                *held += units;
                *traded = units;
            }
        }
        traded
    }
}

/// Bars with what can be seen after each, computed once for many backtests.
pub struct Course {
    steps: Vec<Step>,
}

/// One decision: what is seen, the price of the fill, and the price one bar later.
struct Step {
    seen: Vec<f32>,
    fill: [f64; TICKER_COUNT],
}

impl Course {
    /// The course over `bars`; the first bars only warm up what is seen.
    pub fn new(bars: &[Bar]) -> Self {
        let step = |(index, next): (usize, &Bar)| {
            let closed = bars.get(..index)?;
            let fill = next.candles.map(|candle| candle.open);
            Some(Step { seen: features::observe(closed)?, fill })
        };
        Self { steps: bars.iter().enumerate().filter_map(step).collect() }
    }

    /// Final wealth as a multiple of the initial wealth; each decision is filled at the open of
    /// the bar after the last one seen.
    pub fn growth(&self, policy: &Policy) -> f64 {
        let mut account = Account::default();
        for step in &self.steps {
            let observation = account.observation(&step.fill, &step.seen);
            account.follow(&policy.act(&observation), &step.fill);
        }
        self.steps.last().map_or(1.0, |last| account.worth(&last.fill) / START_CASH)
    }
}

#[cfg(test)]
mod tests {
    use super::super::candles::Market;
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const PRICES: [f64; TICKER_COUNT] = [100.0, 40.0];

    #[test]
    fn a_round_trip_costs_exactly_two_fees() {
        let mut account = Account::default();
        let bought = account.follow(&[1.0, 0.0], &PRICES);
        assert!((bought[0] - 5.0).abs() < 1e-9);
        account.follow(&[0.0, 0.0], &PRICES);
        assert!((account.worth(&PRICES) - (START_CASH - 2.0 * 500.0 * FEE)).abs() < 1e-9);
        assert!(account.holdings.iter().all(|units| units.abs() < 1e-12));
    }

    #[test]
    fn nobody_borrows_even_when_everything_is_wanted() {
        let mut account = Account::default();
        account.follow(&[1.0, 1.0], &PRICES);
        assert!(account.cash >= -1e-9 && account.holdings.iter().all(|units| *units > 0.0));
    }

    #[test]
    fn a_dip_that_is_too_small_is_not_traded() {
        let mut account = Account::default();
        assert!(account.follow(&[0.05, -1.0], &PRICES).iter().all(|units| units.abs() < 1e-12));
    }

    #[test]
    fn the_last_bar_cannot_help_a_decision() {
        let mut bars: Vec<Bar> = Market::new(5).take(400).collect();
        let policy = Policy::random(&mut ChaCha8Rng::seed_from_u64(2));
        let growth = Course::new(&bars).growth(&policy);
        // All but its open, at which the last decision is filled.
        bars[399].candles[0].close *= 3.0;
        assert_eq!(Course::new(&bars).growth(&policy).to_bits(), growth.to_bits());
        assert!((0.1..10.0).contains(&growth));
    }
}
