//! Everything the machines may ask of the world, and how an interrupted request is resolved.

use super::ids::{DeploymentId, Generation, IntentId, ProcessName, RevisionId};
use super::run::RunIdentity;
use super::time::Moment;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One request to the world. Obtainable only from a committed decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// Start a process; the trader with the named model.
    Launch {
        /// Which process.
        process: ProcessName,
        /// The life being started.
        generation: Generation,
        /// The model to run, for the trader.
        revision: Option<RevisionId>,
    },
    /// Stop a process and everything it started.
    Stop {
        /// Which process.
        process: ProcessName,
        /// The life to end.
        generation: Generation,
        /// Exactly whom; nobody else may be signalled.
        identity: RunIdentity,
    },
    /// Find out whether a process is alive, and adopt it when it is.
    Probe {
        /// Which process.
        process: ProcessName,
    },
    /// Wait until a trial's model files exist and stay untouched.
    AwaitFiles {
        /// For which attempt.
        deployment: DeploymentId,
        /// Whose files.
        revision: RevisionId,
    },
    /// Copy a model into the content-addressed store.
    Stage {
        /// For which attempt.
        deployment: DeploymentId,
        /// Whose files.
        revision: RevisionId,
    },
    /// Judge a staged model.
    Validate {
        /// For which attempt.
        deployment: DeploymentId,
        /// Which model.
        revision: RevisionId,
    },
    /// Check a stored model against its digest before anything live is stopped for it.
    Verify {
        /// For which attempt.
        deployment: DeploymentId,
        /// Which model.
        revision: RevisionId,
    },
    /// Watch for the proof that a process is ready.
    AwaitReady {
        /// Which process.
        process: ProcessName,
        /// Which life.
        generation: Generation,
    },
}

/// An effect that was asked for and is not settled: written with the state that asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its number.
    pub id: IntentId,
    /// What was asked.
    pub effect: Effect,
    /// When.
    pub asked: Moment,
}

/// How an effect is resolved whose outcome was lost with the runner. Never by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Ask the world what happened, then decide.
    Probe,
    /// Do it again: twice is as good as once.
    Idempotent,
}

impl Effect {
    /// How this effect is resolved after a crash. There is no effect without an answer.
    pub const fn resolution(&self) -> Resolution {
        match self {
            Self::Launch { .. } => Resolution::Probe,
            Self::Stop { .. }
            | Self::Probe { .. }
            | Self::AwaitFiles { .. }
            | Self::Stage { .. }
            | Self::Validate { .. }
            | Self::Verify { .. }
            | Self::AwaitReady { .. } => Resolution::Idempotent,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launch { process, generation, revision: None } => {
                write!(f, "start {process} (life {generation})")
            }
            Self::Launch { process, generation, revision: Some(revision) } => {
                write!(f, "start {process} (life {generation}) with revision {revision}")
            }
            Self::Stop { process, generation, .. } => {
                write!(f, "stop {process} (life {generation})")
            }
            Self::Probe { process } => write!(f, "look for {process}"),
            Self::AwaitFiles { revision, .. } => {
                write!(f, "await the files of revision {revision}")
            }
            Self::Stage { revision, .. } => write!(f, "copy revision {revision} into the store"),
            Self::Validate { revision, .. } => write!(f, "validate revision {revision}"),
            Self::Verify { revision, .. } => write!(f, "verify revision {revision}"),
            Self::AwaitReady { process, generation } => {
                write!(f, "watch for {process} to be ready (life {generation})")
            }
        }
    }
}
