//! What looks at the machine, the study's file and the trading say.

use super::{Addressed, Draft};
use crate::machines::alert::{self, Key};
use crate::machines::process::Process;
use crate::rules::vitals::{self, Finding};
use crate::rules::{guard, rivals as rules, watch};
use crate::words::{
    ChannelHealth, Note, Rival, Role, Severity, TradesDigest, TradesTold, Trading, Vitals,
};
use std::collections::BTreeMap;

impl Draft<'_> {
    /// Raises and clears what a look at the machine says.
    pub(super) fn judge(&mut self, vitals: &Vitals) {
        let is_training = self.policy.processes.iter().any(|(name, policy)| {
            let process = self.world.processes.get(name);
            policy.role == Role::Worker && process.is_some_and(Process::is_running)
        });
        let raised = |key: &str| self.raised(key);
        let mut found = vitals::findings(&self.policy.vitals, vitals, is_training, raised);
        let keys = self.world.alerts.keys().map(|key| key.0.as_str());
        found.extend(vitals::of_cards_gone(vitals, keys));
        found.extend(watch::of_growth(&self.policy.limits, vitals));
        self.found(found);
    }

    /// Raises and clears what a look at every page of the study's database says.
    pub(super) fn judge_study(&mut self, outcome: &Result<(), String>) {
        self.found([watch::of_integrity(outcome)]);
    }

    /// Raises and clears what the channels to the user say of themselves.
    pub(super) fn judge_channels(&mut self, channels: &BTreeMap<String, ChannelHealth>) {
        let keys = self.world.alerts.keys().map(|key| key.0.as_str());
        let found = watch::of_channels(channels, keys);
        self.found(found);
    }

    /// Tells the deployment when the trading of the live model breaks a rule, and the user what it
    /// does.
    pub(super) fn judge_trading(&mut self, trading: &Trading) {
        if let Some(why) = guard::verdict(&self.policy.deployment.guard, trading) {
            let event = super::deployment::Event::GuardTripped(trading.revision, why);
            self.queue.push_back(Addressed::Deployment(event));
        }
        self.judge_rivals(trading);
        let trader = self.policy.trader.as_ref().and_then(|name| self.world.processes.get(name));
        let trader = trader.filter(|trader| trader.runs == Some(trading.revision));
        let is_trading = trader.is_some_and(Process::is_running);
        let raised = |key: &str| self.raised(key);
        let found = match trader {
            Some(_) => watch::of_trading(&self.policy.limits, trading, is_trading, raised),
            None => watch::of_no_trading(),
        };
        self.found(found);
        self.tell_trades(trading);
    }

    /// Tells the deployment which models beside the live one trade worse than it, and of those that
    /// trade better and may replace it the best; the user, too.
    fn judge_rivals(&mut self, trading: &Trading) {
        let live = trading.revision;
        let deployment = &self.world.deployment;
        // Whose session it is may have lost its place since.
        let is_live = deployment.slot.phase.live() == Some(live);
        let rivals = if is_live { &trading.rivals[..] } else { &[] };
        let is_worse =
            |rival: &&Rival| rules::standing(rival) == rules::Standing::Worse && !rival.is_previous;
        for rival in rivals.iter().filter(is_worse) {
            let why = rules::figures(live, rival);
            let event = super::deployment::Event::RivalWorse(rival.revision, why);
            self.queue.push_back(Addressed::Deployment(event));
        }
        let better = rivals.iter().filter_map(|rival| {
            let known = deployment.revisions.get(&rival.revision)?;
            let is_better = rules::standing(rival) == rules::Standing::Better;
            let may = is_better && deployment.may_replace(&known.candidate).is_ok();
            may.then_some((rival, known.candidate.number))
        });
        let gain = |rival: &Rival| rival.mean_difference;
        let best = better.max_by(|(one, _), (other, _)| gain(one).total_cmp(&gain(other)));
        if let Some((rival, _)) = best {
            let why = rules::figures(live, rival);
            let event = super::deployment::Event::RivalBetter(rival.revision, live, why);
            self.queue.push_back(Addressed::Deployment(event));
        }
        self.found([rules::finding(self.policy.deployment.lanes.promote, best)]);
    }

    /// Trades are told together: of each stretch how many, and what came of them.
    fn tell_trades(&mut self, trading: &Trading) {
        let Trading { revision, trades, growth, .. } = *trading;
        let present = TradesTold { revision, trades, growth, at: self.now };
        let goes_on = |told: &TradesTold| told.revision == revision && told.trades <= trades;
        let Some(told) = self.world.trades_told.filter(goes_on) else {
            self.world.trades_told = Some(present);
            return;
        };
        if trades > told.trades && self.now.since(told.at) >= self.policy.limits.trades_every {
            self.notes.push(Note::Traded(TradesDigest {
                revision,
                trades: trades.saturating_sub(told.trades),
                growth: (1.0 + growth) / (1.0 + told.growth) - 1.0,
                from: told.at.wall,
                to: self.now.wall,
            }));
            self.world.trades_told = Some(present);
        }
    }

    /// How urgent an alert is that is raised now.
    fn raised(&self, key: &str) -> Option<Severity> {
        let alert = self.world.alerts.get(&Key(key.to_owned()))?;
        alert.trouble().map(|trouble| trouble.severity)
    }

    fn found(&mut self, found: impl IntoIterator<Item = Finding>) {
        for Finding { key, trouble } in found {
            let event = trouble.map_or(alert::Event::Clear, alert::Event::Raise);
            self.queue.push_back(Addressed::Alert(Key(key), event));
        }
    }
}
