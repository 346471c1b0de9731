//! What a session is bound by: money, fees, minimums, the environment's own rules, and when a
//! decision is filled.

use super::indicators::FEATURES;
use serde::{Deserialize, Serialize};

/// Added to a venue's minimum, because a price may move before an order arrives.
const MINIMUM_MARGIN: f64 = 1.1;
/// Share of the affordable units that a buy takes at most, for the same reason.
pub const BUY_SHARE: f64 = 0.99;
/// Least units per order that the training environment knows.
const MINIMUM_UNITS: [(&str, f64); 9] = [
    ("AAVE/USD", 0.005),
    ("AVAX/USD", 0.03),
    ("BTC/USD", 0.00001),
    ("LINK/USD", 0.1),
    ("ETH/USD", 0.0003),
    ("LTC/USD", 0.01),
    ("MATIC/USD", 0.2),
    ("UNI/USD", 0.15),
    ("SOL/USD", 0.006),
];

/// The rules of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Money at the start.
    pub start_cash: f64,
    /// Fee of every fill, as a share of its worth: 0.0025 is a quarter of a percent.
    pub fee_rate: f64,
    /// Half of the distance between bid and ask, in hundredths of a percent of the price.
    pub half_spread_bps: f64,
    /// What else a fill is worse than the price, in hundredths of a percent.
    pub slippage_bps: f64,
    /// Least units of an order, one per ticker.
    pub minimum_units: Vec<f64>,
    /// The environment's sale of long-held positions, if it is applied.
    pub forced_sale: Option<ForcedSale>,
    /// When a decision is filled.
    pub timing: Timing,
}

/// Sells a share of what was held for so many bars, whatever the model wishes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForcedSale {
    /// Bars without a sale.
    pub after_bars: u32,
    /// Share of the position, 0 to 1.
    pub share: f64,
}

/// Which bar a decision is made on, and at which close it is filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// Decided on the newest closed bar, filled at its close: what can be done at once.
    #[default]
    AtClose,
    /// Decided on the bar before, filled at the newest close: the order takes a whole bar, as in
    /// the training environment.
    NextClose,
    /// Both long past, as the original trader did it: an oracle for regressions, no way to trade.
    Original,
}

/// Tables of least units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minimums {
    /// By the ticker's name; 0 for an unknown one.
    ByTicker,
    /// By its place in the list, whatever its name, as the original does it.
    ByPosition,
}

/// How a model was trained to see and to act; its trial's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// Bars in a state.
    pub lookback: usize,
    /// Cash in a state is multiplied by 2 to this power.
    pub cash_exponent: i32,
    /// Units in a state are multiplied by 2 to this power.
    pub units_exponent: i32,
    /// Features in a state are multiplied by 2 to this power.
    pub features_exponent: i32,
    /// The reward is multiplied by 2 to this power.
    pub reward_exponent: i32,
    /// Units that an action of 1 means for a ticker whose price is between 1 and 10.
    pub action_scale: f64,
    /// Share of the start's cash that no buy may touch.
    pub cash_reserve: f64,
    /// Reward taken off per share of the worth above 60 % in one ticker.
    pub concentration_penalty: f64,
}

impl Rules {
    /// The training environment's rules for these tickers.
    pub fn of(tickers: &[String]) -> Self {
        Self {
            start_cash: 1000.0,
            fee_rate: 0.0025,
            half_spread_bps: 0.0,
            slippage_bps: 0.0,
            minimum_units: Minimums::ByTicker.of(tickers),
            forced_sale: Some(ForcedSale { after_bars: 48, share: 0.05 }),
            timing: Timing::AtClose,
        }
    }

    /// How much worse than the price a fill is, as a share of it.
    pub fn cost_share(&self) -> f64 {
        (self.half_spread_bps + self.slippage_bps) / 10_000.0
    }
}

impl Minimums {
    /// The least units of each ticker's orders, margin included.
    pub fn of(self, tickers: &[String]) -> Vec<f64> {
        let by_name = |ticker: &String| MINIMUM_UNITS.iter().find(|(name, _)| name == ticker);
        let units: Vec<Option<&(&str, f64)>> = match self {
            Self::ByTicker => tickers.iter().map(by_name).collect(),
            Self::ByPosition => (0..tickers.len()).map(|at| MINIMUM_UNITS.get(at)).collect(),
        };
        units
            .into_iter()
            .map(|known| known.map_or(0.0, |(_, units)| units * MINIMUM_MARGIN))
            .collect()
    }
}

impl Timing {
    /// Bars back from the newest one: of the decision, and of the fill. `step` counts from 0.
    ///
    /// The original's clock starts `lookback + 1` bars behind, stands still once, and never
    /// catches up.
    pub const fn lags(self, step: u64, lookback: usize) -> (usize, usize) {
        match (self, step) {
            (Self::AtClose, _) => (0, 0),
            (Self::NextClose, _) => (1, 0),
            (Self::Original, 0) => (lookback + 1, lookback),
            (Self::Original, 1) => (lookback + 1, lookback + 1),
            (Self::Original, _) => (lookback + 2, lookback + 1),
        }
    }

    /// Bars that must be there before the first decision.
    pub const fn depth(self, lookback: usize) -> usize {
        match self {
            Self::AtClose => lookback,
            Self::NextClose => lookback + 1,
            Self::Original => 2 * lookback + 2,
        }
    }
}

impl ModelSettings {
    /// Numbers in a state of so many tickers: cash, a holding each, and the features of
    /// `lookback` bars.
    pub const fn state_len(&self, tickers: usize) -> usize {
        1 + tickers + FEATURES * tickers * self.lookback
    }
}

/// What the original names `action_norm_vector`: one unit of action is worth the same order of
/// magnitude for each ticker. `first_close` is the price in the session's first bar, so that a
/// restart changes no order.
pub fn units_per_action(first_close: f64, action_scale: f64) -> f64 {
    action_scale / 10_f64.powf(first_close.log10().floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployed() -> Vec<String> {
        ["BTC/USD", "ETH/USD", "LTC/USD", "BCH/USD"].map(str::to_owned).to_vec()
    }

    #[test]
    fn minimums_go_by_ticker_and_by_position_only_when_asked() {
        let near = |found: f64, known: f64| assert!((found - known).abs() < 1e-12, "{found}");
        near(Rules::of(&deployed()).minimum_units[0], 0.000_011);
        near(Rules::of(&deployed()).minimum_units[3], 0.0);
        // 0.0055 BTC, some 600 dollars: the minimum of the list's first name.
        near(Minimums::ByPosition.of(&deployed())[0], 0.0055);
    }

    #[test]
    fn an_action_is_worth_the_same_order_of_magnitude_for_every_price() {
        for (price, units) in [(99_000.0, 0.1), (101_000.0, 0.01), (9.99, 1000.0), (0.5, 10_000.0)]
        {
            assert!((units_per_action(price, 1000.0) / units - 1.0).abs() < 1e-12, "{price}");
        }
    }

    #[test]
    fn a_state_has_the_lengths_that_the_trainer_knows() {
        let len = |lookback| settings(lookback).state_len(7);
        assert_eq!([1, 2, 3, 4, 5, 6].map(len), [85, 162, 239, 316, 393, 470]);
    }

    fn settings(lookback: usize) -> ModelSettings {
        ModelSettings { lookback, ..super::super::scene::settings() }
    }
}
