//! Where a reading word reads: from the runner, or from the stored record while none is up.

use super::connect::{soon, try_connect};
use super::failure::{Exit, Failure};
use crate::clock::Clock;
use crate::config;
use crate::keeper::{KeeperError, open_store};
use crate::workspace::Workspace;
use cappuccino_core::api::{Status, StudyView, TrialView, status_of};
use cappuccino_core::client::{Client, ClientError};
use cappuccino_core::store::{Entry, Reader, Store, StoreError};
use cappuccino_core::words::{Policy, Sequence, TrialNumber};

/// Lines read at a time.
pub(super) const PAGE: usize = 500;

/// Where a word reads.
pub(super) enum Source {
    /// The runner answers.
    Runner(Client),
    /// No runner is up; what it left is read.
    Record(Record),
}

/// The record on disk, held open so that no runner changes it meanwhile.
pub(super) struct Record {
    store: Store,
    clock: Clock,
    workspace: Workspace,
}

impl Source {
    /// The runner if one is up, else the record; says so on stderr in that case.
    ///
    /// # Errors
    /// Neither can be read.
    pub(super) async fn open(workspace: &Workspace) -> Result<Self, Failure> {
        if let Some(client) = try_connect(workspace).await? {
            return Ok(Self::Runner(client));
        }
        let record = Record::open(workspace)?;
        eprintln!(
            "note: no runner is up; reading what it left in {}",
            workspace.state_dir().display()
        );
        Ok(Self::Record(record))
    }

    pub(super) const fn is_runner(&self) -> bool {
        matches!(self, Self::Runner(_))
    }

    /// The whole picture; from the record, the last one that was kept.
    pub(super) async fn status(&mut self) -> Result<Status, Failure> {
        match self {
            Self::Runner(client) => soon(client.get_json("/v1/status")).await,
            Self::Record(record) => record.status(),
        }
    }

    /// Some lines from `from` on, oldest first; none at the end.
    pub(super) async fn lines_from(&mut self, from: Sequence) -> Result<Vec<Entry>, Failure> {
        match self {
            Self::Runner(client) => {
                soon(client.get_json(&format!("/v1/history?from={from}&limit={PAGE}"))).await
            }
            Self::Record(record) => Ok(record.reader().entries(from, PAGE)?),
        }
    }

    /// Some lines before `before`, newest first; none at the beginning.
    pub(super) async fn lines_before(
        &mut self,
        before: Sequence,
        limit: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let limit = limit.min(PAGE);
        match self {
            Self::Runner(client) => {
                soon(client.get_json(&format!("/v1/history?before={before}&limit={limit}"))).await
            }
            Self::Record(record) => Ok(record.reader().entries_before(before, limit)?),
        }
    }

    /// One trial of the study; `None` when there is none, or when only the runner would know.
    pub(super) async fn trial(
        &mut self,
        number: TrialNumber,
    ) -> Result<Option<TrialView>, Failure> {
        let Self::Runner(client) = self else { return Ok(None) };
        match client.get_json(&format!("/v1/trials/{number}")).await {
            Ok(trial) => Ok(Some(trial)),
            Err(ClientError::Refused { code: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Record {
    /// Opens the record; no runner can come up until it is dropped.
    ///
    /// # Errors
    /// There is none, a runner holds it, or it cannot be read.
    pub(super) fn open(workspace: &Workspace) -> Result<Self, Failure> {
        let clock = the_clock()?;
        if !workspace.state_file().is_file() {
            return Err(Failure::no_runner(workspace));
        }
        let store = open_store(&workspace.state_file(), clock).map_err(in_the_way)?;
        Ok(Self { store, clock, workspace: workspace.clone() })
    }

    pub(super) fn reader(&self) -> Reader {
        self.store.reader()
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    fn status(&self) -> Result<Status, Failure> {
        let reader = self.reader();
        let now = self.clock.now();
        let world = reader.load_world()?;
        let policy = config::load(&self.workspace.config_file()).map_or_else(
            |error| {
                eprintln!("note: the configuration is not usable ({error}); budgets are unknown");
                Policy::default()
            },
            |config| config.policy,
        );
        let study = StudyView { state: "unknown".to_owned(), ..StudyView::default() };
        Ok(status_of(&world, &policy, now, study, now.wall, reader.last_sequence()?))
    }
}

pub(super) fn the_clock() -> Result<Clock, Failure> {
    Clock::new().map_err(|error| Failure::told(Exit::Failed, &error))
}

/// A record that a runner holds although its socket does not answer.
pub(super) fn in_the_way(error: KeeperError) -> Failure {
    match error {
        KeeperError::Store { path, source: StoreError::Locked } => Failure::new(
            format!("another program holds {path} although no runner answers for this workspace"),
            "a runner may be starting or stopping: try again in a moment; if it lasts, find it \
             with `fuser` or `lsof` and stop it",
        ),
        error @ (KeeperError::Store { .. } | KeeperError::Open { .. }) => error.into(),
    }
}
