//! Made-up hourly candles. Their tickers say that they are synthetic.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Number of tickers.
pub const TICKER_COUNT: usize = 2;
/// Names of the tickers, in the order used everywhere.
pub const TICKERS: [&str; TICKER_COUNT] = ["SYNTHA/USD", "SYNTHB/USD"];
/// Bars that policies are trained on; the trader trades those that follow.
pub const TRAINING_BARS: usize = 800;
/// When the first bar opens: 2025-01-01T00:00:00Z, in seconds since 1970.
const FIRST_OPEN_S: i64 = 1_735_689_600;
/// Length of a bar in seconds.
const BAR_S: i64 = 3600;
/// Steps within a bar, from which high and low come.
const STEPS: u32 = 6;

/// One closed bar of one ticker. The market never sleeps: each bar opens where the last closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// Price at the start, in dollars.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Price at the end.
    pub close: f64,
    /// Units traded.
    pub volume: f64,
}

/// The bars of all tickers over the same hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// When it opened, in seconds since 1970, UTC.
    pub opened_s: i64,
    /// One per ticker.
    pub candles: [Candle; TICKER_COUNT],
}

/// An endless market; the same seed always gives the same one.
pub struct Market {
    chance: ChaCha8Rng,
    opened_s: i64,
    tickers: [Ticker; TICKER_COUNT],
}

/// A price that drifts up or down for a few days before it thinks again.
#[derive(Clone, Copy)]
struct Ticker {
    price: f64,
    drift: f64,
    volatility: f64,
}

impl Market {
    /// The market of this seed, from its first bar.
    pub fn new(seed: u64) -> Self {
        Self {
            chance: ChaCha8Rng::seed_from_u64(seed),
            opened_s: FIRST_OPEN_S,
            tickers: [
                Ticker { price: 100.0, drift: 0.0, volatility: 0.006 },
                Ticker { price: 40.0, drift: 0.0, volatility: 0.009 },
            ],
        }
    }
}

impl Iterator for Market {
    type Item = Bar;

    fn next(&mut self) -> Option<Bar> {
        let chance = &mut self.chance;
        let candles = self.tickers.each_mut().map(|ticker| ticker.trade(chance));
        let bar = Bar { opened_s: self.opened_s, candles };
        self.opened_s += BAR_S;
        Some(bar)
    }
}

impl Ticker {
    /// Lets an hour pass.
    fn trade(&mut self, chance: &mut ChaCha8Rng) -> Candle {
        if chance.random_range(0..72) == 0 {
            self.drift = chance.random_range(-0.004..0.004);
        }
        let open = self.price;
        let (mut high, mut low) = (open, open);
        for _step in 0..STEPS {
            let step = self.drift / f64::from(STEPS)
                + self.volatility / f64::from(STEPS).sqrt() * bell(chance);
            self.price *= step.exp();
            high = high.max(self.price);
            low = low.min(self.price);
        }
        let haste = (self.price / open).ln().abs() / self.volatility;
        let volume = 500.0 * (1.0 + haste) * chance.random_range(0.7..1.3);
        Candle { open, high, low, close: self.price, volume }
    }
}

/// A number from (nearly) the standard normal distribution.
pub fn bell(chance: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_draw| chance.random_range(-0.5..0.5)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_market_and_its_bars_are_possible() {
        let bars: Vec<Bar> = Market::new(7).take(2000).collect();
        assert_eq!(bars, Market::new(7).take(2000).collect::<Vec<_>>());
        assert_ne!(bars[..5], Market::new(8).take(5).collect::<Vec<_>>()[..]);
        for (before, after) in bars.iter().zip(&bars[1..]) {
            assert_eq!(after.opened_s - before.opened_s, 3600);
            for (before, after) in before.candles.iter().zip(&after.candles) {
                assert_eq!(before.close.to_bits(), after.open.to_bits());
                assert!(after.low <= after.open.min(after.close) && after.low > 0.0);
                assert!(after.high >= after.open.max(after.close) && after.volume > 0.0);
            }
        }
    }
}
