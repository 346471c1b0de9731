//! What a policy would have earned on bars that are all known, with the rules and the code of the
//! paper trader.

use super::account::Account;
use super::candle::Bar;
use super::indicators::IndicatorFault;
use super::lane::Lane;
use super::market::{Market, Seen};
use super::policy::{Policy, View};
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

    /// What a model of these settings would see at the newest bars, newest bar last: of each the
    /// state with all money in cash, and the one with the same worth of every ticker.
    pub fn states(&self, settings: &ModelSettings, rules: &Rules, bars: usize) -> Vec<Vec<f32>> {
        let Some(first) = self.rows.first() else { return Vec::new() };
        let oldest = self.rows.len().saturating_sub(bars).saturating_add(1);
        let ends = oldest.max(settings.lookback.max(1))..=self.rows.len();
        let of_bar = |end: usize| {
            let rows = self.rows.get(..end).unwrap_or_default();
            let closes = rows.last().map_or(&[][..], |row| &row.closes);
            let money = [0.0, 1.0].map(|share| invested(rules.start_cash, share, closes));
            money.map(|account| {
                let first_closes = &first.closes;
                View { rows, account: &account, step: 0, first_closes, settings }.state()
            })
        };
        ends.flat_map(of_bar).collect()
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

/// An account with this share of its money in equal worths of every ticker.
fn invested(money: f64, share: f64, closes: &[f64]) -> Account {
    let mut account = Account::new(money * (1.0 - share), closes.len());
    let count = f64::from(u32::try_from(closes.len()).unwrap_or(u32::MAX));
    for (position, close) in account.positions.iter_mut().zip(closes) {
        position.units = money * share / count / close;
    }
    account
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
