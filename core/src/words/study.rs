//! What the study's observer passes on about trials.

use super::ids::{TrialId, TrialNumber};
use super::time::Timestamp;
use super::trial::{TrialState, Value};
use serde::{Deserialize, Serialize};

/// One trial in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Its row id.
    pub trial_id: TrialId,
    /// Its number.
    pub number: TrialNumber,
    /// Its state.
    pub state: TrialState,
    /// Value of the watched objective; none when there is none or it is damaged.
    pub value: Option<Value>,
    /// Whether every constraint is at most 0.
    pub feasible: bool,
    /// When it started, in UTC as far as that can be told.
    pub started: Option<Timestamp>,
    /// When it finished, in UTC as far as that can be told.
    pub completed: Option<Timestamp>,
}

/// Trials by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Being evaluated, or left behind.
    pub running: u64,
    /// Finished with a value.
    pub complete: u64,
    /// Stopped early.
    pub pruned: u64,
    /// Failed.
    pub failed: u64,
    /// Enqueued.
    pub waiting: u64,
}

/// Why the whole study was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResyncReason {
    /// It was read for the first time.
    FirstLoad,
    /// Another file is in its place.
    FileReplaced,
    /// The study was deleted and made again, perhaps with the same ids.
    StudyRecreated,
    /// A trial is gone.
    TrialDeleted,
    /// The count of trials did not agree with what was read.
    AuditMismatch,
}

impl Counts {
    /// Counts one trial in this state.
    pub const fn add(&mut self, state: TrialState) {
        let count = match state {
            TrialState::Running => &mut self.running,
            TrialState::Complete => &mut self.complete,
            TrialState::Pruned => &mut self.pruned,
            TrialState::Failed => &mut self.failed,
            TrialState::Waiting => &mut self.waiting,
        };
        *count = count.saturating_add(1);
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.running
            .saturating_add(self.complete)
            .saturating_add(self.pruned)
            .saturating_add(self.failed)
            .saturating_add(self.waiting)
    }
}
