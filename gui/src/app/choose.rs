//! What the keys act on: the chosen row of the page, and the next one.

use super::App;
use crate::command::Screen;
use crate::intent::{self, Draft, Intent};
use crate::model::Tone;
use crate::pages::{deployments, trials};
use cappuccino_core::words::{ProcessName, Timestamp, TrialNumber};

/// The place after `at`, or before it; at the ends it stays there.
fn step(at: Option<usize>, count: usize, forwards: bool) -> Option<usize> {
    let last = count.checked_sub(1)?;
    Some(match at {
        None => 0,
        Some(at) if forwards => at.saturating_add(1).min(last),
        Some(at) => at.saturating_sub(1),
    })
}

impl App {
    /// Chooses the next row of the page, or the one before.
    pub(super) fn step_row(&mut self, forwards: bool, now: Timestamp) {
        let (model, pages) = (&self.model, &mut self.kept.pages);
        let Some(status) = &model.status else { return };
        match self.kept.screen {
            Screen::Trials => {
                let rows = trials::rows(model, &pages.trials, now);
                let chosen = trials::chosen(status, &pages.trials);
                let at = rows.iter().position(|trial| Some(trial.number) == chosen);
                let next = step(at, rows.len(), forwards).and_then(|at| rows.get(at));
                pages.trials.selected = next.map(|trial| trial.number.0);
            }
            Screen::Deployments => {
                let rows = &status.deployment.revisions;
                let chosen = deployments::chosen(status, pages.revision).map(|chosen| chosen.id);
                let at = rows.iter().position(|revision| Some(revision.id) == chosen);
                let next = step(at, rows.len(), forwards).and_then(|at| rows.get(at));
                pages.revision = next.map(|revision| revision.id);
            }
            Screen::Processes => {
                let rows = &status.processes;
                let at = rows.iter().position(|one| Some(&one.name) == pages.process.as_ref());
                let next = step(at, rows.len(), forwards).and_then(|at| rows.get(at));
                pages.process = next.map(|process| process.name.clone());
            }
            Screen::Alerts => {
                let chosen = intent::chosen_alert(model, pages.alert.as_deref());
                let key = chosen.map(|alert| alert.key.as_str());
                let at = status.alerts.iter().position(|alert| Some(alert.key.as_str()) == key);
                let next =
                    step(at, status.alerts.len(), forwards).and_then(|at| status.alerts.get(at));
                pages.alert = next.map(|alert| alert.key.clone());
            }
            Screen::Overview | Screen::System | Screen::Pnl | Screen::Settings => {
                let told = "this page has no rows to choose from".to_owned();
                return self.model.notices.tell(Tone::Plain, told, now);
            }
        }
        pages.shows_chosen = true;
    }

    /// The trial that is looked at: on the page of deployments that of the chosen model.
    fn chosen_trial(&self) -> Option<TrialNumber> {
        let (status, pages) = (self.model.status.as_ref()?, &self.kept.pages);
        if self.kept.screen == Screen::Deployments {
            return deployments::chosen(status, pages.revision).map(|revision| revision.trial);
        }
        trials::chosen(status, &pages.trials)
    }

    /// Asks something about the chosen trial.
    pub(super) fn on_trial(&mut self, intent: impl FnOnce(TrialNumber) -> Intent, now: Timestamp) {
        if let Some(trial) = self.chosen_trial() {
            return self.want(intent(trial), now);
        }
        self.nothing_chosen("a trial", Screen::Trials, now);
    }

    /// Holds the chosen trial back, or releases it.
    pub(super) fn hold(&mut self, now: Timestamp) {
        // It asks no question, so it acts only where the trial is seen.
        if !matches!(self.kept.screen, Screen::Trials | Screen::Deployments) {
            return self.nothing_chosen("a trial", Screen::Trials, now);
        }
        let holds = self.model.status.iter().flat_map(|status| &status.deployment.holds);
        let held: Vec<TrialNumber> = holds.map(|hold| hold.number).collect();
        let turned = |trial| {
            if held.contains(&trial) { Intent::Unhold(trial) } else { Intent::Hold(trial) }
        };
        self.on_trial(turned, now);
    }

    /// Opens the question whether to go back to the chosen model.
    pub(super) fn back_to(&mut self, now: Timestamp) {
        let pages = &self.kept.pages;
        let status = self.model.status.as_ref();
        let chosen = status.and_then(|status| deployments::chosen(status, pages.revision));
        let Some(revision) = chosen else {
            return self.nothing_chosen("a model", Screen::Deployments, now);
        };
        match Draft::rollback_to(&self.model, revision.id) {
            Ok(draft) => self.draft = Some(draft),
            Err(why) => self.model.notices.tell(Tone::Bad, why, now),
        }
    }

    /// Asks something about the chosen process.
    pub(super) fn on_process(
        &mut self,
        intent: impl FnOnce(ProcessName) -> Intent,
        now: Timestamp,
    ) {
        if let Some(process) = self.kept.pages.process.clone() {
            return self.want(intent(process), now);
        }
        self.nothing_chosen("a process", Screen::Processes, now);
    }

    /// Asks something about the chosen alert.
    pub(super) fn on_alert(&mut self, intent: impl FnOnce(String) -> Intent, now: Timestamp) {
        let chosen = intent::chosen_alert(&self.model, self.kept.pages.alert.as_deref());
        if let Some(key) = chosen.map(|alert| alert.key.clone()) {
            self.want(intent(key), now);
        }
    }

    /// Ends the silence that is listed first.
    pub(super) fn end_silence(&mut self, now: Timestamp) {
        let first = self.model.status.as_ref().and_then(|status| status.silences.first());
        if let Some(id) = first.map(|silence| silence.id) {
            self.want(Intent::Unsilence(id), now);
        }
    }

    fn nothing_chosen(&mut self, what: &str, screen: Screen, now: Timestamp) {
        let told = format!("choose {what} first, on the page {}", screen.name());
        self.model.notices.tell(Tone::Bad, told, now);
    }
}
