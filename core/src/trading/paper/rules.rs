//! What a session is bound by: money, fees, minimums, the environment's own rules, and when a
//! decision is filled.

use super::exact;
use super::indicators::FEATURES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    #[serde(with = "exact")]
    pub start_cash: f64,
    /// Fee of every fill, as a share of its worth: 0.0025 is a quarter of a percent.
    #[serde(with = "exact")]
    pub fee_rate: f64,
    /// Half of the distance between bid and ask, in hundredths of a percent of the price.
    #[serde(with = "exact")]
    pub half_spread_bps: f64,
    /// What else a fill is worse than the price, in hundredths of a percent.
    #[serde(with = "exact")]
    pub slippage_bps: f64,
    /// Least units of an order, one per ticker.
    #[serde(with = "exact::list")]
    pub minimum_units: Vec<f64>,
    /// The environment's sale of long-held positions, if it is applied.
    pub forced_sale: Option<ForcedSale>,
    /// When a decision is filled.
    pub timing: Timing,
    /// In what a fee is paid.
    #[serde(default)]
    pub fees: Fees,
}

/// In what a fee is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fees {
    /// In money, to the last digit, both ways: as the training environment counts them.
    #[default]
    Money,
    /// As Alpaca takes them: of a buy in the units that were bought, of a sale in money, rounded
    /// up to the cent.
    Alpaca,
}

impl Fees {
    /// The fee of a sale for so much money.
    pub fn of_sale(self, money: f64, rate: f64) -> f64 {
        match self {
            Self::Money => money * rate,
            // A fee that is whole cents but for its last binary digit is not a cent more.
            Self::Alpaca => ((money * rate * 100.0 - 1e-9).ceil() / 100.0).clamp(0.0, money),
        }
    }

    /// What a buy of so many units costs beside their price: in money, and in units.
    pub fn of_buy(self, units: f64, money: f64, rate: f64) -> (f64, f64) {
        match self {
            Self::Money => (money * rate, 0.0),
            Self::Alpaca => (0.0, units * rate),
        }
    }
}

/// Sells a share of what was held for so many bars, whatever the model wishes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForcedSale {
    /// Bars without a sale.
    pub after_bars: u32,
    /// Share of the position, 0 to 1.
    #[serde(with = "exact")]
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
#[derive(Clone, Copy, Debug, PartialEq)]
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
            fees: Fees::Money,
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

/// Why a trial's parameters are no settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsFault {
    /// One that cannot be guessed.
    #[error("the trial has no parameter `{0}`; was it made by the trainer that this trader knows?")]
    Missing(&'static str),
    /// One outside what makes sense.
    #[error("the trial's parameter `{name}` is {found}, which makes no sense for it")]
    Wrong {
        /// Its name.
        name: &'static str,
        /// Its value.
        found: String,
    },
}

impl ModelSettings {
    /// The settings in a trial's parameters, with the trainer's defaults for what is not there.
    ///
    /// # Errors
    /// [`SettingsFault`]: one is missing that has no default, or makes no sense.
    pub fn of(params: &BTreeMap<String, f64>) -> Result<Self, SettingsFault> {
        let either = |names: [&'static str; 2], otherwise: f64| {
            let [name, _] = names;
            let found = names.iter().find_map(|name| params.get(*name)).copied();
            whole(name, found.unwrap_or(otherwise), -64..=64)
        };
        let needed = |name| params.get(name).copied().ok_or(SettingsFault::Missing(name));
        let share = |name, otherwise| {
            let found = params.get(name).copied().unwrap_or(otherwise);
            let fits = (0.0..=1.0).contains(&found);
            if fits { Ok(found) } else { Err(wrong(name, found)) }
        };
        let lookback = whole("lookback", needed("lookback")?, 1..=1000)?;
        let action_scale = needed("norm_action")?;
        if !(action_scale.is_finite() && action_scale > 0.0) {
            return Err(wrong("norm_action", action_scale));
        }
        Ok(Self {
            lookback: usize::try_from(lookback).unwrap_or(1),
            cash_exponent: either(["norm_cash_exp", "norm_cash"], -11.0)?,
            units_exponent: either(["norm_stocks_exp", "norm_stocks"], -8.0)?,
            features_exponent: either(["norm_tech_exp", "norm_tech"], -14.0)?,
            reward_exponent: either(["norm_reward_exp", "norm_reward"], -9.0)?,
            action_scale,
            cash_reserve: share("min_cash_reserve", 0.1)?,
            concentration_penalty: share("concentration_penalty", 0.05)?,
        })
    }

    /// Numbers in a state of so many tickers: cash, a holding each, and the features of
    /// `lookback` bars.
    pub const fn state_len(&self, tickers: usize) -> usize {
        1 + tickers + FEATURES * tickers * self.lookback
    }
}

fn wrong(name: &'static str, found: f64) -> SettingsFault {
    SettingsFault::Wrong { name, found: found.to_string() }
}

fn whole(
    name: &'static str,
    found: f64,
    range: std::ops::RangeInclusive<i32>,
) -> Result<i32, SettingsFault> {
    // Without a fraction, a number's text is a whole number's text.
    let number = found.to_string().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| wrong(name, found))
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
        let given = [("lookback", lookback), ("norm_action", 1000)];
        let given = given
            .map(|(name, number)| (name.to_owned(), f64::from(u32::try_from(number).unwrap())));
        ModelSettings::of(&given.into()).unwrap()
    }

    #[test]
    fn settings_come_from_the_trial_s_parameters_by_either_name() {
        let read = |given: &[(&str, f64)]| {
            let given = given.iter().map(|(name, number)| ((*name).to_owned(), *number));
            ModelSettings::of(&given.collect())
        };
        let found = read(&[("lookback", 3.0), ("norm_action", 5e3), ("norm_cash", -12.0)]).unwrap();
        assert_eq!((found.lookback, found.cash_exponent, found.units_exponent), (3, -12, -8));
        assert!((found.cash_reserve - 0.1).abs() < 1e-12);
        let both =
            [("lookback", 3.0), ("norm_action", 5e3), ("norm_cash_exp", -9.0), ("norm_cash", 1.0)];
        assert_eq!(read(&both).unwrap().cash_exponent, -9);
        assert_eq!(read(&[("norm_action", 1.0)]), Err(SettingsFault::Missing("lookback")));
        let wrong = read(&[("lookback", 2.5), ("norm_action", 1.0)]);
        assert_eq!(wrong, Err(SettingsFault::Wrong { name: "lookback", found: "2.5".into() }));
    }
}
