//! The whole picture at one moment: answer to `GET /v1/status`.

use super::alerts::{AlertView, SilenceView};
use super::machine::MachineView;
use super::pnl::PnlView;
use crate::words::{
    Digest, Direction, Generation, ProcessName, RevisionId, Sequence, Span, Timestamp, TrialId,
    TrialNumber, TrialState,
};
use serde::{Deserialize, Serialize};

/// Everything a client shows at a glance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// When this was true.
    pub at: Timestamp,
    /// Number of the newest line of the history.
    pub sequence: Sequence,
    /// Since when this runner runs.
    pub runner_since: Timestamp,
    /// Whether it is going down.
    pub shutting_down: bool,
    /// The study.
    pub study: StudyView,
    /// Which model is live, and what is under way.
    pub deployment: DeploymentView,
    /// The supervised processes, by name.
    pub processes: Vec<ProcessView>,
    /// What needs attention, oldest first.
    pub alerts: Vec<AlertView>,
    /// Alerts that are not raised yet, or are over since lately.
    #[serde(default)]
    pub alerts_aside: Vec<AlertView>,
    /// What is not told for a while.
    #[serde(default)]
    pub silences: Vec<SilenceView>,
    /// The machine; absent until it was looked at.
    #[serde(default)]
    pub machine: Option<MachineView>,
    /// What the trader earns with the model it runs; nothing without a trader.
    #[serde(default)]
    pub pnl: Option<PnlView>,
}

/// The study as it was read last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StudyView {
    /// `unseen`, `following` or `lost`.
    pub state: String,
    /// Its name.
    pub name: Option<String>,
    /// Its database file.
    pub database: String,
    /// Which way the watched objective improves.
    pub direction: Option<Direction>,
    /// Trials by state.
    pub counts: CountsView,
    /// The best trial, as Optuna sees it.
    pub best: Option<TrialView>,
    /// The best trial that may be deployed automatically.
    pub best_deployable: Option<TrialView>,
    /// Trials finished in the last hour, by their arrival here.
    pub finished_last_hour: u32,
    /// When a trial last finished, by its arrival here; the first look before the first.
    #[serde(default)]
    pub last_finished: Option<Timestamp>,
    /// Running trials that nobody works on any more.
    #[serde(default)]
    pub zombies: Vec<TrialNumber>,
}

/// Trials by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountsView {
    /// Being evaluated.
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

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialView {
    /// Its number.
    pub number: TrialNumber,
    /// Its row id.
    pub trial_id: TrialId,
    /// Its state.
    pub state: TrialState,
    /// Value of the watched objective: a number, or the text `inf` or `-inf`, or nothing.
    pub value: Option<ViewValue>,
    /// Whether it satisfies its constraints.
    pub feasible: bool,
    /// When it started, as far as known.
    pub started: Option<Timestamp>,
    /// When it finished, as far as known.
    pub completed: Option<Timestamp>,
    /// Whether it is called running, but nobody works on it any more.
    #[serde(default)]
    pub abandoned: bool,
}

/// A value that JSON can carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ViewValue {
    /// A finite number.
    Finite(f64),
    /// `inf` or `-inf`.
    Infinite(String),
}

impl std::fmt::Display for ViewValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Finite(number) => number.fmt(f),
            Self::Infinite(text) => f.write_str(text),
        }
    }
}

/// Which model is live, and what is under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeploymentView {
    /// `automatic`, `paused: …` or `pinned: …`.
    pub mode: String,
    /// `watching`, `live`, `settling`, … as in docs/MACHINES.md.
    pub phase: String,
    /// What a command's `expected` is compared with.
    pub generation: Generation,
    /// The live model.
    pub live: Option<RevisionView>,
    /// The model that is to go live.
    pub next: Option<RevisionView>,
    /// When the present step runs out of time.
    pub deadline: Option<Timestamp>,
    /// Where a rollback without argument would go.
    pub rollback_target: Option<RevisionView>,
    /// Why the best trial is not deployed, when that was decided.
    pub declined: Option<String>,
    /// Why nothing trades, when that was decided.
    pub halted: Option<String>,
    /// Trials that are held back.
    pub holds: Vec<HoldView>,
    /// Models considered so far, newest first.
    pub revisions: Vec<RevisionView>,
}

/// A trial that is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldView {
    /// Its number.
    pub number: TrialNumber,
    /// Its row id.
    pub trial_id: TrialId,
    /// Why.
    pub reason: String,
}

/// A model that was considered for going live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevisionView {
    /// Its number.
    pub id: RevisionId,
    /// The trial it comes from.
    pub trial: TrialNumber,
    /// That trial's row id.
    pub trial_id: TrialId,
    /// Its objective value.
    pub value: f64,
    /// `candidate`, `good`, `bad: …`, `rejected: …`, …
    pub standing: String,
    /// Its address in the model store.
    pub content: Option<Digest>,
    /// When it was first considered.
    pub created: Timestamp,
}

/// One supervised process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessView {
    /// Its name.
    pub name: ProcessName,
    /// `worker`, `trader` or `other`.
    pub role: String,
    /// `stopped`, `starting`, `running`, `ready`, `stopping`, `backoff`, `cooldown`, `unknown`,
    /// `waiting`, `done`.
    pub phase: String,
    /// What comes next, in words; empty when nothing does.
    pub next: String,
    /// Since when it is in this phase.
    pub since: Option<Timestamp>,
    /// Its process id, while it lives.
    pub pid: Option<u32>,
    /// Which life this is.
    pub generation: Generation,
    /// The model it runs.
    pub revision: Option<RevisionId>,
    /// Failures that count against the budget now.
    pub failures: u32,
    /// The budget.
    pub budget: u32,
    /// Lives so far.
    pub starts: u64,
    /// Ends nobody asked for, so far.
    pub failures_total: u64,
    /// How the last life ended.
    pub last_exit: Option<String>,
    /// The budget's window.
    #[serde(default)]
    pub window: Span,
    /// What has to be ready before it is started.
    #[serde(default)]
    pub waits_for: Option<ProcessName>,
    /// Most memory that it may use, in bytes.
    #[serde(default)]
    pub memory_limit_bytes: Option<u64>,
    /// The signs of life that are looked for, each with its last sight and its limit, in words.
    #[serde(default)]
    pub signs: Vec<String>,
}
