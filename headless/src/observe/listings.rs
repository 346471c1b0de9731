//! What the observers know, as clients list it.

use super::session::watcher::Sessions;
use super::study::catalog::Catalog;
use super::study::chart::chart;
use super::watcher::trial_view;
use super::zombies::Zombies;
use crate::clock::Clock;
use crate::serve::port::{Order, Trading, Trials};
use cappuccino_core::api::{PnlView, TradeView, TrialChart, TrialView};
use cappuccino_core::words::study::Summary;
use cappuccino_core::words::{RevisionId, TrialNumber};
use std::sync::{Arc, PoisonError, RwLock};

/// Listings of trials for clients.
pub struct CatalogTrials(pub Arc<RwLock<Catalog>>, pub Zombies);

impl CatalogTrials {
    fn view(&self, summary: &Summary) -> TrialView {
        let abandoned = self.1.numbers().contains(&summary.number);
        TrialView { abandoned, ..trial_view(summary) }
    }
}

impl Trials for CatalogTrials {
    fn list(&self, order: Order, limit: usize) -> Vec<TrialView> {
        let catalog = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let summaries = match order {
            Order::Newest => catalog.newest(limit),
            Order::Best => catalog.best_first(limit),
        };
        summaries.iter().map(|summary| self.view(summary)).collect()
    }

    fn find(&self, number: TrialNumber) -> Option<TrialView> {
        let catalog = self.0.read().unwrap_or_else(PoisonError::into_inner);
        catalog.find(number).as_ref().map(|summary| self.view(summary))
    }

    fn chart(&self, dots: usize) -> TrialChart {
        chart(&self.0.read().unwrap_or_else(PoisonError::into_inner), dots)
    }
}

/// What the trader's sessions told, for clients.
pub struct KnownTrading(pub Sessions, pub Clock);

impl Trading for KnownTrading {
    fn trades(&self, revision: Option<RevisionId>, limit: usize) -> Vec<TradeView> {
        self.0.trades(revision, limit)
    }

    fn pnl(&self) -> Vec<PnlView> {
        self.0.all(self.1.now().wall)
    }
}
