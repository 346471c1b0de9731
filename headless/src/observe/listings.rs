//! What the observers know, as clients list it.

use super::session::watcher::Sessions;
use super::study::catalog::Catalog;
use super::study::chart::chart;
use super::study::detail::read_trial;
use super::watcher::trial_view;
use super::zombies::Zombies;
use crate::clock::Clock;
use crate::serve::port::{Order, Trading, Trials};
use cappuccino_core::api::{LanesView, ParamView, PnlView, TradeView, TrialChart, TrialView};
use cappuccino_core::words::study::Summary;
use cappuccino_core::words::{RevisionId, TrialNumber};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Listings of trials for clients.
pub struct CatalogTrials {
    /// What was read so far.
    pub catalog: Arc<RwLock<Catalog>>,
    /// The study's database.
    pub database: PathBuf,
    /// Trials that nobody works on any more.
    pub zombies: Zombies,
}

impl CatalogTrials {
    fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self, summary: &Summary) -> TrialView {
        let abandoned = self.zombies.numbers().contains(&summary.number);
        TrialView { abandoned, ..trial_view(summary) }
    }
}

impl Trials for CatalogTrials {
    fn list(&self, order: Order, limit: usize) -> Vec<TrialView> {
        let catalog = self.catalog();
        let summaries = match order {
            Order::Newest => catalog.newest(limit),
            Order::Best => catalog.best_first(limit),
        };
        summaries.iter().map(|summary| self.view(summary)).collect()
    }

    fn find(&self, number: TrialNumber) -> Option<TrialView> {
        self.catalog().find(number).as_ref().map(|summary| self.view(summary))
    }

    fn chart(&self, dots: usize) -> TrialChart {
        chart(&self.catalog(), dots)
    }

    fn params(&self, number: TrialNumber) -> Result<Option<Vec<ParamView>>, String> {
        let Some(summary) = self.catalog().find(number) else { return Ok(None) };
        let detail = read_trial(&self.database, summary.trial_id);
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
        self.0.all(self.1.now())
    }

    fn lanes(&self, revision: Option<RevisionId>, buckets: usize) -> Option<LanesView> {
        self.0.lanes(revision, buckets)
    }
}
