//! What the observers know, as clients list it.

use super::session::watcher::Sessions;
use super::study::catalog::Catalog;
use super::study::chart::chart;
use super::study::detail::read_trial;
use super::watcher::trial_view;
use crate::clock::Clock;
use crate::serve::port::{Order, Trading, Trials};
use cappuccino_core::api::{ParamView, PnlView, TradeView, TrialChart, TrialView};
use cappuccino_core::words::{RevisionId, TrialNumber};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Listings of trials for clients: what was read so far, and the study's database.
pub struct CatalogTrials(pub Arc<RwLock<Catalog>>, pub PathBuf);

impl CatalogTrials {
    fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trials for CatalogTrials {
    fn list(&self, order: Order, limit: usize) -> Vec<TrialView> {
        let catalog = self.catalog();
        let summaries = match order {
            Order::Newest => catalog.newest(limit),
            Order::Best => catalog.best_first(limit),
        };
        summaries.iter().map(trial_view).collect()
    }

    fn find(&self, number: TrialNumber) -> Option<TrialView> {
        self.catalog().find(number).as_ref().map(trial_view)
    }

    fn chart(&self, dots: usize) -> TrialChart {
        chart(&self.catalog(), dots)
    }

    fn params(&self, number: TrialNumber) -> Result<Option<Vec<ParamView>>, String> {
        let Some(summary) = self.catalog().find(number) else { return Ok(None) };
        let detail = read_trial(&self.1, summary.trial_id);
        let detail = detail.map_err(|error| error.to_string())?;
        Ok(Some(detail.params.iter().map(ParamView::from).collect()))
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
