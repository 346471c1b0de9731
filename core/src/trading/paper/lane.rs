//! One policy with its money: a decision per bar, and what came of it.

use super::account::{Account, Order, Prices};
use super::market::Seen;
use super::policy::{Policy, View, Wishes};
use super::rules::{ModelSettings, Rules};
use crate::model::network::ForwardFault;
use serde::{Deserialize, Serialize};

/// A policy and its account.
#[derive(Clone, Debug)]
pub struct Lane {
    policy: Policy,
    settings: ModelSettings,
    state: LaneState,
}

/// What survives a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneState {
    /// Money and positions.
    pub account: Account,
    /// Bars acted on.
    pub steps: u64,
}

/// One bar of a lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// What the policy wished for.
    pub wishes: Wishes,
    /// What became of it, one per ticker; empty when the bar was not acted on.
    pub orders: Vec<Order>,
    /// Worth at the newest closes, after the fills.
    pub worth: f64,
}

impl Lane {
    /// A lane at its start.
    pub fn new(policy: Policy, settings: ModelSettings, rules: &Rules, tickers: usize) -> Self {
        let state = LaneState { account: Account::new(rules.start_cash, tickers), steps: 0 };
        Self { policy, settings, state }
    }

    /// Takes the money and positions that a lane of this name had.
    pub(super) fn restore(&mut self, state: LaneState) {
        self.state = state;
    }

    /// Decides after the newest of `rows` and fills what is wished for; nothing happens while
    /// there are too few rows.
    ///
    /// # Errors
    /// [`ForwardFault`] when the network gives no answer: nothing was traded.
    pub fn step(
        &mut self,
        rows: &[Seen],
        first_closes: &[f64],
        rules: &Rules,
    ) -> Result<Step, ForwardFault> {
        let (decided, filled) = rules.timing.lags(self.state.steps, self.settings.lookback);
        let until = |lag: usize| rows.get(..rows.len().checked_sub(lag)?);
        let seen = until(decided).filter(|seen| seen.len() >= self.settings.lookback);
        let quoted = until(filled).and_then(<[Seen]>::last);
        let (Some(seen), Some(quoted)) = (seen, quoted) else { return Ok(self.watch(rows)) };
        let view = View {
            rows: seen,
            account: &self.state.account,
            step: self.state.steps,
            first_closes,
            settings: &self.settings,
        };
        let wishes = self.policy.decide(&view)?;
        let prices = Prices { closes: &quoted.closes, stale: &quoted.stale };
        let orders = if self.policy.lives_in_the_environment() {
            let reserve = self.settings.cash_reserve * rules.start_cash;
            self.state.account.trade(&wishes.units, prices, rules, reserve)
        } else {
            let rules = Rules { forced_sale: None, ..rules.clone() };
            self.state.account.trade(&wishes.units, prices, &rules, 0.0)
        };
        self.state.steps += 1;
        Ok(Step { wishes, orders, worth: self.watch(rows).worth })
    }

    /// Lets a bar pass.
    pub fn watch(&self, rows: &[Seen]) -> Step {
        let closes = rows.last().map_or(&[][..], |row| &row.closes);
        Step { worth: self.state.account.worth(closes), ..Step::default() }
    }

    /// Money and positions.
    pub const fn account(&self) -> &Account {
        &self.state.account
    }

    /// What survives a restart.
    pub const fn state(&self) -> &LaneState {
        &self.state
    }

    /// How the model was trained.
    pub const fn settings(&self) -> &ModelSettings {
        &self.settings
    }
}
