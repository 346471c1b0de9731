//! What a policy would have earned on bars that are all known, with the rules and the code of the
//! paper trader.

use super::candle::Bar;
use super::indicators::IndicatorFault;
use super::lane::Lane;
use super::market::{Market, Seen};
use super::policy::Policy;
use super::rules::{ModelSettings, Rules};
use crate::model::network::ForwardFault;
use crate::trading::equity::Equity;
use crate::trading::metrics::{Yearly, yearly};
use crate::words::Timestamp;

/// Bars with what is seen of each, computed once for many backtests.
#[derive(Clone, Debug)]
pub struct Course {
    rows: Vec<Seen>,
    tickers: usize,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BacktestFault {
    /// Not even one decision can be made.
    #[error("{bars} bars with indicators are too few, {needed} are needed; give a longer history")]
    TooFewBars {
        /// Bars that have indicators.
        bars: usize,
        /// Bars needed.
        needed: usize,
    },
    /// A candle with numbers that are none.
    #[error(transparent)]
    Indicators(#[from] IndicatorFault),
    /// The network fits the state or the tickers not, or its answer is no number.
    #[error("the network gave no answer at {at}: {fault}")]
    Forward {
        /// The bar.
        at: Timestamp,
        /// Why.
        fault: ForwardFault,
    },
}

/// What a policy earned.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Money at the start.
    pub start: f64,
    /// Worth after each bar, fees paid.
    pub equity: Vec<(Timestamp, f64)>,
    /// Growth over all bars, as a fraction.
    pub growth: f64,
    /// Largest loss from a highest worth, the start counted, 0 to 1.
    pub max_drawdown: f64,
    /// Days of history, UTC.
    pub days: usize,
    /// Figures of a year.
    pub yearly: Yearly,
    /// Fills, the environment's forced sales included.
    pub fills: u64,
    /// Forced sales.
    pub forced: u64,
    /// Worth bought and sold over the mean worth: 2 when everything was bought and sold once.
    pub turnover: f64,
    /// Fees paid.
    pub fees: f64,
}

impl Course {
    /// The course over `bars`, oldest first; the first of them only warm up the indicators.
    ///
    /// # Errors
    /// [`IndicatorFault`] for numbers that are not finite.
    pub fn new(bars: &[Bar]) -> Result<Self, IndicatorFault> {
        let tickers = bars.first().map_or(0, |bar| bar.candles.len());
        let mut market = Market::new(tickers, bars.len());
        for bar in bars {
            market.push(bar)?;
        }
        Ok(Self { rows: market.rows().to_vec(), tickers })
    }

    /// Bars that have indicators.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no such bar.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Lets a policy trade the whole course.
    ///
    /// # Errors
    /// [`BacktestFault`].
    pub fn run(
        &self,
        policy: &Policy,
        settings: &ModelSettings,
        rules: &Rules,
    ) -> Result<Outcome, BacktestFault> {
        let needed = rules.timing.depth(settings.lookback).max(1);
        let Some(first) = self.rows.first().filter(|_| self.rows.len() >= needed) else {
            return Err(BacktestFault::TooFewBars { bars: self.rows.len(), needed });
        };
        let mut lane = Lane::new(policy.clone(), *settings, rules, self.tickers);
        let mut worths = Vec::with_capacity(self.rows.len());
        for end in needed..=self.rows.len() {
            let rows = self.rows.get(..end).unwrap_or_default();
            let at = rows.last().map_or(first.at, |row| row.at);
            let step = lane.step(rows, &first.closes, rules);
            worths.push((at, step.map_err(|fault| BacktestFault::Forward { at, fault })?.worth));
        }
        Ok(outcome(rules.start_cash, worths, &lane))
    }
}

fn outcome(start: f64, worths: Vec<(Timestamp, f64)>, lane: &Lane) -> Outcome {
    let mut equity = Equity::default();
    if let Some((at, _)) = worths.first() {
        equity.mark(*at, start);
    }
    for (at, worth) in &worths {
        equity.mark(*at, *worth);
    }
    let sums = &lane.account().sums;
    let count = f64::from(u32::try_from(worths.len()).unwrap_or(u32::MAX));
    let mean = worths.iter().map(|(_, worth)| worth).sum::<f64>() / count;
    Outcome {
        start,
        growth: equity.growth() - 1.0,
        max_drawdown: equity.max_drawdown(),
        days: equity.closes().len(),
        yearly: yearly(&equity),
        fills: sums.fills,
        forced: sums.forced,
        turnover: (sums.bought + sums.sold) / mean,
        fees: sums.fees,
        equity: worths,
    }
}
