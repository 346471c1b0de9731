//! An account in f64: cash, holdings, fees; buys and sells at the close that it is shown.

use super::candles::{Candles, TICKERS};
use super::policy::{Action, Policy};
use serde::{Deserialize, Serialize};

/// Cash at the beginning, in USD.
pub const CASH_AT_START: f64 = 1000.0;
/// Fee on every trade, of its worth.
pub const FEE: f64 = 0.0025;
/// Among how many tickers the cash is shared.
const TICKER_COUNT: f64 = 3.0;
/// Actions weaker than this do nothing: fees would eat them.
const DEAD_ZONE: f32 = 0.25;

/// Cash and holdings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// In USD.
    pub cash: f64,
    /// Units of each ticker.
    pub holdings: [f64; TICKERS.len()],
}

impl Default for Account {
    fn default() -> Self {
        Self { cash: CASH_AT_START, holdings: [0.0; TICKERS.len()] }
    }
}

impl Account {
    /// What it is worth at these prices.
    pub fn worth(&self, prices: &[f64]) -> f64 {
        self.cash
            + self.holdings.iter().zip(prices).map(|(units, price)| units * price).sum::<f64>()
    }

    /// Does what a policy wants at these prices: sells first, then buys from an equal share of
    /// the cash. What was traded, in units.
    pub fn trade(
        &mut self,
        action: &Action,
        prices: &[f64; TICKERS.len()],
    ) -> [f64; TICKERS.len()] {
        let mut traded = [0.0; TICKERS.len()];
        let parts = || action.iter().zip(prices).enumerate();
        for (place, (wanted, price)) in parts().filter(|(_, (wanted, _))| **wanted < -DEAD_ZONE) {
            let Some(units) = self.holdings.get_mut(place) else { continue };
            let sold = *units * f64::from(-*wanted);
            *units -= sold;
            self.cash += sold * price * (1.0 - FEE);
            put(&mut traded, place, -sold);
        }
        let share = self.cash / TICKER_COUNT;
        for (place, (wanted, price)) in parts().filter(|(_, (wanted, _))| **wanted > DEAD_ZONE) {
            let spent = share * f64::from(*wanted);
            let bought = spent / (price * (1.0 + FEE));
            self.cash -= spent;
            put(&mut traded, place, bought);
            if let Some(units) = self.holdings.get_mut(place) {
                *units += bought;
            }
        }
        traded
    }
}

/// The return of a policy over these bars, fees included: 0.1 is ten percent.
pub fn backtest(policy: &Policy, candles: &Candles, bars: std::ops::Range<usize>) -> f64 {
    let mut account = Account::default();
    let mut worth = account.worth(&candles.closes(bars.start));
    for bar in bars {
        let prices = candles.closes(bar);
        account.trade(&policy.act(candles, bar), &prices);
        worth = account.worth(&prices);
    }
    worth / CASH_AT_START - 1.0
}

fn put(traded: &mut [f64], place: usize, units: f64) {
    if let Some(cell) = traded.get_mut(place) {
        *cell = units;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cash_and_holdings_reconcile_with_the_fees() {
        let candles = Candles::new(3);
        let mut account = Account::default();
        let prices = candles.closes(10);
        account.trade(&[1.0, 1.0, 1.0], &prices);
        let fees = CASH_AT_START - CASH_AT_START / (1.0 + FEE);
        assert!((account.worth(&prices) - (CASH_AT_START - fees)).abs() < 1e-9);
        let before = account.worth(&prices);
        account.trade(&[-1.0, -1.0, -1.0], &prices);
        assert!(account.holdings.iter().all(|units| units.abs() < 1e-12));
        assert!((account.cash - before * (1.0 - FEE)).abs() < 1e-9);
    }
}
