//! Why an operator's request was declined, and what would help.

use super::ids::{Generation, ProcessName, RevisionId, SilenceId, TrialNumber};
use super::time::Span;
use serde::{Deserialize, Serialize};

/// A request declined: nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The client decided on an older picture.
    #[error(
        "the deployment moved on since you looked (you saw generation {expected}, it is {actual}); \
         look at `cappuccino status` and ask again"
    )]
    Stale {
        /// What the client had seen.
        expected: Generation,
        /// What is true.
        actual: Generation,
    },
    /// Nothing to go back to.
    #[error(
        "there is no other good revision to roll back to; deploy one with \
         `cappuccino deploy TRIAL`, or stop trading with `cappuccino pause` and `cappuccino stop`"
    )]
    NoRollbackTarget,
    /// That revision is not one to run.
    #[error("revision {revision} cannot be deployed: it is {standing}; see `cappuccino history`")]
    NotDeployable {
        /// Which.
        revision: RevisionId,
        /// What it is.
        standing: String,
    },
    /// No such revision.
    #[error("there is no revision {0}; `cappuccino history` lists them")]
    UnknownRevision(RevisionId),
    /// No such process.
    #[error("there is no process `{0}`; `cappuccino processes` lists them")]
    UnknownProcess(ProcessName),
    /// No trader is configured.
    #[error("no process has the role `trader`; add one to cappuccino.toml and restart the runner")]
    NoTrader,
    /// The trial is live already.
    #[error("trial {0} is live already; nothing to do")]
    AlreadyLive(TrialNumber),
    /// A cutover is under way.
    #[error("a cutover is under way; wait for it, or undo it with `cappuccino rollback`")]
    CutoverUnderWay,
    /// Nothing waits for approval.
    #[error("nothing waits for approval; see `cappuccino status`")]
    NothingToApprove,
    /// The trial is not held.
    #[error("trial {0} is not held; `cappuccino status` lists what is")]
    NotHeld(TrialNumber),
    /// The process is not meant to run.
    #[error("process `{0}` is not meant to run now; a trader starts when a model is deployed")]
    NotWanted(ProcessName),
    /// Nothing to pin.
    #[error("no model is live, so there is nothing to pin; pause without `--pin`")]
    NothingLive,
    /// No such alert.
    #[error("`{0}` does not need attention now; `cappuccino alerts` lists what does")]
    NothingToAcknowledge(String),
    /// Nobody acknowledged it.
    #[error("nobody acknowledged `{0}`; `cappuccino alerts` shows who did")]
    NotAcknowledged(String),
    /// No such silence.
    #[error("there is no silence {0}; `cappuccino silences` lists them")]
    UnknownSilence(SilenceId),
    /// It would last too short or too long.
    #[error("a silence lasts at least a second and at most {0}; choose another time")]
    SilenceLength(Span),
    /// Too many of them.
    #[error("there are {0} silences already; end one with `cappuccino unsilence`")]
    TooManySilences(u32),
    /// It would silence nothing.
    #[error("`{0}` names no alert; use a key from `cappuccino alerts`, where * is anything")]
    NoPattern(String),
    /// The runner must not be interrupted now.
    #[error("{0}; ask again when that is over")]
    UnderWay(String),
    /// Another runner could not take over.
    #[error("{0}, so the runner stays; {1}")]
    NoSuccessor(String, String),
}
