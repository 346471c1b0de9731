//! What a policy of the demonstration would have earned: the built-in trader's own backtest.

use super::candles::tickers;
use super::error::DemoError;
use super::policy::Policy;
use cappuccino_core::trading::paper::backtest::{Course, Outcome};
use cappuccino_core::trading::paper::candle::Bar;
use cappuccino_core::trading::paper::policy::Policy as Decider;
use cappuccino_core::trading::paper::rules::{ModelSettings, Rules};
use std::sync::Arc;

/// Bars in a state.
pub const LOOKBACK: i64 = 1;
/// Units that a full wish means for a ticker whose price is between 1 and 10: with prices of tens
/// and hundreds, a full wish is more than the account can buy.
pub const ACTION_SCALE: i64 = 1000;
/// Features are multiplied by 2 to this power: prices of 100 become numbers of about 1.
pub const FEATURES_EXPONENT: i64 = -7;

/// A stretch of the market that policies trade.
pub struct Stretch {
    course: Course,
    settings: ModelSettings,
    rules: Rules,
}

impl Stretch {
    /// A stretch over `bars`; the first of them only warm up the indicators.
    ///
    /// # Errors
    /// [`DemoError::Backtest`], [`DemoError::Settings`].
    pub fn new(bars: &[Bar]) -> Result<Self, DemoError> {
        let params = [
            ("lookback", LOOKBACK),
            ("norm_action", ACTION_SCALE),
            ("norm_tech_exp", FEATURES_EXPONENT),
        ];
        let number = |number: i64| f64::from(i32::try_from(number).unwrap_or(i32::MAX));
        let params = params.map(|(name, value)| (name.to_owned(), number(value))).into();
        Ok(Self {
            course: Course::new(bars).map_err(|error| DemoError::Backtest(error.into()))?,
            settings: ModelSettings::of(&params).map_err(DemoError::Settings)?,
            rules: Rules::of(&tickers()),
        })
    }

    /// What a policy earns here.
    ///
    /// # Errors
    /// [`DemoError::Backtest`] when its network gives no answer, [`DemoError::Weights`] when it is
    /// none.
    pub fn run(&self, policy: &Policy) -> Result<Outcome, DemoError> {
        let decider = Decider::Network(Arc::new(policy.network().map_err(DemoError::Weights)?));
        self.course.run(&decider, &self.settings, &self.rules).map_err(DemoError::Backtest)
    }

    /// By which factor its account grows here.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn growth(&self, policy: &Policy) -> Result<f64, DemoError> {
        self.run(policy).map(|outcome| 1.0 + outcome.growth)
    }
}
