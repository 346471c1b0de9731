//! Who decides: a trained network, or somebody to compare it with.

use super::account::Account;
use super::market::{Seen, narrow};
use super::rules::{ModelSettings, units_per_action};
use crate::model::network::{ForwardFault, PolicyNetwork};
use crate::words::Timestamp;
use std::sync::Arc;

/// Milliseconds of a day, UTC.
const DAY: i64 = 86_400_000;

/// Who decides.
#[derive(Clone, Debug)]
pub enum Policy {
    /// A trained network.
    Network(Arc<PolicyNetwork>),
    /// Buys the same worth of every ticker at the start and keeps it.
    Hold,
    /// Holds the same worth of every ticker, set right in the first bar of each day, UTC.
    EqualWeight,
    /// Acts by chance, the same way again for the same seed and bar.
    Random(u64),
}

/// What a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The bars up to the decision's, oldest first.
    pub rows: &'a [Seen],
    /// Money and positions before the decision.
    pub account: &'a Account,
    /// Decisions before this one.
    pub step: u64,
    /// Prices of the session's first bar.
    pub first_closes: &'a [f64],
    /// How the model was trained.
    pub settings: &'a ModelSettings,
}

/// A decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// What a network answered, −1..1; empty for the others.
    pub raw: Vec<f32>,
    /// Units, one per ticker; to sell: negative.
    pub units: Vec<f64>,
}

impl Policy {
    /// The units wished for after the newest bar of the view.
    ///
    /// # Errors
    /// [`ForwardFault`] when the network gives no answer.
    pub fn decide(&self, view: &View<'_>) -> Result<Wishes, ForwardFault> {
        match self {
            Self::Network(network) => Ok(view.scaled(network.forward(&view.state())?)),
            Self::Random(seed) => Ok(view.scaled(view.chance(*seed))),
            Self::Hold => {
                let buys = view.step == 0;
                Ok(if buys { view.even() } else { view.nothing() })
            }
            Self::EqualWeight => Ok(if view.begins_a_day() { view.even() } else { view.nothing() }),
        }
    }

    /// Whether the environment's sales of long-held positions are its business.
    pub const fn lives_in_the_environment(&self) -> bool {
        match self {
            Self::Network(_) | Self::Random(_) => true,
            Self::Hold | Self::EqualWeight => false,
        }
    }
}

impl View<'_> {
    /// The state that a network sees: cash, holdings, then the features of `lookback` bars, the
    /// newest first, each scaled by a power of two.
    pub fn state(&self) -> Vec<f32> {
        let settings = self.settings;
        let scaled = |number: f64, exponent: i32| narrow(number * 2_f64.powi(exponent));
        let mut state = Vec::with_capacity(settings.state_len(self.account.positions.len()));
        state.push(scaled(self.account.cash, settings.cash_exponent));
        let held = self.account.positions.iter();
        state.extend(held.map(|position| scaled(position.units, settings.units_exponent)));
        let factor = narrow(2_f64.powi(settings.features_exponent));
        for row in self.rows.iter().rev().take(settings.lookback) {
            state.extend(row.features.iter().map(|feature| feature * factor));
        }
        state
    }

    fn scaled(&self, raw: Vec<f32>) -> Wishes {
        let units = raw.iter().zip(self.first_closes).map(|(action, close)| {
            f64::from(*action) * units_per_action(*close, self.settings.action_scale)
        });
        Wishes { units: units.collect(), raw }
    }

    fn nothing(&self) -> Wishes {
        Wishes { raw: Vec::new(), units: vec![0.0; self.account.positions.len()] }
    }

    /// What makes every ticker worth the same.
    fn even(&self) -> Wishes {
        let Some(row) = self.rows.last() else { return self.nothing() };
        let count = f64::from(u32::try_from(row.closes.len()).unwrap_or(u32::MAX));
        let part = self.account.worth(&row.closes) / count;
        let held = self.account.positions.iter().zip(&row.closes);
        let units = held.map(|(position, close)| part / close - position.units).collect();
        Wishes { raw: Vec::new(), units }
    }

    fn begins_a_day(&self) -> bool {
        let day = |at: Timestamp| at.0.div_euclid(DAY);
        let mut newest = self.rows.iter().rev().map(|row| day(row.at));
        self.step == 0 || newest.next() != newest.next()
    }

    fn chance(&self, seed: u64) -> Vec<f32> {
        let at = self.rows.last().map_or(0, |row| row.at.0.unsigned_abs());
        let draw = |ticker: u64| {
            let bits = mix(mix(seed ^ at).wrapping_add(ticker)) >> 40;
            let part = f64::from(u32::try_from(bits).unwrap_or(u32::MAX)) / f64::from(1_u32 << 24);
            narrow(part * 2.0 - 1.0)
        };
        (0..).map(draw).take(self.account.positions.len()).collect()
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit.
pub(super) const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
