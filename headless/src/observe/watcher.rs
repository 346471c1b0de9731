//! The study's observer as the runner sees it: reports for the machines, a view for clients.

use super::study::catalog::Catalog;
use super::study::thread::StudyHandle;
use cappuccino_core::api::{CommandBody, CountsView, StudyView, TrialView, ViewValue};
use cappuccino_core::machines::deployment::Deployment;
use cappuccino_core::machines::study::Study;
use cappuccino_core::words::study::Summary;
use cappuccino_core::words::{
    Candidate, Command, Moment, Pattern, Span, StudyIdentity, StudyReport, TrialId, TrialNumber,
    Value,
};
use cappuccino_core::world::World;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Arrivals remembered for the pace of the study.
const ARRIVALS_MAX: usize = 100_000;

/// What the observer's thread and the loop share.
#[derive(Clone, Default)]
pub struct Shared {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    identity: Option<StudyIdentity>,
    arrivals: std::collections::VecDeque<Moment>,
    last_arrival: Option<Moment>,
    excluded: Vec<TrialId>,
}

/// The eyes on the study.
pub struct StudyWatcher {
    database: String,
    handle: StudyHandle,
    shared: Shared,
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When a trial last finished, by its arrival here; the first look before the first.
    pub fn last_arrival(&self) -> Option<Moment> {
        self.with(|inner| inner.last_arrival)
    }

    /// Turns what the observer saw into a report for the machines.
    pub fn report(
        &self,
        identity: StudyIdentity,
        arrived: usize,
        first_load: bool,
        now: Moment,
        catalog: &RwLock<Catalog>,
    ) -> StudyReport {
        self.with(|inner| {
            inner.identity = Some(identity.clone());
            if first_load || arrived > 0 {
                inner.last_arrival = Some(now);
            }
            if !first_load {
                inner.arrivals.extend(std::iter::repeat_n(now, arrived));
            }
            let surplus = inner.arrivals.len().saturating_sub(ARRIVALS_MAX);
            inner.arrivals.drain(..surplus);
            let catalog = catalog.read().unwrap_or_else(PoisonError::into_inner);
            StudyReport::Seen { best: best(&catalog, &identity, &inner.excluded), identity }
        })
    }
}

impl StudyWatcher {
    /// A watcher over a running observer.
    pub const fn new(database: String, handle: StudyHandle, shared: Shared) -> Self {
        Self { database, handle, shared }
    }

    /// Leaves out trials that the deployment must not be offered. Returns a new report when the
    /// best trial is another one now.
    pub fn exclude(&self, deployment: &Deployment) -> Option<StudyReport> {
        self.shared.with(|inner| {
            let identity = inner.identity.clone()?;
            let excluded = deployment.excluded(&identity);
            if excluded == inner.excluded {
                return None;
            }
            inner.excluded = excluded;
            let catalog = self.handle.catalog();
            let catalog = catalog.read().unwrap_or_else(PoisonError::into_inner);
            Some(StudyReport::Seen { best: best(&catalog, &identity, &inner.excluded), identity })
        })
    }

    /// A client's command with its trials looked up.
    ///
    /// # Errors
    /// A sentence: there is no such trial, or it cannot be deployed.
    pub fn command(&self, body: &CommandBody) -> Result<Command, String> {
        Ok(match body.clone() {
            CommandBody::Deploy { trial, reason } => {
                Command::Deploy { candidate: self.candidate(trial)?, reason }
            }
            CommandBody::Rollback { to, hold, reason } => Command::Rollback { to, hold, reason },
            CommandBody::Hold { trial, reason } => {
                Command::Hold { trial_id: self.find(trial)?.trial_id, number: trial, reason }
            }
            CommandBody::Unhold { trial } => {
                Command::Unhold { trial_id: self.find(trial)?.trial_id, number: trial }
            }
            CommandBody::Approve => Command::Approve,
            CommandBody::Reject { reason } => Command::Reject { reason },
            CommandBody::Pause { pin, reason } => Command::Pause { pin, reason },
            CommandBody::Resume => Command::Resume,
            CommandBody::Restart { process } => Command::Restart { process },
            CommandBody::Reset { process } => Command::Reset { process },
            CommandBody::Acknowledge { alert, reason } => Command::Acknowledge { alert, reason },
            CommandBody::Unacknowledge { alert } => Command::Unacknowledge { alert },
            CommandBody::Silence { pattern, seconds, reason } => {
                let lasts = Span::seconds(i64::from(seconds));
                Command::Silence { pattern: Pattern(pattern), lasts, reason }
            }
            CommandBody::Unsilence { silence } => Command::Unsilence { silence },
            CommandBody::Backup | CommandBody::RestartRunner | CommandBody::Shutdown { .. } => {
                return Err(
                    "a backup, restart or shutdown of the runner needs no decision, so nothing \
                     can be foreseen of it; ask for it with POST /v1/commands"
                        .into(),
                );
            }
        })
    }

    fn find(&self, number: TrialNumber) -> Result<Summary, String> {
        let catalog = self.handle.catalog();
        let catalog = catalog.read().unwrap_or_else(PoisonError::into_inner);
        catalog.find(number).ok_or_else(|| {
            format!("the study has no trial {number}; `cappuccino trials` lists them")
        })
    }

    fn candidate(&self, number: TrialNumber) -> Result<Candidate, String> {
        let summary = self.find(number)?;
        let identity = self.shared.with(|inner| inner.identity.clone());
        let identity = identity.ok_or("no study is being read; see `cappuccino check`")?;
        let catalog = self.handle.catalog();
        let catalog = catalog.read().unwrap_or_else(PoisonError::into_inner);
        candidate(&catalog, &identity, &summary).ok_or_else(|| {
            format!(
                "trial {number} is {} without a finite value, so there is no model to deploy",
                summary.state
            )
        })
    }

    /// The study as clients see it.
    pub fn view(&self, world: &World, now: Moment) -> StudyView {
        let state = match &world.study {
            Study::Unseen => "unseen",
            Study::Following { .. } => "following",
            Study::Lost { .. } => "lost",
        };
        let catalog = self.handle.catalog();
        let catalog = catalog.read().unwrap_or_else(PoisonError::into_inner);
        let counts = catalog.counts();
        self.shared.with(|inner| {
            while inner.arrivals.front().is_some_and(|at| now.since(*at) > Span::hours(1)) {
                inner.arrivals.pop_front();
            }
            StudyView {
                state: state.to_owned(),
                name: inner.identity.as_ref().map(|identity| identity.name.clone()),
                database: self.database.clone(),
                direction: catalog.direction(),
                counts: CountsView {
                    running: counts.running,
                    complete: counts.complete,
                    pruned: counts.pruned,
                    failed: counts.failed,
                    waiting: counts.waiting,
                },
                best: catalog.best().map(|summary| trial_view(&summary)),
                best_deployable: catalog
                    .best_deployable_excluding(&inner.excluded)
                    .map(|summary| trial_view(&summary)),
                finished_last_hour: u32::try_from(inner.arrivals.len()).unwrap_or(u32::MAX),
                last_finished: inner.last_arrival.map(|last| last.wall),
                zombies: Vec::new(),
            }
        })
    }

    /// What the observer's thread shares.
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// The catalog, for listings.
    pub fn catalog(&self) -> Arc<RwLock<Catalog>> {
        self.handle.catalog()
    }
}

fn best(catalog: &Catalog, identity: &StudyIdentity, excluded: &[TrialId]) -> Option<Candidate> {
    let summary = catalog.best_deployable_excluding(excluded)?;
    candidate(catalog, identity, &summary)
}

fn candidate(catalog: &Catalog, study: &StudyIdentity, summary: &Summary) -> Option<Candidate> {
    Some(Candidate {
        study: study.clone(),
        trial_id: summary.trial_id,
        number: summary.number,
        value: summary.value.and_then(Value::finite)?,
        direction: catalog.direction()?,
    })
}

/// A trial as clients see it.
pub fn trial_view(summary: &Summary) -> TrialView {
    TrialView {
        number: summary.number,
        trial_id: summary.trial_id,
        state: summary.state,
        value: summary.value.map(|value| match value.finite() {
            Some(finite) => ViewValue::Finite(finite),
            None => ViewValue::Infinite(value.to_string()),
        }),
        feasible: summary.feasible,
        started: summary.started,
        completed: summary.completed,
        abandoned: false,
    }
}
