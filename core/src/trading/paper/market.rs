//! What can be seen of the market: closing prices and features of the newest bars.

use super::candle::Bar;
use super::indicators::{FEATURES, IndicatorFault, Indicators};
use crate::words::Timestamp;

/// Rows kept beyond those that are needed before the oldest are dropped at once.
const SLACK: usize = 256;

/// One bar as policies see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// When the bar began.
    pub at: Timestamp,
    /// Closing prices, one per ticker.
    pub closes: Vec<f64>,
    /// Which of them are carried on from before.
    pub stale: Vec<bool>,
    /// [`FEATURES`] numbers per ticker, ticker by ticker.
    pub features: Vec<f32>,
}

/// The newest bars, oldest first.
#[derive(Clone, Debug)]
pub struct Market {
    indicators: Vec<Indicators>,
    rows: Vec<Seen>,
    keep: usize,
    first_closes: Option<Vec<f64>>,
}

impl Market {
    /// A market of so many tickers that remembers `keep` bars.
    pub fn new(tickers: usize, keep: usize) -> Self {
        let indicators = vec![Indicators::default(); tickers];
        Self { indicators, rows: Vec::new(), keep: keep.max(1), first_closes: None }
    }

    /// Remembers at least so many bars from now on.
    pub fn keep(&mut self, bars: usize) {
        self.keep = self.keep.max(bars);
    }

    /// Takes the next bar; whether its features are known, that is, there were enough before it.
    ///
    /// # Errors
    /// [`IndicatorFault`] for numbers that are not finite.
    pub fn push(&mut self, bar: &Bar) -> Result<bool, IndicatorFault> {
        let mut features = Vec::with_capacity(self.indicators.len() * FEATURES);
        for (indicators, candle) in self.indicators.iter_mut().zip(&bar.candles) {
            features.extend(indicators.push(candle)?.into_iter().flatten().map(narrow));
        }
        if features.len() < self.indicators.len() * FEATURES {
            return Ok(false);
        }
        let row = Seen { at: bar.at, closes: bar.closes(), stale: bar.stale.clone(), features };
        self.first_closes.get_or_insert_with(|| row.closes.clone());
        self.rows.push(row);
        if self.rows.len() > self.keep.saturating_add(SLACK) {
            self.rows.drain(..self.rows.len() - self.keep);
        }
        Ok(true)
    }

    /// The bars with features, oldest first; at least those that it remembers.
    pub fn rows(&self) -> &[Seen] {
        &self.rows
    }

    /// Closing prices of the first bar with features.
    pub fn first_closes(&self) -> Option<&[f64]> {
        self.first_closes.as_deref()
    }
}

/// The nearest number that a network computes with.
#[expect(
    clippy::cast_possible_truncation,
    clippy::as_conversions,
    reason = "rounding to the nearest f32 is what is meant"
)]
pub const fn narrow(number: f64) -> f32 {
    number as f32
}
