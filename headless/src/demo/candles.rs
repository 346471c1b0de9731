//! Made-up hourly candles. Their tickers say that they are synthetic.

use cappuccino_core::trading::paper::candle::{Bar, Candle, HEADER, Line, Timeframe};
use cappuccino_core::trading::paper::indicators::WARM_UP_BARS;
use cappuccino_core::words::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write as _;

/// Number of tickers.
pub const TICKER_COUNT: usize = 2;
/// Names of the tickers, in the order used everywhere.
pub const TICKERS: [&str; TICKER_COUNT] = ["SYNTHA/USD", "SYNTHB/USD"];
/// Bars that policies are trained on.
pub const TRAINING_BARS: usize = 1000;
/// The last of those, on which the gate tries them: thirty days.
const GATE_BARS: usize = 720;
/// Bars after those that the trader trades; at one a second, half a day.
const TRADING_BARS: usize = 40_000;
/// Bars that the trader sees before it trades.
const HISTORY_BARS: usize = 120;
/// When the first bar opens: 2025-01-01T00:00:00Z.
const FIRST_OPEN: Timestamp = Timestamp(1_735_689_600_000);
/// Steps within a bar, from which high and low come.
const STEPS: u32 = 6;

/// An endless market; the same seed always gives the same one.
pub struct Market {
    chance: ChaCha8Rng,
    opens: Timestamp,
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
            opens: FIRST_OPEN,
            tickers: [
                Ticker { price: 100.0, drift: 0.0, volatility: 0.003 },
                Ticker { price: 40.0, drift: 0.0, volatility: 0.0045 },
            ],
        }
    }
}

impl Iterator for Market {
    type Item = Bar;

    fn next(&mut self) -> Option<Bar> {
        let chance = &mut self.chance;
        let candles: Vec<Candle> =
            self.tickers.iter_mut().map(|ticker| ticker.trade(chance)).collect();
        let bar = Bar { at: self.opens, stale: vec![false; candles.len()], candles };
        self.opens = self.opens.plus(Timeframe::Hour.span());
        Some(bar)
    }
}

impl Ticker {
    /// Lets an hour pass.
    fn trade(&mut self, chance: &mut ChaCha8Rng) -> Candle {
        if chance.random_range(0..72) == 0 {
            self.drift = chance.random_range(-0.002..0.002);
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

/// The names of the tickers.
pub fn tickers() -> Vec<String> {
    TICKERS.map(str::to_owned).to_vec()
}

/// The bars that the gate tries models on, with those that its indicators need.
pub fn gate_bars(seed: u64) -> Vec<Bar> {
    let from = TRAINING_BARS - GATE_BARS - WARM_UP_BARS;
    Market::new(seed).skip(from).take(GATE_BARS + WARM_UP_BARS).collect()
}

/// The bars that the trader replays, those included that it only sees.
pub fn trading_bars(seed: u64) -> Vec<Bar> {
    let from = TRAINING_BARS - HISTORY_BARS;
    Market::new(seed).skip(from).take(HISTORY_BARS + TRADING_BARS).collect()
}

/// Bars as a candle file.
pub fn file_of(bars: &[Bar]) -> String {
    let mut text = HEADER.to_owned();
    for bar in bars {
        for (candle, ticker) in bar.candles.iter().zip(TICKERS) {
            let line = Line { at: bar.at, ticker, candle: *candle, stale: false };
            // Writing to a string cannot fail.
            let _written = writeln!(text, "{line}").is_ok();
        }
    }
    text
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
            assert_eq!(after.at.since(before.at).0, 3_600_000);
            for (before, after) in before.candles.iter().zip(&after.candles) {
                assert_eq!(before.close.to_bits(), after.open.to_bits());
                assert!(after.low <= after.open.min(after.close) && after.low > 0.0);
                assert!(after.high >= after.open.max(after.close) && after.volume > 0.0);
            }
        }
    }
}
